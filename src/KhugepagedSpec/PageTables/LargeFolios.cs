namespace KhugepagedSpec.PageTables;

/// <summary>The large folios that the cells of a table are pages of.</summary>
public static class LargeFolios
{
    /// <summary>The PTEs of each folio, in the order of their first ones. The key: where its page 0 would lie, in pages from the table's
    /// start and perhaps outside the table, and its order.</summary>
    public static IEnumerable<IGrouping<(int First, int Order), int>> Of(IReadOnlyList<Cell> cells) =>
        Enumerable.Range(0, cells.Count).Where(i => cells[i] is { Kind: PteKind.Page, Order: > 0 })
            .GroupBy(i => (i - cells[i].Page, (int)cells[i].Order));
}
