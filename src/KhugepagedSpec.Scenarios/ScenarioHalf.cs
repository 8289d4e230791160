using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Scenarios;

/// <summary>One half of a scenario's table as a scenario of its own, of a geometry one order smaller.</summary>
internal static class ScenarioHalf
{
    // One order below the PMD's is left to collapse to.
    private const int SmallestPmdOrder = Geometry.MinOrder + 1;

    /// <summary>
    /// The halves of the table (<see cref="TableHalves"/>); none if the geometry is the smallest or the table is no PTE table.
    /// </summary>
    public static IEnumerable<Scenario> All(Scenario scenario)
    {
        var geometry = scenario.Table.Geometry;
        if (geometry.PmdOrder <= SmallestPmdOrder || scenario.Table.Pmd != PmdState.Table)
            yield break;
        var half = new Geometry(geometry.PmdOrder - 1);
        foreach (var cell in scenario.Table.Cells)
            if (cell.Order > half.PmdOrder)
                yield break;
        foreach (var cells in TableHalves.Of(scenario.Table.Cells))
            yield return With(scenario, half, cells);
    }

    private static Scenario With(Scenario scenario, Geometry half, ImmutableArray<Cell> cells)
    {
        var simpler = Scenario.Of(new PageTable(half, cells));
        return scenario with
        {
            Table = simpler.Table,
            Numa = Scenario.NodesOf(simpler.Table, scenario.Numa.NodeReclaim),
            Vma = simpler.Vma with { Flags = scenario.Vma.Flags },
            Settings = Fit(scenario.Settings, half),
            Faults = [.. scenario.Faults.Select(fault => fault with { Order = Fit(fault.Order, half), Offset = null })],
        };
    }

    // What is said of the PMD's order is said of the new one; the maximum stays the maximum.
    private static ThpSettings Fit(ThpSettings settings, Geometry half)
    {
        int maximum = settings.Geometry.MaxPtesLimit;
        return ThpSettings.Defaults(half) with
        {
            Enabled = settings.Enabled,
            Always = Orders(settings.Always),
            Madvise = Orders(settings.Madvise),
            Inherit = Orders(settings.Inherit),
            MaxPtesNone = Limit(settings.MaxPtesNone),
            MaxPtesSwap = Limit(settings.MaxPtesSwap),
            MaxPtesShared = Limit(settings.MaxPtesShared),
        };

        OrderSet Orders(OrderSet orders) =>
            orders.Contains(half.PmdOrder + 1) ? orders.Without(half.PmdOrder + 1).With(half.PmdOrder) : orders;

        int Limit(int limit) => limit == maximum ? half.MaxPtesLimit : Math.Min(limit, half.MaxPtesLimit);
    }

    private static int? Fit(int? order, Geometry half) => order is { } some ? Math.Min(some, half.PmdOrder) : null;
}
