using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Whether a guest was given the table that it was to have.</summary>
public static class BuiltOtherwise
{
    private const CellFlags Seen = CellFlags.Observable & ~CellFlags.New;

    /// <summary>The first entry that came out otherwise than the line of input asks for, by what holds it; null if none did.</summary>
    /// <remarks>Slots are asked for by their place in a stretch as long as the table. Of what a program does nothing is known
    /// before.</remarks>
    public static string? Of(RecordedVector vector)
    {
        if (!vector.Input.Program.IsEmpty)
            return null;
        var wish = TableBuilder.Wish(vector.Input);
        int pages = wish.Cells.Length;
        return Difference(
            vector, wish, (a, b) => (a.Kind, a.Order, a.Page) == (b.Kind, b.Order, b.Page)
                && (a.Slot == 0 || (a.Slot - b.Slot) % pages == 0));
    }

    /// <summary>The same against a table, by all that can be seen but for swap slots.</summary>
    public static string? Than(PageTable wanted, RecordedVector vector) =>
        Difference(vector, wanted, (a, b) => (a.Kind, a.Order, a.Page, a.Flags & Seen) == (b.Kind, b.Order, b.Page, b.Flags & Seen));

    // Outside the VMA there is nothing, whatever was asked for.
    private static string? Difference(RecordedVector vector, PageTable wanted, Func<Cell, Cell, bool> isSame)
    {
        var (first, end) = vector.Input.Extent;
        var built = vector.Before;
        for (int i = Math.Max(0, first); i < Math.Min(end, wanted.Cells.Length); i++)
            if (!isSame(wanted.Cells[i], built.Cells[i]))
                return $"PTE {i} is {TableNotation.Text(built.Cells[i])} and not {TableNotation.Text(wanted.Cells[i])}";
        return wanted.Pmd != built.Pmd && (IsHuge(wanted) || IsHuge(built)) ? $"the PMD entry is {built.Pmd} and not {wanted.Pmd}" : null;

        static bool IsHuge(PageTable table) => table.Pmd is PmdState.HugeZero or PmdState.Huge;
    }
}
