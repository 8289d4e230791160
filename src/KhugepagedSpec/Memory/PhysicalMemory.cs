using System.Diagnostics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>
/// Page frames, the folios they form and what is written in them. A page's contents are one tag: 0 for all zeroes, any other
/// number for data that must never be lost. Swap slots are frames too: they hold contents and belong to no mapping.
/// </summary>
public sealed class PhysicalMemory
{
    private ulong[] _contents;
    private int[] _head;
    private int[] _pageMapCount;
    private Folio[] _folios;
    private int _frames;
    private ulong _lastTag;

    private readonly Statistics _statistics;

    /// <summary>Makes an empty memory with room for <paramref name="frames"/> frames; it grows as needed.</summary>
    /// <param name="frames">Frames to make room for.</param>
    /// <param name="statistics">Where folios that become partially mapped, or are split, are counted.</param>
    public PhysicalMemory(int frames, Statistics statistics)
    {
        _statistics = statistics;
        _contents = new ulong[frames];
        _head = new int[frames];
        _pageMapCount = new int[frames];
        _folios = new Folio[frames];
    }

    /// <summary>Advances whenever someone looks at the tables, so that folios born since can be told.</summary>
    public int Clock { get; set; }

    /// <summary>The folio that frame <paramref name="pfn"/> belongs to.</summary>
    public ref Folio FolioOf(int pfn) => ref _folios[_head[pfn]];

    /// <summary>The first frame of the folio that <paramref name="pfn"/> belongs to.</summary>
    public int HeadOf(int pfn) => _head[pfn];

    /// <summary>What is written in a frame or slot; 0: all zeroes.</summary>
    public ref ulong Contents(int pfn) => ref _contents[pfn];

    /// <summary>Contents that are nowhere yet.</summary>
    public ulong NextTag() => ++_lastTag;

    /// <summary>Takes 2^<paramref name="order"/> frames as one new folio on a LRU list, zero-filled and unmapped.</summary>
    /// <returns>Its first frame.</returns>
    public int Allocate(int order, byte node = 0)
    {
        int pfn = _frames;
        int pages = 1 << order;
        _frames += pages;
        if (_frames > _head.Length)
            Grow();
        for (int i = 0; i < pages; i++)
        {
            _contents[pfn + i] = 0;
            _head[pfn + i] = pfn;
            _pageMapCount[pfn + i] = 0;
        }
        _folios[pfn] = new Folio { Order = (byte)order, Node = node, Born = Clock };
        return pfn;
    }

    /// <summary>
    /// How many PTEs from <paramref name="start"/> on map consecutive pages of one folio; 1 where no page is mapped. Source: Linux
    /// 7.2, <c>folio_pte_batch()</c>.
    /// </summary>
    public int PteBatch(ReadOnlySpan<Pte> ptes, int start)
    {
        int end = start + 1;
        if (ptes[start].Kind == PteKind.Page)
            while (end < ptes.Length && ptes[end].Kind == PteKind.Page && ptes[end].Pfn == ptes[end - 1].Pfn + 1
                && HeadOf(ptes[end].Pfn) == HeadOf(ptes[start].Pfn))
            {
                end++;
            }
        return end - start;
    }

    /// <summary>Notes that process <paramref name="mm"/> maps <paramref name="pages"/> pages from <paramref name="pfn"/> on, once
    /// each.</summary>
    public void Map(int pfn, int pages, int mm)
    {
        ref var folio = ref FolioOf(pfn);
        if (folio.MapCount == 0)
            CountFolio(folio, 1);
        for (int i = 0; i < pages; i++)
            if (_pageMapCount[pfn + i]++ == 0)
                folio.PagesMapped++;
        folio.AddMappings(mm, pages);
    }

    /// <summary>
    /// Takes back one mapping each of <paramref name="pages"/> consecutive pages, in one step. A large folio that stays mapped in
    /// part goes to the deferred split list, once. Source: Linux 7.2, <c>mm/rmap.c:__folio_remove_rmap</c>,
    /// <c>mm/huge_memory.c:deferred_split_folio</c>.
    /// </summary>
    public void Unmap(int pfn, int pages, int mm)
    {
        ref var folio = ref FolioOf(pfn);
        int gone = 0;
        for (int i = 0; i < pages; i++)
        {
            Debug.Assert(_pageMapCount[pfn + i] > 0, "unmapping a page that is not mapped");
            if (--_pageMapCount[pfn + i] == 0)
                gone++;
        }
        folio.PagesMapped -= gone;
        folio.RemoveMappings(mm, pages);
        if (gone > 0 && folio.PagesMapped > 0 && folio.Order > 1 && !folio.Has(FolioFlags.NotAnon)
            && !folio.Has(FolioFlags.PartiallyMapped))
        {
            NotePartiallyMapped(pfn);
            _statistics.Count(MthpStatistic.SplitDeferred, folio.Order);
        }
        if (folio.MapCount == 0 && folio.MappedElsewhere == 0 && folio.Pins == 0)
            CountFolio(folio, -1);
    }

    /// <summary>Notes that only a part of a large folio is mapped.</summary>
    public void NotePartiallyMapped(int pfn)
    {
        ref var folio = ref FolioOf(pfn);
        folio.Flags |= FolioFlags.PartiallyMapped;
        _statistics.Gauges.Add(MthpGauge.NrAnonPartiallyMapped, folio.Order, 1);
    }

    // Counted from its first mapping until it is freed. One that is split was unmapped for that.
    private void CountFolio(in Folio folio, int by)
    {
        if (folio.Order == 0 || folio.Has(FolioFlags.NotAnon))
            return;
        _statistics.Gauges.Add(MthpGauge.NrAnon, folio.Order, by);
        if (by < 0 && folio.Has(FolioFlags.PartiallyMapped))
            _statistics.Gauges.Add(MthpGauge.NrAnonPartiallyMapped, folio.Order, by);
    }

    /// <summary>
    /// Turns a large folio into single pages, each keeping the folio's flags. The caller has unmapped it and maps the pages
    /// again. Source: Linux 7.2, <c>mm/huge_memory.c:__split_folio_to_order</c>.
    /// </summary>
    public void Split(int pfn)
    {
        int head = _head[pfn];
        var folio = _folios[head];
        Debug.Assert(folio.MapCount == 0, "splitting a folio that is mapped");
        _statistics.Count(MthpStatistic.Split, folio.Order);
        for (int i = 0; i < 1 << folio.Order; i++)
        {
            _head[head + i] = head + i;
            _folios[head + i] = new Folio
            {
                Node = folio.Node,
                Flags = folio.Flags & ~FolioFlags.PartiallyMapped,
                Born = folio.Born,
            };
        }
    }

    private void Grow()
    {
        int size = Math.Max(_frames, _head.Length * 2);
        Array.Resize(ref _contents, size);
        Array.Resize(ref _head, size);
        Array.Resize(ref _pageMapCount, size);
        Array.Resize(ref _folios, size);
    }
}
