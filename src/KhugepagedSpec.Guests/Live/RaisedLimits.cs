using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Fewer entries under a max_ptes_none that is as much higher: a table that differs at another limit needs its other pages only to keep
/// below this one.
/// </summary>
internal static class RaisedLimits
{
    /// <summary>Blocks emptied, the largest first; each has fewer entries than <paramref name="scenario"/>.</summary>
    public static IEnumerable<Scenario> All(Scenario scenario)
    {
        var (table, settings) = (scenario.Table, scenario.Settings);
        int most = settings.Geometry.MaxPtesLimit;
        if (table.Pmd != PmdState.Table || settings.MaxPtesNone == most)
            yield break;
        for (int order = settings.Geometry.PmdOrder; order >= 0; order--)
            for (int offset = 0; offset < table.Cells.Length; offset += 1 << order)
            {
                var block = table.Cells.AsSpan().Slice(offset, 1 << order).ToArray();
                int emptied = block.Count(cell => cell.Kind != PteKind.None);
                if (emptied == 0)
                    continue;
                var cells = table.Cells.ToBuilder();
                for (int i = offset; i < offset + block.Length; i++)
                    cells[i] = Cell.None;
                var smaller = new PageTable(table.Geometry, cells.MoveToImmutable(), table.Pmd);
                var moved = settings with
                {
                    MaxPtesSwap = Lowered(settings.MaxPtesSwap, block.Count(cell => cell.Kind == PteKind.Swap)),
                    MaxPtesShared = Lowered(settings.MaxPtesShared, block.Count(cell => cell.Has(CellFlags.Shared))),
                };
                int higher = Math.Min(most, settings.MaxPtesNone + block.Count(cell => !cell.IsNoneOrZero));
                foreach (int none in new[] { most, higher }.Distinct())
                    foreach (var others in new[] { moved, settings }.Distinct())
                        yield return scenario with
                        {
                            Table = smaller,
                            Numa = Scenario.NodesOf(smaller, scenario.Numa.NodeReclaim),
                            Vma = scenario.Vma with { HasAnonVma = Scenario.Of(smaller).Vma.HasAnonVma },
                            Settings = others with { MaxPtesNone = none },
                        };
            }

        int Lowered(int limit, int by) => limit == most ? limit : Math.Max(0, limit - by);
    }
}
