using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>
/// What the words of <c>/proc/PID/pagemap</c> and <c>/proc/kpageflags</c> say of one PTE. Source: Linux,
/// <c>Documentation/admin-guide/mm/pagemap.rst</c>, <c>include/uapi/linux/kernel-page-flags.h</c>.
/// </summary>
internal static class PageMap
{
    private const int Present = 63, Swapped = 62, GuardRegion = 58, UffdWriteProtected = 57, Exclusive = 56;
    private const int KpfLocked = 0, KpfAnon = 12, KpfSwapBacked = 14, KpfHead = 15, KpfTail = 16, KpfKsm = 21, KpfZeroPage = 24;

    // Where MAX_SWAPFILES ends the swap types of files: below are swap entries, above what only looks like one.
    private const int SwapTypeMask = 0x1F, SwapFiles = 20;

    /// <summary>The PTE maps a page.</summary>
    public static bool IsPresent(ulong entry) => Bit(entry, Present);

    /// <summary>The frame behind a PTE; 0 where there is none, or where the reader may not know.</summary>
    public static ulong FrameOf(ulong entry) => IsPresent(entry) ? entry & ((1UL << 55) - 1) : 0;

    /// <summary>The frame belongs to a folio of more than one page.</summary>
    public static bool IsLarge(ulong flags) => IsHead(flags) || IsTail(flags);

    /// <summary>The frame is the first of a large folio.</summary>
    public static bool IsHead(ulong flags) => Bit(flags, KpfHead);

    /// <summary>The frame is a later one of a large folio.</summary>
    public static bool IsTail(ulong flags) => Bit(flags, KpfTail);

    /// <summary>The page is anonymous.</summary>
    public static bool IsAnon(ulong flags) => Bit(flags, KpfAnon);

    /// <summary>The folio is locked.</summary>
    public static bool IsLocked(ulong flags) => Bit(flags, KpfLocked);

    /// <summary>The page belongs to KSM.</summary>
    public static bool IsKsm(ulong flags) => Bit(flags, KpfKsm);

    /// <summary>
    /// The swap slot of a swapped PTE: the device's number and the offset in one, the latter modulo 2^26, as far as the rule of what comes
    /// back together can tell: no aligned window of slots crosses a multiple of that.
    /// </summary>
    public static int SlotOf(ulong entry) => (int)(((entry & SwapTypeMask) << 26) | ((entry >> 5) & ((1UL << 26) - 1)));

    /// <summary>The PTE in the notation's terms. A page counts as referenced and dirty unless it is lazyfree: neither is shown.</summary>
    /// <param name="entry">The word of pagemap.</param>
    /// <param name="flags">The word of kpageflags of the frame; anything where there is none.</param>
    /// <param name="order">The folio's order.</param>
    /// <param name="page">Which page of the folio.</param>
    public static Cell CellOf(ulong entry, ulong flags, int order, int page)
    {
        var writeProtected = Bit(entry, UffdWriteProtected) ? CellFlags.UffdWp : CellFlags.None;
        if (!IsPresent(entry))
            return NotPresent(entry, writeProtected);
        if (Bit(flags, KpfZeroPage))
            return new Cell(PteKind.ZeroPage, writeProtected);
        bool isLazyFree = IsAnon(flags) && !Bit(flags, KpfSwapBacked);
        var state = (isLazyFree ? CellFlags.LazyFree : CellFlags.Young | CellFlags.Dirty)
            | (Bit(entry, Exclusive) ? CellFlags.None : CellFlags.Shared)
            | (IsAnon(flags) ? CellFlags.None : CellFlags.NotAnon)
            | writeProtected;
        return new Cell(PteKind.Page, state, (byte)order, (ushort)page);
    }

    /// <summary>The table under a PMD entry that maps a huge page: the huge zero page, or another.</summary>
    public static PageTable HugeTable(Geometry geometry, Cell[] cells) =>
        cells[0].Kind == PteKind.ZeroPage ? PageTable.Empty(geometry, PmdState.HugeZero)
            : new PageTable(geometry, [.. cells], PmdState.Huge);

    /// <summary>pagemap tells of each page whether another process maps it; collapse asks the folio: one shared page shares them
    /// all.</summary>
    public static void ShareWholeFolios(Cell[] cells)
    {
        foreach (var folio in LargeFolios.Of(cells))
            if (folio.Any(index => cells[index].Has(CellFlags.Shared)))
                foreach (int index in folio)
                    cells[index] = cells[index] with { Flags = cells[index].Flags | CellFlags.Shared };
    }

    private static Cell NotPresent(ulong entry, CellFlags writeProtected)
    {
        if (!Bit(entry, Swapped))
            return Cell.None;
        if (Bit(entry, GuardRegion))
            return new Cell(PteKind.GuardMarker);
        if ((entry & SwapTypeMask) < SwapFiles)
            return new Cell(PteKind.Swap, writeProtected, Slot: SlotOf(entry));
        ulong offset = (entry >> 5) & ((1UL << 50) - 1);
        return writeProtected != CellFlags.None ? new Cell(PteKind.UffdWpMarker)
            : offset < 16 ? new Cell(PteKind.PoisonMarker)
            : new Cell(PteKind.HwPoison);
    }

    private static bool Bit(ulong word, int bit) => (word >> bit & 1) != 0;
}
