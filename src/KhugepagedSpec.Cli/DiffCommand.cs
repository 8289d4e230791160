using System.CommandLine;
using KhugepagedSpec.Checking;
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
              khugepaged-spec diff --all
            """)
        { first, second };
        scenario.AddTo(command);
        command.Add(all);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(all))
                return DiffText.PrintMatrix();
            var a = ModelOption.Find(parsed.GetValue(first) ?? throw new UsageException("no versions: expected A and B, or --all"));
            var b = ModelOption.Find(parsed.GetValue(second) ?? throw new UsageException($"only one version, {a.Name}: expected another"));
            return scenario.TableText(parsed) is null ? Search(a, b) : On(a, b, VersionDiff.On(scenario.Scenario(parsed), a, b));
        });
        return command;
    }

    private static int Search(KhugepagedVersion a, KhugepagedVersion b)
    {
        var report = TerminalProgress.Counting("scenarios tried", tell => VersionDiff.Search(a, b, tell));
        Console.WriteLine(FormattableString.Invariant($"{report.Scenarios} scenarios tried: {report.Bound}"));
        if (report.Difference is not null)
            Console.WriteLine();
        return On(a, b, report.Difference);
    }

    private static int On(KhugepagedVersion a, KhugepagedVersion b, Difference? difference)
    {
        if (difference is null)
        {
            Console.WriteLine($"{a.Name} and {b.Name} do the same");
            return CommandLine.Agree;
        }
        DiffText.Print(a, b, difference);
        return CommandLine.Differ;
    }
}
