using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>PTEs in a row whose swap slots are in a row, too.</summary>
/// <param name="At">The first of them.</param>
/// <param name="Pages">How many.</param>
/// <param name="Slot">The slot of the first.</param>
/// <param name="Stretch">Slots of the smallest aligned power of two that the run lies in, at most a table's: where in such a stretch it
/// lies says which large folios can bring it back, and which stretch it is says nothing.</param>
internal readonly record struct SwapRun(int At, int Pages, int Slot, int Stretch)
{
    /// <summary>Its place in its stretch.</summary>
    public int Place => Slot % Stretch;

    /// <summary>The runs of a table, in the order of its PTEs; PTEs of which no slot is asked for are in none.</summary>
    public static List<SwapRun> Of(ReadOnlySpan<Cell> cells)
    {
        var runs = new List<SwapRun>();
        for (int at = 0, pages; at < cells.Length; at += pages)
        {
            for (pages = 1; at + pages < cells.Length && cells[at].Slot > 0 && cells[at + pages - 1].ContinuesInto(cells[at + pages]);)
                pages++;
            if (cells[at].Slot > 0)
                runs.Add(new SwapRun(at, pages, cells[at].Slot, StretchOf(cells[at].Slot, pages, cells.Length)));
        }
        return runs;
    }

    private static int StretchOf(int slot, int pages, int most)
    {
        int stretch = 1;
        while (stretch < most && slot / stretch != (slot + pages - 1) / stretch)
            stretch *= 2;
        return stretch;
    }
}
