using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec validate</c>: a recorded race against the interleaving model.</summary>
internal static class ValidateCommand
{
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
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var command = new Verb(
            "validate",
            "Hold a recorded race of a kernel against the interleaving model.",
            """
            Each attempt to collapse is cut from the trace with the tasks that ran beside it. It is a path if some run of the model
            agrees with every observation; what no probe shows may happen at any time. Invariants are judged on the trace itself.
            Exit code 0 if all that was judged are paths, 1 if one is refused or an invariant is broken, 3 if nothing was judged, or
            the trace lost events or has a thread that forks. An attempt that cannot be told to the model is not judged, and counted by
            the reason.

            Examples:
              khugepaged-spec validate race.trace
              khugepaged-spec validate race.trace --model pmd-checked-before-vma-lock
              khugepaged-spec validate race.trace --attempt 4
            """)
        { file, model, attempt, json };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(file)!;
            var protocol = Protocols.Of(parsed.GetValue(model));
            int? one = parsed.GetValue(attempt);
            var trace = RaceTrace.Read(path);
            var attempts = CollapseAttempt.Of(trace);
            if (one is { } number && (number < 1 || number > attempts.Length))
                throw new UsageException(attempts.IsEmpty ? $"--attempt {number}: the trace has no attempt"
                    : $"--attempt {number}: expected 1 to {attempts.Length}");
            var (broken, unseen) = trace.NotJudged is null ? TraceInvariant.Judge(trace, attempts) : ([], []);
            var watch = Stopwatch.StartNew();
            var validator = new Validator(trace, protocol);
            var judged = attempts.Where(each => one is null || each.Number == one).Select(validator.Judge).ToList();
            var found = new Validated(path, protocol.Name, trace, attempts, judged, broken, unseen, watch.Elapsed, one is not null);
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(ValidateJson.Of(found), CliJson.Readable.ValidateJson));
            else
                ValidateText.Print(found);
            return found.ExitCode;
        });
        return command;
    }
}
