using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>
/// The slots of one swap device that is a solid-state block device, as zram is. They are handed out in clusters of as many as a PMD
/// range has pages (<c>SWAPFILE_CLUSTER</c>), each for folios of one order: in order while the cluster lasts, then from a cluster of
/// that order in which something was given back, then from the next empty one. A folio of order n gets 2^n slots in a row, aligned.
/// Source: Linux 7.2, <c>mm/swapfile.c:swap_alloc_fast</c>, <c>cluster_alloc_swap_entry</c>, <c>alloc_swap_scan_cluster</c>.
/// </summary>
/// <param name="geometry">The geometry of the tables.</param>
public sealed class SwapSpace(Geometry geometry)
{
    private readonly SortedDictionary<int, Cluster> _clusters = [];
    private readonly int _slots = geometry.Pages;
    private readonly int[] _next = new int[Geometry.MaxPmdOrder + 1];

    /// <summary>Hands out slots for a folio of <paramref name="order"/> that is swapped out.</summary>
    /// <returns>The first of them, 1 or more; slot 0 is the device's header.</returns>
    public int Take(int order)
    {
        if (_next[order] is var next and > 0 && ClusterAt(next / _slots) is var current && (current.IsEmpty || current.Order == order)
            && Scan(next / _slots, current, order, current.IsEmpty ? 0 : next % _slots) is { } slot)
        {
            return slot;
        }
        foreach (var (number, cluster) in _clusters)
            if (!cluster.IsEmpty && cluster.Order == order && Scan(number, cluster, order, 0) is { } given)
                return given;
        for (int number = 0; ; number++)
            if (ClusterAt(number) is { IsEmpty: true } empty && Scan(number, empty, order, 0) is { } first)
                return first;
    }

    /// <summary>Notes that a written page table holds slot <paramref name="slot"/>; 0, of which nothing is known, is none.</summary>
    /// <param name="memory">Where the frame is that stands for the page.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="slot">The slot.</param>
    public void Claim(PhysicalMemory memory, int frame, int slot)
    {
        memory.FolioOf(frame).Slot = slot;
        if (slot > 0)
            ClusterAt(slot / _slots).Set(slot % _slots, 1, used: true);
    }

    /// <summary>Gives the slot of a swap entry back: the page was brought back, or given up.</summary>
    public void Release(PhysicalMemory memory, Pte entry)
    {
        int slot = memory.FolioOf(entry.Pfn).Slot;
        if (slot > 0)
            ClusterAt(slot / _slots).Set(slot % _slots, 1, used: false);
    }

    /// <summary>A swap entry with the contents of the page that <paramref name="pte"/> maps; the caller unmaps the page.</summary>
    /// <param name="memory">Where the page is.</param>
    /// <param name="pte">The PTE.</param>
    /// <param name="slot">The slot it goes to.</param>
    /// <param name="isZero">The folio that is swapped out is <see cref="IsZeroFilled"/>.</param>
    internal static Pte Entry(PhysicalMemory memory, Pte pte, int slot, bool isZero)
    {
        int frame = memory.Allocate(0);
        memory.Contents(frame) = memory.Contents(pte.Pfn);
        memory.FolioOf(frame).Slot = slot;
        if (isZero)
            memory.FolioOf(frame).Flags |= FolioFlags.InZeromap;
        return new Pte(PteKind.Swap, pte.Flags & PteFlags.UffdWp, frame);
    }

    /// <summary>
    /// Every page of the folio holds zeroes: all its slots are noted so, and none if one page does not. Source: Linux 7.2,
    /// <c>mm/page_io.c:swap_writeout</c>, <c>is_folio_zero_filled</c>.
    /// </summary>
    /// <param name="memory">Where the folio is.</param>
    /// <param name="pfn">Its first frame.</param>
    internal static bool IsZeroFilled(PhysicalMemory memory, int pfn)
    {
        for (int i = 0; i < 1 << memory.FolioOf(pfn).Order; i++)
            if (memory.Contents(pfn + i) != 0)
                return false;
        return true;
    }

    private Cluster ClusterAt(int number)
    {
        if (!_clusters.TryGetValue(number, out var cluster))
            _clusters.Add(number, cluster = new Cluster(number, _slots));
        return cluster;
    }

    private int? Scan(int number, Cluster cluster, int order, int from)
    {
        int slots = 1 << order;
        for (int at = (from + slots - 1) & -slots; at + slots <= _slots; at += slots)
            if (cluster.IsFree(at, slots))
            {
                cluster.Order = order;
                cluster.Set(at, slots, used: true);
                _next[order] = at + slots < _slots ? number * _slots + at + slots : 0;
                return number * _slots + at;
            }
        return null;
    }

    private sealed class Cluster(int number, int size)
    {
        private readonly bool[] _used = new bool[size];
        private int _count;

        public int Order { get; set; }

        public bool IsEmpty => _count == 0;

        public bool IsFree(int at, int slots) => !(number == 0 && at == 0) && !_used.AsSpan(at, slots).Contains(true);

        public void Set(int at, int slots, bool used)
        {
            _count += used ? slots : -slots;
            _used.AsSpan(at, slots).Fill(used);
        }
    }
}
