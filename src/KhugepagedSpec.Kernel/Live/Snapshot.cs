using System.Buffers.Binary;
using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Kernel.Live;

/// <summary>
/// One page table as <c>/proc/PID/pagemap</c> and <c>/proc/kpageflags</c> show it. Source: Linux,
/// <c>Documentation/admin-guide/mm/pagemap.rst</c>, <c>include/uapi/linux/kernel-page-flags.h</c>.
/// </summary>
internal sealed class Snapshot
{
    private const int CellBytes = 24;
    private const int Present = 63, Swapped = 62, GuardRegion = 58, UffdWriteProtected = 57, Exclusive = 56;
    private const int KpfAnon = 12, KpfSwapBacked = 14, KpfHead = 15, KpfTail = 16, KpfKsm = 21, KpfZeroPage = 24;

    // Where MAX_SWAPFILES ends the swap types of files: below are swap entries, above what only looks like one.
    private const int SwapTypeMask = 0x1F, SwapFiles = 20;

    private readonly byte[] _data;
    private readonly bool _tellsKsm;

    /// <summary>Takes what the agent sent.</summary>
    /// <param name="data">One record a page.</param>
    /// <param name="tellsKsm">The KSM flag can be believed.</param>
    public Snapshot(byte[] data, bool tellsKsm)
    {
        _data = data;
        _tellsKsm = tellsKsm;
    }

    /// <summary>The frame behind a PTE; 0 where there is none.</summary>
    public ulong FrameOf(int index) => Bit(Entry(index), Present) ? Entry(index) & ((1UL << 55) - 1) : 0;

    /// <summary>The table; large folios whose frames are not those of <paramref name="earlier"/> are marked new.</summary>
    public PageTable Table(Geometry geometry, bool isHuge, Snapshot? earlier)
    {
        var cells = new Cell[geometry.Pages];
        for (int i = 0; i < cells.Length; i++)
        {
            cells[i] = CellAt(i);
            if (cells[i].Order > 0 && earlier is not null && FrameOf(i) != earlier.FrameOf(i))
                cells[i] = cells[i] with { Flags = cells[i].Flags | CellFlags.New };
        }
        ShareWholeFolios(cells);
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells), isHuge ? PmdState.Huge : PmdState.Table);
    }

    // pagemap tells of each page whether another maps it; collapse asks the folio.
    private static void ShareWholeFolios(Cell[] cells)
    {
        foreach (var folio in FolioPlan.Folios(cells))
            if (folio.Kept.Exists(index => cells[index].Has(CellFlags.Shared)))
                foreach (int index in folio.Kept)
                    cells[index] = cells[index] with { Flags = cells[index].Flags | CellFlags.Shared };
    }

    private Cell CellAt(int index)
    {
        ulong entry = Entry(index), flags = BinaryPrimitives.ReadUInt64LittleEndian(Record(index)[8..]);
        var writeProtected = Bit(entry, UffdWriteProtected) ? CellFlags.UffdWp : CellFlags.None;
        if (!Bit(entry, Present))
            return NotPresent(entry, writeProtected);
        if (Bit(flags, KpfZeroPage))
            return new Cell(PteKind.ZeroPage, writeProtected);
        if (_tellsKsm && Bit(flags, KpfKsm))
            return TableNotation.CellOf('K')!.Value;
        bool isLazyFree = Bit(flags, KpfAnon) && !Bit(flags, KpfSwapBacked), isLarge = Bit(flags, KpfHead) || Bit(flags, KpfTail);
        var state = (isLazyFree ? CellFlags.LazyFree : CellFlags.Young | CellFlags.Dirty)
            | (Bit(entry, Exclusive) ? CellFlags.None : CellFlags.Shared)
            | (Bit(flags, KpfAnon) ? CellFlags.None : CellFlags.NotAnon)
            | writeProtected;
        return isLarge
            ? new Cell(PteKind.Page, state, Record(index)[18], BinaryPrimitives.ReadUInt16LittleEndian(Record(index)[16..]))
            : new Cell(PteKind.Page, state);
    }

    private static Cell NotPresent(ulong entry, CellFlags writeProtected)
    {
        if (!Bit(entry, Swapped))
            return Cell.None;
        if (Bit(entry, GuardRegion))
            return new Cell(PteKind.GuardMarker);
        if ((entry & SwapTypeMask) < SwapFiles)
            return new Cell(PteKind.Swap, writeProtected);
        ulong offset = (entry >> 5) & ((1UL << 50) - 1);
        return writeProtected != CellFlags.None ? new Cell(PteKind.UffdWpMarker)
            : offset < 16 ? new Cell(PteKind.PoisonMarker)
            : new Cell(PteKind.HwPoison);
    }

    private ulong Entry(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Record(index));

    private ReadOnlySpan<byte> Record(int index) => _data.AsSpan(index * CellBytes, CellBytes);

    private static bool Bit(ulong word, int bit) => (word >> bit & 1) != 0;
}
