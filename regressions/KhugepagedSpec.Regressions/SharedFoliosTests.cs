using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Large folios that a child maps too, in guests.</summary>
public sealed class SharedFoliosTests
{
    private static readonly KernelAbilities Linux72 = KernelAbilities.FromGreeting("7.2.13 #1\nkhugepaged 1\nswap 1\n");

    private static List<Scenario> Scenarios { get; } =
        [.. Enumerable.Range(0, 120).SelectMany(number => new LiveScenarios(1, Linux72).Batch(number)).Where(HasSharedFolio)];

    private static bool HasSharedFolio(Scenario scenario) =>
        scenario.Table.Cells.Any(cell => cell.Order > 0 && cell.Has(CellFlags.Shared));

    private static int Shared(Scenario scenario) => scenario.Table.Cells.Count(cell => cell.Has(CellFlags.Shared));

    private static int Above(Scenario scenario) => Shared(scenario) - scenario.Settings.MaxPtesShared;

    private static ScanResult Scan(Scenario scenario) => scenario.Run(Catalogue.Linux72, 1)[0].Report.Tables[0].Scan.Result;

    [Fact]
    public void Khugepaged_meets_max_ptes_shared_exactly_and_one_above_it()
    {
        var asked = Scenarios.Where(scenario => scenario.Kind == CollapseKind.Khugepaged).ToList();
        Assert.Contains(asked, scenario => Above(scenario) == 0 && Scan(scenario) != ScanResult.ExceedSharedPte);
        Assert.Contains(asked, scenario => Above(scenario) == 1 && Scan(scenario) == ScanResult.ExceedSharedPte);
    }

    [Fact]
    public void MADV_COLLAPSE_collapses_what_is_above_max_ptes_shared() => Assert.Contains(
        Scenarios,
        scenario => scenario.Kind == CollapseKind.Madvise && Above(scenario) > 0 && Scan(scenario) == ScanResult.Succeed);

    [Fact]
    public void Whoever_counts_a_folio_once_is_seen() => Assert.Contains(
        Scenarios,
        scenario => scenario.Kind == CollapseKind.Khugepaged && Scan(scenario) == ScanResult.ExceedSharedPte
            && LargeFolios.Of(scenario.Table.Cells).Count()
                + scenario.Table.Cells.Count(cell => cell.Order == 0 && cell.Has(CellFlags.Shared)) <= scenario.Settings.MaxPtesShared);

    [Theory]
    [InlineData("f3h f2[0+3]h x h x*499", null)]
    [InlineData("f3h f3 x*496",
        "PTE 8 is f3[0+1]: a child maps pages of other large folios, and is forked when all are there: "
            + "expected h with it too, or with none")]
    public void Where_a_large_folio_is_shared_all_are(string table, string? refusal) =>
        Assert.Equal(refusal, LiveRefusal.Of(Scenario.Of(PageTable.Parse(table, Geometry.X86)), Linux72));

    [Fact]
    public void The_child_is_forked_once_the_folios_are_there_and_before_the_pages_of_its_own()
    {
        var input = LiveInput.Of("a", Scenario.Of(PageTable.Parse("f3h f2[0+3]h x h x*499", Geometry.X86)), 1, beside: true);
        string[] steps = new TableBuilder(input, 1L << 44, 1).Build().Split('\n');
        int share = Array.FindIndex(steps, step => step.StartsWith("share ", StringComparison.Ordinal));
        string[] keeps = [.. steps.Where(step => step.StartsWith("keep ", StringComparison.Ordinal))];
        Assert.Equal([$"keep {1L << 44} 11", $"keep {(1L << 44) + (12 << 12)} 1"], keeps);
        Assert.Contains(steps[..share], step => step == $"write {(1L << 44) + (12 << 12)} 1 13");
        Assert.Contains(steps[share..], step => step == $"write {(1L << 44) + (13 << 12)} 499 14");
        Assert.Single(steps, step => step.StartsWith("share ", StringComparison.Ordinal));
    }
}
