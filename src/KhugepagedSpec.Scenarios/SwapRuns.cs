using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Runs of swap entries whose slots lie in a row, as MADV_PAGEOUT of a run leaves them: aligned as the pages are, so that swap-in brings
/// back large folios, or off by some slots, so that it does not, or not such large ones.
/// </summary>
public static class SwapRuns
{
    /// <summary>Puts one to four runs into a table.</summary>
    /// <param name="choices">Where choices come from.</param>
    /// <param name="table">The table.</param>
    public static PageTable Into(Choices choices, PageTable table)
    {
        var cells = table.Cells.ToArray();

        // One swap entry makes it a condition that half of the range was used.
        if (choices.OneIn(2))
            for (int i = 0; i < cells.Length; i++)
                if (cells[i].IsNoneOrZero && !choices.OneIn(64))
                    cells[i] = Cell.Plain;
        for (int run = choices.Between(1, 4); run > 0; run--)
        {
            int order = choices.Between(0, table.Geometry.PmdOrder - 1);
            int pages = choices.OneIn(3) ? choices.Between(1, 1 << order) : 1 << order;
            int first = choices.OneIn(3) ? choices.Below(cells.Length - pages + 1) : choices.Below(cells.Length >> order) << order;

            // No two runs follow each other, whatever lies between them.
            int slot = (2 * run * cells.Length) + first + (choices.OneIn(3) ? 1 << choices.Below(table.Geometry.PmdOrder) : 0);
            for (int i = 0; i < pages; i++)
                cells[first + i] = new Cell(PteKind.Swap, Slot: slot + i);
        }
        return new PageTable(table.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }
}
