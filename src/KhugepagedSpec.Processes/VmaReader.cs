using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>Reads one VMA, PMD range by PMD range; those that hold nothing are not looked at one by one.</summary>
internal sealed class VmaReader
{
    // Regions asked for at once: enough for one range of single pages with a hole between each two.
    private const int RegionsAtOnce = 1024;

    private readonly IProcFiles _proc;
    private readonly CaptureHead _head;
    private readonly SmapsVma _smaps;
    private readonly Vma _vma;
    private readonly long _first, _end;
    private readonly string _pagemap;
    private readonly PageTableReader _tables;
    private readonly Action<CapturedRange> _onRange;
    private readonly Action<long> _advance;
    private CapturedRange? _pending;
    private PageCounts _pages, _outside;
    private bool _changed;

    /// <summary>Begins to read a VMA.</summary>
    /// <param name="proc">The machine.</param>
    /// <param name="pid">The process.</param>
    /// <param name="head">What is known of it.</param>
    /// <param name="smaps">The VMA.</param>
    /// <param name="asked">Only PMD ranges that overlap this, in bytes.</param>
    /// <param name="onRange">Told of the PMD ranges.</param>
    /// <param name="advance">Told how many bytes were gone through since the last time.</param>
    public VmaReader(IProcFiles proc, int pid, CaptureHead head, SmapsVma smaps, (ulong Start, ulong End) asked,
        Action<CapturedRange> onRange, Action<long> advance)
    {
        _proc = proc;
        _head = head;
        _smaps = smaps;
        _pagemap = $"/proc/{pid}/pagemap";
        _vma = VmaFlagWords.VmaOf(smaps, head.PageBytes);
        _first = Math.Max(_vma.Start, head.Geometry.RangeStart((long)(asked.Start / (ulong)head.PageBytes)));
        _end = Math.Min(_vma.End, head.Geometry.NextRangeStart((long)(asked.End / (ulong)head.PageBytes)));
        _tables = new PageTableReader(proc, _pagemap, head.Geometry, smaps.Figures);
        _onRange = onRange;
        _advance = advance;
    }

    /// <summary>What was read.</summary>
    public CapturedVma Vma => new(
        _vma, _smaps.Permissions, _smaps.Name, [], _pages, _outside,
            new PageCounts(Pages(_smaps.Figures.Anonymous), Pages(_smaps.Figures.AnonHugePages), 0, SmapsSwap), Used(), _changed,
            _end - _first == _vma.End - _vma.Start);

    /// <summary>Reads it.</summary>
    /// <returns>False if it was interrupted; then what was read so far is there.</returns>
    public bool Read(CancellationToken cancellation)
    {
        long done = _first;
        foreach (var (start, isHuge) in Occupied().TakeWhile(_ => !cancellation.IsCancellationRequested))
        {
            Skip(done, start);
            long end = Math.Min(start + _head.Geometry.Pages, _end);
            Look(Math.Max(start, _first), end, isHuge);
            _advance((end - done) * _head.PageBytes);
            done = end;
        }
        bool isDone = !cancellation.IsCancellationRequested;
        if (isDone)
        {
            Skip(done, _end);
            _advance((_end - done) * _head.PageBytes);
        }
        if (_pending is not null)
            _onRange(_pending);
        return isDone;
    }

    // The PMD ranges, whole or in part, of which some page is not empty, ascending; and whether the PMD entry maps it.
    private IEnumerable<(long Start, bool IsHuge)> Occupied()
    {
        long last = -1;
        ulong at = (ulong)_first * (ulong)_head.PageBytes;
        while (true)
        {
            var regions = _proc.Regions(_pagemap, at, (ulong)_end * (ulong)_head.PageBytes, RegionsAtOnce);
            foreach (var region in regions)
            {
                long first = _head.Geometry.RangeStart((long)(region.Start / (ulong)_head.PageBytes)),
                    end = (long)(region.End / (ulong)_head.PageBytes);
                for (long start = Math.Max(first, last + 1); start < end; start = _head.Geometry.RangeStart(start) + _head.Geometry.Pages)
                {
                    long range = _head.Geometry.RangeStart(start);
                    if (range <= last)
                        continue;
                    last = range;
                    yield return (range, region.IsHuge);
                }
            }
            if (regions.Count < RegionsAtOnce)
                yield break;
            at = regions[^1].End;
        }
    }

    private void Look(long start, long end, bool isHuge)
    {
        var (table, counts, changed) = _tables.Read(start, (int)(end - start), isHuge);
        _pages += counts;
        _changed |= changed;
        if (IsScenario(start, end))
            Add(new CapturedRange(start, 1, table!, changed));
        else
            _outside += counts;
    }

    // Ranges without any page, told at once.
    private void Skip(long from, long to)
    {
        long first = Math.Max(_head.Geometry.NextRangeStart(from), _head.Geometry.NextRangeStart(_vma.Start));
        long count = (_head.Geometry.RangeStart(to) - first) / _head.Geometry.Pages;
        if (count > 0 && _vma.IsAnonymous)
            Add(new CapturedRange(first, count, PageTable.Empty(_head.Geometry, PmdState.None), Changed: false));
    }

    private bool IsScenario(long start, long end) => _vma.IsAnonymous && end - start == _head.Geometry.Pages;

    private void Add(CapturedRange range)
    {
        if (_pending is { } last && last.Changed == range.Changed && last.Table.Equals(range.Table)
            && last.Start + last.Count * _head.Geometry.Pages == range.Start)
            _pending = last with { Count = last.Count + range.Count };
        else
        {
            if (_pending is not null)
                _onRange(_pending);
            _pending = range;
        }
    }

    private long Pages(long kilobytes) => kilobytes * 1024 / _head.PageBytes;

    // For shared memory that is mapped privately smaps counts what is not in our page table.
    private long SmapsSwap => _smaps.HasFile ? _pages.Swap : Pages(_smaps.Figures.Swap);

    private UsedPages Used() =>
        _smaps.Figures.Referenced == 0 ? UsedPages.None
        : _smaps.Figures.Referenced < _smaps.Figures.Rss ? UsedPages.Some
        : UsedPages.All;
}
