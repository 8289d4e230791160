using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>Page tables by what pagemap and kpageflags show of them.</summary>
internal static class SeenTable
{
    private const CellFlags Compared = CellFlags.UffdWp | CellFlags.Shared | CellFlags.LazyFree;

    /// <summary>They look the same from outside.</summary>
    public static bool IsSame(PageTable a, PageTable b)
    {
        if (ReferenceEquals(a, b))
            return true;
        if (a.Pmd != b.Pmd && !(IsEmpty(a) && IsEmpty(b)))
            return false;
        for (int i = 0; i < a.Cells.Length; i++)
        {
            var (one, other) = (a.Cells[i], b.Cells[i]);
            if ((one.Kind, one.Order, one.Page) != (other.Kind, other.Order, other.Page) || ((one.Flags ^ other.Flags) & Compared) != 0)
                return false;
        }
        return true;
    }

    /// <summary>There is nothing in it: whether there is a table cannot be seen.</summary>
    public static bool IsEmpty(PageTable table) => table.Pmd != PmdState.Huge && table.Cells.All(cell => cell.Kind == PteKind.None);

    /// <summary>Its pages that are there.</summary>
    public static int Pages(PageTable table) => table.Pmd == PmdState.Huge ? table.Cells.Length
        : table.Cells.Count(cell => cell.Kind == PteKind.Page);

    /// <summary>Those of them in large folios.</summary>
    public static int Large(PageTable table) => table.Pmd == PmdState.Huge ? table.Cells.Length
        : table.Cells.Count(cell => cell is { Kind: PteKind.Page, Order: > 0 });
}
