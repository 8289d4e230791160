using System.CommandLine;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli;

/// <summary><c>khugepaged-spec diff</c>: where two versions part.</summary>
internal static class DiffCommand
{
    public static Command Create()
    {
        var first = new Argument<string?>("A") { Arity = ArgumentArity.ZeroOrOne, Description = "A version.", HelpName = "A", CompletionSources = { ModelOption.Names } };
        var second = new Argument<string?>("B") { Arity = ArgumentArity.ZeroOrOne, Description = "Another.", HelpName = "B", CompletionSources = { ModelOption.Names } };
        var scenario = new ScenarioOptions();
        var all = new Option<bool>("--all") { Description = "Every pair of versions: the size of the smallest difference." };
        var html = HtmlOption.Create("both runs side by side");
        var command = new Verb(
            "diff",
            "Show where two versions part: on a given table, or on the smallest that tells them apart.",
            """
            Without TABLE it searches: every scenario of 8 and 16 PTEs made of aligned blocks, by number of non-empty PTEs, then by
            number of orders; then random ones at the real size. What it finds is shrunk.
            Exit code 0: no difference; 1: they differ; 2: bad input.

            Examples:
              khugepaged-spec diff v19 linux-7.2
              khugepaged-spec diff v12 linux-7.2 'x .*511' --enabled 2,3,4
              khugepaged-spec diff v19 linux-7.2 's x*511' --enabled 9 --max-ptes-none 0 --html diff.html
              khugepaged-spec diff --all
            """)
        { first, second };
        scenario.AddTo(command);
        command.Add(all);
        command.Add(html);
        command.SetAction(parsed =>
        {
            string? page = HtmlOption.Get(parsed, html);
            if (parsed.GetValue(all))
                return page is null ? DiffText.PrintMatrix() : throw new UsageException("--html contradicts --all: expected two versions");
            var a = ModelOption.Find(parsed.GetValue(first) ?? throw new UsageException("no versions: expected A and B, or --all"));
            var b = ModelOption.Find(parsed.GetValue(second) ?? throw new UsageException($"only one version, {a.Name}: expected another"));
            if (!scenario.IsGiven(parsed) && scenario.FirstGivenBesidesSettings(parsed) is { } stray)
                throw new UsageException($"{stray}: expected it with TABLE or --program: what is searched are settings and tables");
            var (difference, searched) = !scenario.IsGiven(parsed) ? Search(a, b) : (On(scenario.Scenario(parsed), a, b), null);
            if (page is not null)
                HtmlPage.Write(page, DiffPage.Of(a, b, difference, searched, CommandText.Of(parsed, html)));
            return Print(a, b, difference, searched);
        });
        return command;
    }

    private static Difference? On(Scenario scenario, KhugepagedVersion a, KhugepagedVersion b)
    {
        UffdModes.Check(scenario.Vma, a);
        UffdModes.Check(scenario.Vma, b);
        return VersionDiff.On(scenario, a, b);
    }

    private static (Difference? Difference, string Searched) Search(KhugepagedVersion a, KhugepagedVersion b)
    {
        var report = TerminalProgress.Counting("scenarios tried", tell => VersionDiff.Search(a, b, tell));
        return (report.Difference, FormattableString.Invariant($"{report.Scenarios} scenarios tried: {report.Bound}"));
    }

    private static int Print(KhugepagedVersion a, KhugepagedVersion b, Difference? difference, string? searched)
    {
        if (searched is not null)
            Console.WriteLine(difference is null ? searched : $"{searched}\n");
        if (difference is null)
        {
            Console.WriteLine($"{a.Name} and {b.Name} do the same");
            return CommandLine.Agree;
        }
        DiffText.Print(a, b, difference);
        return CommandLine.Differ;
    }
}
