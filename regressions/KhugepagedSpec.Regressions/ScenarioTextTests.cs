using System.Text.Json;
using System.Text.RegularExpressions;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What a failure prints as a command is the scenario that failed.</summary>
[Collection("console")]
public sealed partial class ScenarioTextTests
{
    [Fact]
    public void A_scenario_written_as_a_command_runs_as_the_scenario()
    {
        int n = 0;
        foreach (var generated in ScenarioGenerator.Random(17, new Geometry(4)).Take(150)
            .Concat(ScenarioGenerator.Random(18, Geometry.X86).Take(50)))
            Same(Varied(generated, n++) is { Unsaid.IsEmpty: true } varied ? varied : generated);
    }

    [Theory]
    [InlineData("'x*512'")]
    [InlineData("'x*8' --pmd-order 3 --enabled 2 --always 3 --inherit 2 --max-ptes-none 1 --max-ptes-swap 0 --max-ptes-shared 1 --kind madvise --uffd both --mlock --vma -8-15 --thp-disable completely --fail alloc-fails@3")]
    public void Only_what_is_not_usual_is_written(string text)
    {
        var scenario = text.Contains("pmd-order", StringComparison.Ordinal) ? Everything()
            : Scenario.Of(PageTable.Parse("x*512", Geometry.X86));
        Assert.Equal(text, scenario.ToString());
    }

    private static Scenario Everything()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*8", new Geometry(3)));
        return scenario with
        {
            Settings = scenario.Settings with
            {
                Madvise = OrderSet.Of(2),
                Always = OrderSet.Of(3),
                Inherit = OrderSet.Of(2),
                MaxPtesNone = 1,
                MaxPtesSwap = 0,
                MaxPtesShared = 1
            },
            Kind = Settings.CollapseKind.Madvise,
            Vma = scenario.Vma with
            {
                Start = -8,
                End = 16,
                Flags = scenario.Vma.Flags | VmaFlags.UffdMissing | VmaFlags.UffdWp | VmaFlags.Locked
            },
            ThpDisable = ThpDisable.Completely,
            Faults = [FaultInjection.Parse("alloc-fails@3")],
        };
    }

    private static Scenario Varied(Scenario scenario, int n) => (n % 6) switch
    {
        0 => scenario with { Vma = scenario.Vma with { Start = -scenario.Table.Cells.Length, End = 2 * scenario.Table.Cells.Length } },
        1 => scenario with { ThpDisable = ThpDisable.ExceptAdvised },
        2 => scenario with
        {
            Settings = scenario.Settings with
            {
                Inherit = OrderSet.Of(2),
                Madvise = scenario.Settings.Madvise.Without(2),
                Always = scenario.Settings.Always.Without(2)
            },
        },
        3 => scenario with { Vma = scenario.Vma with { End = scenario.Vma.End - 1 } },
        4 => scenario with { Settings = ThpSettings.Defaults(scenario.Settings.Geometry) },
        _ => scenario,
    };

    private static void Same(Scenario scenario)
    {
        string[] args = [.. Argument().Matches(scenario.ToString())
            .Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)];
        var (code, output, error) = Cli.Run(["explain", .. args, "--passes", "2", "--json"]);
        Assert.Equal((0, ""), (code, error));
        var passes = JsonDocument.Parse(output).RootElement.GetProperty("passes");
        var runs = scenario.Run(Catalogue.Linux72, 2, traced: true);
        for (int pass = 0; pass < runs.Length; pass++)
        {
            Assert.Equal(runs[pass].After.ToString(), passes[pass].GetProperty("after").GetString());
            Assert.Equal(runs[pass].Trace.Select(line => line.ToString()), passes[pass].GetProperty("trace").EnumerateArray()
                .Select(line => line.GetString()));
        }
    }

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Argument();
}
