using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec validate</c>: a recorded race against the interleaving model.</summary>
internal static class ValidateCommand
{
    private const int MostWithCompany = 200;

    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A recorded race, or - for standard input." };
        var model = new Option<string?>("--model")
        {
            Description = "The protocol to hold it against (linux-7.2); see explore --list.",
            HelpName = "NAME or A,B",
            CompletionSources = { Protocols.All.Select(one => one.Name).ToArray() },
        };
        var attempt = Options.Number("--attempt", "Judge only this attempt, from 1, and show who did what meanwhile.");
        var protocols = new Option<bool>("--protocols")
        {
            Description = "Hold the attempts with company against every protocol instead: which does the race tell apart?",
        };
        var most = Options.Number("--most", "With --protocols: attempts with company, at most. Default: 200.");
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var html = HtmlOption.Create("the first attempt that breaks an invariant or is refused, or the one asked for, a lane a task");
        var command = new Verb(
            "validate",
            "Hold a recorded race of a kernel against the interleaving model.",
            """
            Each attempt to collapse is cut from the trace with the tasks that ran beside it. It is a path if some run of the model
            agrees with every observation; what no probe shows may happen at any time. Invariants are judged on the trace itself.
            Of a window of more than four pages, or of the PMD order, those that somebody touches are told a few at a time, with one
            that stands for the rest; an attempt is a path if it is one each time. Children have page tables of their own: attempts
            there are judged by who works on them.
            Exit code 0 if all that was judged are paths, 1 if one is refused or an invariant is broken, 3 if nothing was judged, or
            the trace lost events. An attempt that cannot be told to the model is not judged, and counted by the reason.
            With --protocols exit code 0, or 3 if no attempt was judged.

            Examples:
              khugepaged-spec validate race.trace
              khugepaged-spec validate race.trace --model pmd-checked-before-vma-lock
              khugepaged-spec validate race.trace --attempt 4
              khugepaged-spec validate race.trace --model pmd-not-rechecked --html refused.html
              khugepaged-spec validate race.trace --protocols --most 50
            """)
        { file, model, attempt, protocols, most, json, html };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(file)!;
            var protocol = Protocols.Of(parsed.GetValue(model));
            int? one = parsed.GetValue(attempt);
            bool tells = parsed.GetValue(protocols);
            if (tells && (one is not null || parsed.GetValue(model) is not null))
                throw new UsageException($"--protocols with {(one is not null ? "--attempt" : "--model")}: expected one of them");
            if (!tells && parsed.GetValue(most) is not null)
                throw new UsageException("--most without --protocols: expected --protocols");
            if (parsed.GetValue(most) < 1)
                throw new UsageException($"--most {parsed.GetValue(most)}: expected 1 or more");
            var page = HtmlOption.Get(parsed, html);
            if (tells && page is not null)
                throw new UsageException("--protocols with --html: expected one of them");
            var trace = RaceTrace.Read(path);
            var attempts = CollapseAttempt.Of(trace);
            if (one is { } number && (number < 1 || number > attempts.Length))
                throw new UsageException(attempts.IsEmpty ? $"--attempt {number}: the trace has no attempt"
                    : $"--attempt {number}: expected 1 to {attempts.Length}");
            if (tells)
                return ToldApartText.Print(path, trace, attempts, parsed.GetValue(most) ?? MostWithCompany, parsed.GetValue(json));
            var (broken, unseen) = trace.NotJudged is null ? TraceInvariant.Judge(trace, attempts) : ([], []);
            var watch = Stopwatch.StartNew();
            using var validator = new ThreadLocal<Validator>(() => new Validator(trace, protocol));
            var asked = attempts.Where(each => one is null || each.Number == one).ToList();
            var judged = Interruptible.Each("validate", asked, (each, stop) => validator.Value!.Judge(each, stop))
                .OfType<Judgement>().ToList();
            var found = new Validated(path, protocol.Name, trace, attempts, judged, broken, unseen, watch.Elapsed, one is not null);
            page?.Write(ValidatePage.Of(found, CommandText.Of(parsed, html)).ToString());
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(ValidateJson.Of(found), CliJson.Readable.ValidateJson));
            else
                ValidateText.Print(found);
            return Interruptible.Ended(judged.Count, asked.Count, "attempts were gone through", found.ExitCode);
        });
        return command;
    }
}
