using System.Buffers.Binary;
using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// One page table as <c>/proc/PID/pagemap</c> and <c>/proc/kpageflags</c> show it. Source: Linux,
/// <c>Documentation/admin-guide/mm/pagemap.rst</c>, <c>include/uapi/linux/kernel-page-flags.h</c>.
/// </summary>
internal sealed class Snapshot
{
    private const int CellBytes = 24, ZeroPage = 24;

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
    public ulong FrameOf(int index) => PageMap.FrameOf(Entry(index));

    /// <summary>What <c>/proc/kpageflags</c> says of the page behind a PTE.</summary>
    public ulong FlagsOf(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Record(index)[8..]);

    /// <summary>The order of the folio behind a PTE.</summary>
    public int OrderOf(int index) => Record(index)[18];

    /// <summary>The pages that are on the LRU lists unless somebody has isolated them.</summary>
    public IEnumerable<int> OnLru
    {
        get
        {
            const int hwPoison = 19;
            for (int i = 0; i < _data.Length / CellBytes; i++)
                if (PageMap.IsPresent(Entry(i)) && (FlagsOf(i) & (1UL << ZeroPage | 1UL << hwPoison)) == 0)
                    yield return i;
        }
    }

    /// <summary>The first page that is in memory and not charged to the process's memory cgroup; null if there is none, or no memory
    /// cgroups.</summary>
    public int? Uncharged
    {
        get
        {
            for (int i = 0; i < _data.Length / CellBytes; i++)
                if (Record(i)[19] != 0 && PageMap.IsPresent(Entry(i)) && (FlagsOf(i) >> ZeroPage & 1) == 0)
                    return i;
            return null;
        }
    }

    /// <summary>Notes where folios are, by first frame; what is there already stays.</summary>
    /// <param name="places">Where to.</param>
    /// <param name="first">The number of the first page.</param>
    public void AddFolios(Dictionary<ulong, int> places, int first)
    {
        for (int i = 0; i < _data.Length / CellBytes; i++)
        {
            ulong flags = BinaryPrimitives.ReadUInt64LittleEndian(Record(i)[8..]);
            ulong page = PageMap.IsLarge(flags) ? BinaryPrimitives.ReadUInt16LittleEndian(Record(i)[16..]) : 0UL;
            if (PageMap.IsPresent(Entry(i)))
                places.TryAdd(FrameOf(i) - page, first + i);
        }
    }

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
        PageMap.ShareWholeFolios(cells);
        return isHuge ? PageMap.HugeTable(geometry, cells) : new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    /// <summary>The swap slots in entries of <c>/proc/PID/pagemap</c>, as <see cref="TableNotation.WriteSlots"/> has them.</summary>
    public static string SlotsOf(ReadOnlySpan<byte> entries, Geometry geometry)
    {
        var cells = new Cell[geometry.Pages];
        for (int i = 0; i < cells.Length; i++)
            cells[i] = PageMap.CellOf(BinaryPrimitives.ReadUInt64LittleEndian(entries[(i * 8)..]), 0, 0, 0);
        return TableNotation.WriteSlots(new PageTable(geometry, [.. cells]));
    }

    private Cell CellAt(int index)
    {
        ulong entry = Entry(index), flags = BinaryPrimitives.ReadUInt64LittleEndian(Record(index)[8..]);
        if (_tellsKsm && PageMap.IsPresent(entry) && PageMap.IsKsm(flags))
            return TableNotation.CellOf('K')!.Value;
        var cell = PageMap.IsLarge(flags)
            ? PageMap.CellOf(entry, flags, Record(index)[18], BinaryPrimitives.ReadUInt16LittleEndian(Record(index)[16..]))
            : PageMap.CellOf(entry, flags, 0, 0);
        return cell with { Node = Record(index)[20] };
    }

    private ulong Entry(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Record(index));

    private ReadOnlySpan<byte> Record(int index) => _data.AsSpan(index * CellBytes, CellBytes);
}
