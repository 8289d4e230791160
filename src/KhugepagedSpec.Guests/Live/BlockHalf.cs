using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// The smallest aligned block that holds all entries of a table, made half as large, and every enabled size with it: what halving
/// the geometry is where the geometry is the kernel's.
/// </summary>
internal static class BlockHalf
{
    /// <summary>The halves of the block (<see cref="TableHalves"/>); none if it has no half or holds large folios.</summary>
    public static IEnumerable<Scenario> All(Scenario scenario)
    {
        var cells = scenario.Table.Cells;
        int first = cells.AsSpan().IndexOfAnyExcept(Cell.None), last = cells.AsSpan().LastIndexOfAnyExcept(Cell.None);
        if (first < 0 || scenario.Table.Pmd != PmdState.Table || cells.Any(cell => cell.Order > 0))
            yield break;
        int order = 0;
        while (first >> order != last >> order)
            order++;
        if (order <= Geometry.MinOrder)
            yield break;
        int start = first >> order << order;
        foreach (var half in TableHalves.Of(cells.Slice(start, 1 << order)))
            yield return With(scenario, start, half);
    }

    private static Scenario With(Scenario scenario, int start, ImmutableArray<Cell> block)
    {
        var cells = new Cell[scenario.Table.Cells.Length];
        block.CopyTo(cells, start);
        var table = new PageTable(scenario.Table.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
        var lower = OrderSet.Empty;
        foreach (int order in scenario.Settings.OrdersFor(advised: true).Orders())
            lower = lower.With(Math.Max(order - 1, Geometry.MinOrder));
        return scenario with
        {
            Table = table,
            Numa = Scenario.NodesOf(table, scenario.Numa.NodeReclaim),
            Vma = scenario.Vma with { HasAnonVma = Scenario.Of(table).Vma.HasAnonVma },
            Settings = scenario.Settings.WithSizes(lower, SizeEnabled.Madvise),
        };
    }
}
