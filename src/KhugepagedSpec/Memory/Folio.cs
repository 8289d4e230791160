namespace KhugepagedSpec.Memory;

/// <summary>The flags of a folio that collapse looks at. Source: Linux 7.2, <c>include/linux/page-flags.h</c>.</summary>
[Flags]
public enum FolioFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>Locked (PG_locked): a trylock fails.</summary>
    Locked = 1 << 0,

    /// <summary>On no LRU list (PG_lru clear).</summary>
    OffLru = 1 << 1,

    /// <summary>Referenced (PG_referenced), or marked young by idle tracking.</summary>
    Referenced = 1 << 2,

    /// <summary>Lazily freeable: anonymous and not swap-backed (MADV_FREE).</summary>
    LazyFree = 1 << 3,

    /// <summary>Not anonymous.</summary>
    NotAnon = 1 << 4,

    /// <summary>Owned by KSM.</summary>
    Ksm = 1 << 5,

    /// <summary>Noted as partially mapped, and so on the deferred split list.</summary>
    PartiallyMapped = 1 << 6,

    /// <summary>Of a frame that stands for a swapped-out page: its slot is noted as zeroes, and nothing was written to the
    /// device.</summary>
    InZeromap = 1 << 7,
}

/// <summary>The state of one folio, kept at its first page frame.</summary>
public struct Folio
{
    /// <summary>log2 of its pages.</summary>
    public byte Order;

    /// <summary>Its NUMA node.</summary>
    public byte Node;

    /// <summary>Its flags.</summary>
    public FolioFlags Flags;

    /// <summary>References that no mapping explains, the per-CPU LRU batch's apart: GUP pins.</summary>
    public int Pins;

    /// <summary>How often its pages are mapped, by all processes modelled (<c>folio_mapcount()</c>).</summary>
    public int MapCount;

    /// <summary>Mappings by processes outside the model.</summary>
    public int MappedElsewhere;

    /// <summary>Pages of it that are mapped at least once.</summary>
    public int PagesMapped;

    /// <summary>The one or two processes whose mappings are told apart (<c>folio->_mm_id</c>, <c>include/linux/mm_types.h</c>), 0 for
    /// none.</summary>
    public int MmA, MmB;

    /// <summary>How many of the mappings are theirs (<c>folio->_mm_id_mapcount</c>).</summary>
    public int MapCountA, MapCountB;

    /// <summary>Of a frame that stands for a swapped-out page: its swap slot; 0 if that lies in a row with no other.</summary>
    public int Slot;

    /// <summary>When it was allocated, on the clock of <see cref="PhysicalMemory.Clock"/>.</summary>
    public int Born;

    /// <summary>True if every flag of <paramref name="flags"/> is set.</summary>
    public readonly bool Has(FolioFlags flags) => (Flags & flags) == flags;

    /// <summary>
    /// Some other process may map a part of it. Exact for small folios and for two processes; after a third, a large folio may
    /// count as shared for too long, as in Linux. Source: Linux 7.2, <c>include/linux/mm.h:folio_maybe_mapped_shared</c>.
    /// </summary>
    public readonly bool MaybeMappedShared
    {
        get
        {
            int mappings = MapCount + MappedElsewhere;
            if (Order == 0 || mappings <= 1)
                return mappings > 1;
            return MapCountA != mappings && MapCountB != mappings;
        }
    }

    internal void AddMappings(int mm, int count)
    {
        MapCount += count;
        if (MmA == mm || (MapCountA == 0 && MmB != mm))
            (MmA, MapCountA) = (mm, MapCountA + count);
        else if (MmB == mm || MapCountB == 0)
            (MmB, MapCountB) = (mm, MapCountB + count);
    }

    internal void RemoveMappings(int mm, int count)
    {
        MapCount -= count;
        if (MmA == mm)
            MapCountA -= count;
        else if (MmB == mm)
            MapCountB -= count;
    }
}
