using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Whether a guest was given the table that it was to have.</summary>
public static class BuiltOtherwise
{
    private const CellFlags Seen = CellFlags.Observable & ~CellFlags.New;

    /// <summary>The first entry that came out otherwise than the line of input asks for, by what holds it; null if none did.</summary>
    /// <remarks>Slots are asked for by their place in a <see cref="SwapRun"/>'s stretch. Of what a program does nothing is known
    /// before.</remarks>
    public static string? Of(RecordedVector vector)
    {
        if (!vector.Input.Program.IsEmpty)
            return null;
        var wish = TableBuilder.Wish(vector.Input);
        return Difference(vector, wish, (a, b) => (a.Kind, a.Order, a.Page) == (b.Kind, b.Order, b.Page))
            ?? OfSlots(vector, SwapRun.Of(wish.Cells.AsSpan()));
    }

    /// <summary>The same against a table, by all that can be seen but for swap slots.</summary>
    public static string? Than(PageTable wanted, RecordedVector vector) =>
        Difference(vector, wanted, (a, b) => (a.Kind, a.Order, a.Page, a.Flags & Seen) == (b.Kind, b.Order, b.Page, b.Flags & Seen));

    private static string? OfSlots(RecordedVector vector, List<SwapRun> runs)
    {
        var (first, end) = vector.Input.Extent;
        var built = vector.Before.Cells;
        foreach (var run in runs)
            for (int i = Math.Max(first, run.At); i < Math.Min(end, run.At + run.Pages); i++)
                if ((built[i].Slot - run.Slot - i + run.At) % run.Stretch != 0
                    || (i > Math.Max(first, run.At) && built[i].Slot != built[i - 1].Slot + 1))
                    return $"PTE {i} has swap slot {built[i].Slot}, not one at {(run.Slot + i - run.At) % run.Stretch} of {run.Stretch}";
        return null;
    }

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
