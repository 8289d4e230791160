using System.Text;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Checking;

/// <summary>A counterexample in words: the invariant and who asked for it, the scenario, the walk with the step marked, the command that
/// shows it.</summary>
public static class CounterexampleText
{
    /// <summary>The command that shows it.</summary>
    public static string Command(Counterexample found, KhugepagedVersion version) =>
        $"khugepaged-spec explain {found.Scenario} --model {version.AskedAs} --passes {found.Violation.Pass}";

    /// <summary>All of it, several lines.</summary>
    public static string Of(Counterexample found, KhugepagedVersion version)
    {
        var (violation, scenario) = (found.Violation, found.Scenario);
        var text = new StringBuilder();
        text.Append(version.Name).Append(" breaks ").Append(found.Invariant.Name).Append('\n')
            .Append("  it must hold  ").Append(found.Invariant.Statement).Append('\n')
            .Append("  from          ").Append(found.Invariant.Citation).Append('\n')
            .Append("  but in        ").Append(violation).Append('\n');
        var runs = scenario.Run(version, violation.Pass, traced: true);
        var before = violation.Pass > 1 ? runs[^2].After : scenario.Table;
        text.Append("\n  before        ").Append(before).Append('\n');
        foreach (var table in runs[^1].Report.Tables)
        {
            text.Append("  scan          ").Append(table.Scan.Result.KernelName()).Append('\n');
            if (table.Scan.Why is { } why)
                text.Append("                ").Append(RefusalText.Of(why, scenario.Settings,
                    scenario.Settings.Geometry.PmdOrder)).Append('\n');
            foreach (var line in WalkText.Summary(table))
            {
                text.Append(Concerns(line.Window, violation.Cell) ? "> " : "  ").Append("walk          ").Append(line.Text).Append('\n');
                if (line.Why(scenario.Settings) is { } inTheWay)
                    text.Append("                          ").Append(inTheWay).Append('\n');
            }
            text.Append("  result        ").Append(table.Status.KernelName()).Append('\n');
        }
        text.Append("  after         ").Append(runs[^1].After).Append('\n');
        return text.Append("\n  ").Append(Command(found, version)).ToString();
    }

    private static bool Concerns(WalkStep? step, int? cell) =>
        step is { Reason: not WalkReason.Disabled } at && cell is { } pte && at.Offset <= pte && pte < at.Offset + (1 << at.Order);
}
