using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Tables of large folios that another process maps too, with as many of their pages as max_ptes_shared allows, or one more: each counts,
/// however many are of one folio. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmd, __collapse_huge_page_isolate</c>.
/// </summary>
internal static class SharedFolios
{
    /// <summary>A table at the limit of <paramref name="settings"/>.</summary>
    /// <param name="choices">Which.</param>
    /// <param name="settings">What the table is for.</param>
    /// <param name="isAbove">One page more than it allows.</param>
    public static PageTable Next(Choices choices, ThpSettings settings, bool isAbove)
    {
        var geometry = settings.Geometry;
        var cells = new Cell[geometry.Pages];
        Array.Fill(cells, Cell.Plain);
        int left = Math.Min(settings.MaxPtesShared + (isAbove ? 1 : 0), cells.Length);
        for (int order = geometry.PmdOrder - 1; left > 0 && order >= Geometry.MinOrder; order--)
            while (left >= 1 << order && (order == Geometry.MinOrder || !choices.OneIn(4)) && Place(choices, cells, order, 1 << order))
                left -= 1 << order;

        // A part of one more folio, then small pages.
        if (left > 1 && Place(choices, cells, Geometry.MinOrder, Math.Min(left, 1 << Geometry.MinOrder)))
            left -= Math.Min(left, 1 << Geometry.MinOrder);
        for (int at = cells.Length - 1; left > 0 && at >= 0; at--)
            if (cells[at].Order == 0)
                (cells[at], left) = (TableNotation.CellOf('h')!.Value, left - 1);
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    private static bool Place(Choices choices, Cell[] cells, int order, int pages)
    {
        int[] free = [.. Enumerable.Range(0, cells.Length >> order).Select(block => block << order)
            .Where(first => cells.AsSpan(first, 1 << order).IndexOfAnyExcept(Cell.Plain) < 0)];
        if (free.Length == 0)
            return false;
        int first = choices.Of<int>(free);
        for (int i = 0; i < pages; i++)
            cells[first + i] = Cell.OfFolio(order, i) with { Flags = Cell.OfFolio(order, i).Flags | CellFlags.Shared };
        return true;
    }
}
