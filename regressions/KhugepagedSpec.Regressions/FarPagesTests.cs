using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Scenarios for guests with two NUMA nodes.</summary>
public sealed class FarPagesTests
{
    private static readonly KernelAbilities TwoNodes = KernelAbilities.BeforeBoot(
        new CachedKernel("7.2.13", "/k", []) { Machine = GuestMachine.Usual with { Nodes = 2 } });

    private static List<Scenario> Scenarios(KernelAbilities kernel) =>
        [.. Enumerable.Range(0, 20).SelectMany(number => new LiveScenarios(1, kernel).Batch(number))];

    private static IEnumerable<CollapseOf> Run(Scenario scenario) => scenario.Run(Catalogue.Linux72, 1).SelectMany(run => run.Report.Tables)
        .Select(table => new CollapseOf(table.Scan.Result, table.Attempts.Count));

    private readonly record struct CollapseOf(ScanResult Scan, int Attempts);

    [Fact]
    public void Fresh_scenarios_come_to_SCAN_ABORT_and_to_folios_on_the_other_node_and_to_a_tie()
    {
        var scenarios = Scenarios(TwoNodes);
        var far = scenarios.Where(scenario => scenario.Numa == NumaTopology.TwoFarNodes).ToList();
        Assert.Contains(far.SelectMany(Run), run => run.Scan == ScanResult.ScanAbort);
        Assert.Contains(far.SelectMany(Run), run => run is { Scan: ScanResult.Succeed, Attempts: > 0 });
        var near = scenarios.Where(scenario => scenario.Numa is { Nodes: 2, NodeReclaim: false }).ToList();
        Assert.DoesNotContain(near.SelectMany(Run), run => run.Scan == ScanResult.ScanAbort);
        Assert.Contains(near, scenario => scenario.Run(Catalogue.Linux72, 1).Single().After
            .Cells.Any(cell => cell is { Order: > 0, Node: 1 } && cell.Has(CellFlags.New)));
    }

    [Fact]
    public void A_folio_is_on_one_node_as_a_whole() => Assert.All(
        Scenarios(TwoNodes).SelectMany(scenario => FolioPlan.Folios(scenario.Table.Cells).Select(folio => (scenario, folio))),
        pair => Assert.Single(pair.folio.Kept.Select(page => pair.scenario.Table.Cells[page].Node).Distinct()));

    [Fact]
    public void What_a_guest_of_two_nodes_is_asked_for_is_what_was_drawn() => Assert.All(
        Scenarios(TwoNodes),
        scenario =>
        {
            Assert.Null(LiveRefusal.Of(scenario, TwoNodes, beside: true));
            var input = LiveInput.Of("one", scenario, 1, beside: true);
            Assert.Equal(scenario.Numa, LiveInput.ScenarioOf(VectorInput.Parse(input.ToString(), scenario.Settings.Geometry)).Numa);
        });

    // A fault on one page that balancing took the access from makes all of its folio young.
    [Fact]
    public void Where_NUMA_is_balanced_the_pages_of_a_far_folio_are_equally_old()
    {
        var balanced = TwoNodes with { BalancesNuma = true };
        Assert.Contains(Scenarios(TwoNodes), scenario => LiveRefusal.Of(scenario, balanced, beside: true) is not null);
        Assert.All(Scenarios(balanced), scenario => Assert.Null(LiveRefusal.Of(scenario, balanced, beside: true)));
        Assert.StartsWith(
            "the folio of order 3 with pages at PTE 0: a fault that NUMA balancing makes",
            LiveRefusal.Of(Scenario.Of(PageTable.Parse("f3[0+1]@1 f3[1+7]o@1 x*504", Geometry.X86)), balanced),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_of_one_node_is_asked_for_none() =>
        Assert.All(Scenarios(TwoNodes with { Nodes = 1 }), scenario => Assert.Equal(NumaTopology.SingleNode, scenario.Numa));
}
