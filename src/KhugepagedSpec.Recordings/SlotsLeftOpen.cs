using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Recordings;

/// <summary>
/// Swap slots for recordings that have none. What came back as one folio lay in a row; where, the tables afterwards tell, and where they do
/// not any more, the counters leave it open: any place will do that is possible. What has no place is left out, and so differs.
/// </summary>
internal static class SlotsLeftOpen
{
    /// <summary>The table before the first pass, with slots that explain what was counted as swpin.</summary>
    /// <param name="before">The table.</param>
    /// <param name="passes">What each pass did.</param>
    public static PageTable Of(PageTable before, ImmutableArray<RecordedPass> passes)
    {
        var slots = new int[before.Cells.Length];
        var table = before;
        foreach (var pass in passes)
        {
            foreach (var (name, order, value) in (pass.Counters.Statistics ?? []).OrderByDescending(counter => counter.Order))
                if (Statistics.TryParse(name, out MthpStatistic statistic) && statistic == MthpStatistic.Swpin)
                    Place(table, pass.After, slots, order, value);
            table = pass.After;
        }
        return Array.TrueForAll(slots, slot => slot == 0) ? before : TableNotation.WithSlots(before, i => slots[i]);
    }

    // Windows of which the folio is still there first, then any of which the entries came back.
    private static void Place(PageTable before, PageTable after, int[] slots, int order, long count)
    {
        int pages = 1 << order;
        foreach (bool seen in new[] { true, false })
            for (int first = 0; first + pages <= slots.Length && count > 0; first += pages)
                if (CameBack(first) && (!seen || IsFolio(first)))
                {
                    // As the pages are aligned, and in a row with no other window.
                    for (int i = first; i < first + pages; i++)
                        slots[i] = (first / pages + 1) * 2 * slots.Length + i;
                    count--;
                }

        bool CameBack(int first) =>
            Enumerable.Range(first, pages)
                .All(i => slots[i] == 0 && before.Cells[i].Kind == PteKind.Swap && after.Cells[i].Kind != PteKind.Swap);

        bool IsFolio(int first) =>
            after.Pmd == PmdState.Table
                && Enumerable.Range(0, pages)
                .All(i => after.Cells[first + i] is { Kind: PteKind.Page } cell && cell.Order == order && cell.Page == i);
    }
}
