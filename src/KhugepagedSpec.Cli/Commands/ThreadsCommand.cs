using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Cli.Threads;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec threads</c>: what the threads claimed and asked, and what became of it.</summary>
internal static class ThreadsCommand
{
    private static readonly ImmutableArray<Claim> All = [.. ThreadBook.Threads.SelectMany(thread => thread.Claims)];

    public static Command Create()
    {
        var which = new Argument<string[]>("NUMBER")
        {
            Description = "Run what shows the verdict on this claim, and judge it; several may be given.",
            Arity = ArgumentArity.ZeroOrMore,
            HelpName = "NUMBER",
        };
        var thread = new Option<string?>("--thread") { Description = "Only this thread.", HelpName = "NAME" };
        thread.CompletionSources.Add([.. ThreadBook.Threads.Select(one => one.Name)]);
        var verdict = new Option<string?>("--verdict")
        {
            Description = "Only claims with this verdict, as holds, false or open.",
            HelpName = "VERDICT",
        };
        verdict.CompletionSources.Add([.. Enum.GetValues<Verdict>().Select(ThreadBook.Name)]);
        var all = new Option<bool>("--all") { Description = "Run what shows each verdict, and print a table." };
        var json = new Option<bool>("--json") { Description = "Print the claims as JSON; with NUMBER or --all, what was run as well." };
        var html = HtmlOption.Create("the threads, each claim with its run and its picture");
        var command = new Verb(
            "threads",
            "List what the threads on linux-mm claimed and asked, with a verdict on each; run what shows it.",
            """
            Five threads of 2025 and 2026 on mTHP collapse; each claim in a sentence of our own, with who made it, when, and the
            command that shows the verdict. Where a verdict is open, nothing here decides it, and NUMBER says what is missing.
            Exit code 1 if a run does not show what its verdict says.

            Examples:
              khugepaged-spec threads
              khugepaged-spec threads 17
              khugepaged-spec threads --thread walk --all
              khugepaged-spec threads --verdict open
              khugepaged-spec threads --html threads.html
            """)
        { which, thread, verdict, all, json, html };
        command.SetAction(parsed =>
        {
            string[] numbers = parsed.GetValue(which) ?? [];
            var claims = Chosen(numbers, parsed.GetValue(thread), parsed.GetValue(verdict));
            bool isRun = parsed.GetValue(all) || numbers.Length > 0;
            if (HtmlOption.Get(parsed, html) is { } page)
            {
                if (parsed.GetValue(json))
                    throw new UsageException("--html contradicts --json: expected one of them");
                var done = numbers.Length > 0 ? Run(claims, ThreadsText.Print) : Table(claims);
                page.Write(Page(done, CommandText.Of(parsed, html)).ToString());
                return Code(done);
            }
            return (isRun, parsed.GetValue(json)) switch
            {
                (false, false) => ThreadsText.List(claims),
                (false, true) => PrintJson(claims.Select(claim => ThreadsJson.Of(claim, null))),
                (true, false) when numbers.Length > 0 => Code(Run(claims, ThreadsText.Print)),
                (true, false) => Code(Table(claims)),
                (true, true) => RunJson(claims),
            };
        });
        return command;
    }

    private static ImmutableArray<Claim> Chosen(string[] numbers, string? thread, string? verdict)
    {
        if (numbers.Length > 0 && (thread ?? verdict) is not null)
            throw new UsageException($"{numbers[0]} and {(thread is null ? "--verdict" : "--thread")}: expected one of them");
        var claims = numbers.Length > 0 ? [.. numbers.Select(Numbered)] : All;
        if (thread is not null)
            claims = ThreadBook.Threads.FirstOrDefault(one => one.Name == thread)?.Claims ?? throw new UsageException(
                $"--thread: nothing is called '{thread}': expected {string.Join(", ", ThreadBook.Threads.Select(one => one.Name))}");
        var verdicts = Enum.GetValues<Verdict>();
        if (verdict is not null && !verdicts.Any(one => ThreadBook.Name(one) == verdict))
            throw new UsageException($"--verdict: '{verdict}': expected {string.Join(", ", verdicts.Select(ThreadBook.Name))}");
        return [.. claims.Where(claim => verdict is null || ThreadBook.Name(claim.Verdict) == verdict)];
    }

    private static Claim Numbered(string number) =>
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= 1 && value <= All.Length
            ? All[value - 1]
            : throw new UsageException($"NUMBER: '{number}': expected 1 to {All.Length}");

    private static List<(Claim Claim, ImmutableArray<Shown> Shown)> Run(
        ImmutableArray<Claim> claims, Action<Claim, ImmutableArray<Shown>>? say)
    {
        var done = new List<(Claim, ImmutableArray<Shown>)>();
        TerminalProgress.Steps("claims", claims.Length, step =>
        {
            foreach (var claim in claims)
            {
                Interrupt.OfTheRun.ThrowIfCancellationRequested();
                ImmutableArray<Shown> shown = [.. claim.Runs.Select(ClaimRunner.Run)];
                done.Add((claim, shown));
                step();
            }
        });
        if (say is not null)
            done.ForEach(one => say(one.Item1, one.Item2));
        return done;
    }

    private static List<(Claim Claim, ImmutableArray<Shown> Shown)> Table(ImmutableArray<Claim> claims)
    {
        var done = Run(claims, ThreadsText.Row);
        ThreadsText.Totals(done);
        return done;
    }

    private static HtmlPage Page(List<(Claim Claim, ImmutableArray<Shown> Shown)> done, string command) => ThreadsPage.Of(done, command,
        // What is to be refused has no walk.
        run => run.Exit == ExitCode.Agree && ClaimWords.Of(run.Command) is ["explain", .. var words]
            ? (ExplainCommand.Explain(words, out bool everyStep), everyStep)
            : null);

    private static int RunJson(ImmutableArray<Claim> claims)
    {
        var done = Run(claims, null);
        PrintJson(done.Select(one => ThreadsJson.Of(one.Claim, one.Shown)));
        return Code(done);
    }

    private static int PrintJson(IEnumerable<ClaimJsonLine> claims)
    {
        Console.WriteLine(JsonSerializer.Serialize([.. claims], CliJson.Readable.ClaimJsonLineArray));
        return ExitCode.Agree;
    }

    private static int Code(List<(Claim Claim, ImmutableArray<Shown> Shown)> done) =>
        done.Any(one => one.Shown.Any(shown => shown.Amiss is not null)) ? ExitCode.Differ : ExitCode.Agree;
}
