using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>One large folio to be made: where its first page would lie, and which of its pages stay mapped.</summary>
/// <param name="Order">Its order.</param>
/// <param name="First">Where page 0 of it lies, in pages from the table's start; may be outside the table.</param>
internal sealed record PlannedFolio(int Order, int First)
{
    /// <summary>The PTEs that keep a page of it.</summary>
    public List<int> Kept { get; init; } = [];

    public int Pages => 1 << Order;

    /// <summary>How far the range must lie off a boundary for a page fault to give this folio.</summary>
    public int Shift => -First & (Pages - 1);

    /// <summary>True if one of its pages would lie there.</summary>
    public bool Spans(int index) => index >= First && index < First + Pages;
}

/// <summary>
/// In which order to make the large folios of a table. A page fault gives a folio only if its whole window is empty, so one
/// whose window holds a page of another is made before it.
/// </summary>
internal static class FolioPlan
{
    /// <summary>The folios, in an order in which they can be made; <paramref name="impossible"/> get those for which there is
    /// none.</summary>
    public static List<PlannedFolio> Of(PageTable table, List<PlannedFolio> impossible)
    {
        int pages = table.Geometry.Pages;
        var open = Folios(table.Cells);
        var taken = new bool[3 * pages];

        // Pages shared with a child are there first.
        for (int i = 0; i < pages; i++)
            taken[i + pages] = IsSharedPage(table.Cells[i]);
        var planned = new List<PlannedFolio>();
        var inTheWay = open.ToDictionary(folio => folio, folio => open.Where(other => other != folio && folio.Kept.Exists(other.Spans))
            .ToList());
        while (open.Count > 0)
        {
            // A huge page first, while there is no PTE table at all; then what is in the way of no other. Then few moves and few
            // settings: the same shift, then the same order, as the last one.
            var last = planned.Count > 0 ? planned[^1] : null;
            var next = open.Where(CanBeMade)
                .OrderByDescending(folio => (
                    folio.Order == table.Geometry.PmdOrder,
                    !inTheWay[folio].Exists(other => open.Contains(other) && CanBeMade(other)),
                    folio.Shift == last?.Shift,
                    folio.Order == last?.Order)).FirstOrDefault();
            if (next is null)
                break;
            open.Remove(next);
            planned.Add(next);
            foreach (int index in next.Kept)
                taken[index + pages] = true;
        }
        impossible.AddRange(open);
        return planned;

        bool CanBeMade(PlannedFolio folio) => IsFree(folio) && (folio.Order < table.Geometry.PmdOrder || planned.Count == 0);

        bool IsFree(PlannedFolio folio) =>
            folio.First >= -pages && folio.First + folio.Pages <= 2 * pages
                && !taken.AsSpan(folio.First + pages, folio.Pages).Contains(true);
    }

    /// <summary>Folios of the table that no page fault can make.</summary>
    public static List<PlannedFolio> Impossible(PageTable table)
    {
        var impossible = new List<PlannedFolio>();
        Of(table, impossible);
        return impossible;
    }

    /// <summary>A page that is shared with a child, and not by KSM.</summary>
    public static bool IsShared(Cell cell) => cell.Has(CellFlags.Shared) && !cell.Has(CellFlags.Ksm);

    /// <summary>A small page that is shared with a child.</summary>
    public static bool IsSharedPage(Cell cell) => cell is { Kind: PteKind.Page, Order: 0 } && IsShared(cell);

    /// <summary>The large folios that cells are pages of.</summary>
    public static List<PlannedFolio> Folios(IReadOnlyList<Cell> cells) =>
        [.. LargeFolios.Of(cells).Select(folio => new PlannedFolio(folio.Key.Order, folio.Key.First) { Kept = [.. folio] })];
}
