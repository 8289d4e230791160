using System.Collections.Immutable;

namespace KhugepagedSpec.Memory;

/// <summary>
/// The per-size counters of <c>/sys/kernel/mm/transparent_hugepage/hugepages-*kB/stats</c> that collapse, and the splits around
/// it, move. Source: Linux 7.2, <c>mm/huge_memory.c</c> (the anon and any-type statistics groups).
/// </summary>
public enum MthpStatistic
{
    /// <summary>collapse_alloc: a folio to collapse into was allocated, whether or not it was used.</summary>
    CollapseAlloc,

    /// <summary>collapse_alloc_failed: it could not be.</summary>
    CollapseAllocFailed,

    /// <summary>collapse_exceed_none_pte: at the PMD order in scan or isolation, below it in isolation.</summary>
    CollapseExceedNonePte,

    /// <summary>collapse_exceed_swap_pte: at the PMD order in the scan, below it in the swap-in step.</summary>
    CollapseExceedSwapPte,

    /// <summary>collapse_exceed_shared_pte: at the PMD order in scan or isolation, below it in isolation.</summary>
    CollapseExceedSharedPte,

    /// <summary>split: a folio was split.</summary>
    Split,

    /// <summary>split_deferred: a folio became partially mapped and waits to be split.</summary>
    SplitDeferred,

    /// <summary>swpin: swap entries came back as one folio.</summary>
    Swpin,

    /// <summary>swpin_fallback: they would have, but no folio of the size could be had.</summary>
    SwpinFallback,
}

/// <summary>The counters of <c>/proc/vmstat</c> that collapse moves; the PMD order only.</summary>
public enum VmEvent
{
    /// <summary>thp_collapse_alloc.</summary>
    ThpCollapseAlloc,

    /// <summary>thp_collapse_alloc_failed.</summary>
    ThpCollapseAllocFailed,

    /// <summary>thp_scan_exceed_none_pte.</summary>
    ThpScanExceedNonePte,

    /// <summary>thp_scan_exceed_swap_pte.</summary>
    ThpScanExceedSwapPte,

    /// <summary>thp_scan_exceed_share_pte.</summary>
    ThpScanExceedSharePte,
}

/// <summary>All counters of one machine. Gauges apart, they only grow; <see cref="Since"/> gives what one step added.</summary>
public sealed class Statistics
{
    private const int OrdersPerStatistic = 16;

    private static readonly ImmutableArray<string> StatisticNames =
    [
        "collapse_alloc", "collapse_alloc_failed", "collapse_exceed_none_pte", "collapse_exceed_swap_pte",
        "collapse_exceed_shared_pte", "split", "split_deferred", "swpin", "swpin_fallback",
    ];

    private static readonly ImmutableArray<string> EventNames =
    [
        "thp_collapse_alloc", "thp_collapse_alloc_failed", "thp_scan_exceed_none_pte", "thp_scan_exceed_swap_pte",
        "thp_scan_exceed_share_pte",
    ];

    private readonly long[] _mthp = new long[StatisticNames.Length * OrdersPerStatistic];
    private readonly long[] _events = new long[EventNames.Length];

    /// <summary>khugepaged/pages_collapsed: PMD ranges in which khugepaged collapsed something.</summary>
    public long PagesCollapsed { get; set; }

    /// <summary>khugepaged/full_scans.</summary>
    public long FullScans { get; set; }

    /// <summary>thp_collapse_alloc in the memory cgroups' memory.stat: folios of the PMD order that were charged, whether or not
    /// used.</summary>
    public long CgroupCollapseAllocs { get; set; }

    /// <summary>How many folios of each size there are: these fall again.</summary>
    public Gauges Gauges { get; private init; } = new();

    /// <summary>Anonymous pages mapped beyond what was faulted in (MM_ANONPAGES that collapse added).</summary>
    public long AnonPagesAdded { get; set; }

    /// <summary>One per-size counter.</summary>
    public long this[MthpStatistic statistic, int order] => _mthp[(int)statistic * OrdersPerStatistic + order];

    /// <summary>One vmstat counter.</summary>
    public long this[VmEvent vmEvent] => _events[(int)vmEvent];

    /// <summary>The name of a per-size counter's file.</summary>
    public static string NameOf(MthpStatistic statistic) => StatisticNames[(int)statistic];

    /// <summary>The name of a vmstat line.</summary>
    public static string NameOf(VmEvent vmEvent) => EventNames[(int)vmEvent];

    /// <summary>Reads the name of a per-size counter's file.</summary>
    /// <returns>False if it is not a counter of this model.</returns>
    public static bool TryParse(ReadOnlySpan<char> name, out MthpStatistic statistic)
    {
        bool isKnown = TryFind(StatisticNames, name, out int index);
        statistic = (MthpStatistic)index;
        return isKnown;
    }

    /// <summary>Reads the name of a vmstat line.</summary>
    /// <returns>False if it is not a counter of this model.</returns>
    public static bool TryParse(ReadOnlySpan<char> name, out VmEvent vmEvent)
    {
        bool isKnown = TryFind(EventNames, name, out int index);
        vmEvent = (VmEvent)index;
        return isKnown;
    }

    /// <summary>Adds to a per-size counter.</summary>
    public void Count(MthpStatistic statistic, int order, long times = 1) => _mthp[(int)statistic * OrdersPerStatistic + order] += times;

    /// <summary>Adds to a vmstat counter.</summary>
    public void Count(VmEvent vmEvent, long times = 1) => _events[(int)vmEvent] += times;

    /// <summary>Copies every counter.</summary>
    public Statistics Copy() => Since(new Statistics());

    /// <summary>What was added since <paramref name="earlier"/>.</summary>
    public Statistics Since(Statistics earlier)
    {
        var added = new Statistics
        {
            PagesCollapsed = PagesCollapsed - earlier.PagesCollapsed,
            FullScans = FullScans - earlier.FullScans,
            AnonPagesAdded = AnonPagesAdded - earlier.AnonPagesAdded,
            CgroupCollapseAllocs = CgroupCollapseAllocs - earlier.CgroupCollapseAllocs,
            Gauges = Gauges.Since(earlier.Gauges),
        };
        for (int i = 0; i < _mthp.Length; i++)
            added._mthp[i] = _mthp[i] - earlier._mthp[i];
        for (int i = 0; i < _events.Length; i++)
            added._events[i] = _events[i] - earlier._events[i];
        return added;
    }

    /// <summary>The per-size counters that are not zero, by size then name, as (name, order, value).</summary>
    public IEnumerable<(string Name, int Order, long Value)> Sizes()
    {
        for (int order = 0; order < OrdersPerStatistic; order++)
            foreach (var statistic in Enum.GetValues<MthpStatistic>())
                if (this[statistic, order] is var value and not 0)
                    yield return (NameOf(statistic), order, value);
    }

    /// <summary>The vmstat counters that are not zero, as (name, value).</summary>
    public IEnumerable<(string Name, long Value)> Events()
    {
        foreach (var vmEvent in Enum.GetValues<VmEvent>())
            if (this[vmEvent] is var value and not 0)
                yield return (NameOf(vmEvent), value);
    }

    /// <summary>True if every per-size counter is the same.</summary>
    public bool SizesEqual(Statistics other) => _mthp.AsSpan().SequenceEqual(other._mthp);

    /// <summary>True if every vmstat counter is the same.</summary>
    public bool EventsEqual(Statistics other) => _events.AsSpan().SequenceEqual(other._events);

    private static bool TryFind(ImmutableArray<string> names, ReadOnlySpan<char> name, out int index)
    {
        for (index = 0; index < names.Length; index++)
            if (name.SequenceEqual(names[index]))
                return true;
        index = 0;
        return false;
    }
}
