using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Daemon;

/// <summary>
/// The daemon: visits every process in turn, every VMA of it, every PMD range of that, and remembers where it stopped.
/// Source: Linux 7.2, <c>mm/khugepaged.c:khugepaged_do_scan</c>, <c>collapse_scan_mm_slot</c>.
/// </summary>
public sealed class Khugepaged
{
    private readonly Machine _machine;
    private readonly IRangeVisitor _collapse;
    private AddressSpace? _cursorProcess;
    private long _cursorPage;

    /// <summary>Starts the daemon.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="visitor">What it does with a range; null for what its version does with the machine's.</param>
    public Khugepaged(Machine machine, IRangeVisitor? visitor = null)
    {
        _machine = machine;
        _collapse = visitor ?? RangesOf(machine);
    }

    /// <summary>What the machine's version does with a range of it.</summary>
    public static IRangeVisitor RangesOf(Machine machine) => new CollapseSinglePmd(machine);

    /// <summary>Where the next wake-up goes on: the process, and the first page not looked at; null at the start of the list.</summary>
    public (AddressSpace Process, long Page)? Cursor => _cursorProcess is null ? null : (_cursorProcess, _cursorPage);

    /// <summary>
    /// Ranges whose PMD entry nobody has filled are passed by together, at the same price, and are not in the report: a VMA may have
    /// millions of them. Off by default: such a range has its attempt, and its line in the trace.
    /// </summary>
    public bool PassesByEmptyRanges { get; init; }

    /// <summary>
    /// One wake-up: goes on from where the last one stopped, until pages_to_scan is reached, the list has been walked once, or
    /// allocation failed twice.
    /// </summary>
    public PassReport Pass()
    {
        var before = _machine.Statistics.Copy();
        var tables = new List<TableRun>();
        var ends = new List<int>();
        _machine.LruBatch.Drain();
        long limit = _machine.Settings.PagesToScan;
        long progress = 0;
        int timesAtHead = 0, sleeps = 0;
        while (true)
        {
            if (_cursorProcess is null)
                timesAtHead++;
            if (_machine.Processes.Count == 0 || timesAtHead >= 2)
                break;
            var last = VisitProcess(limit - progress, tables, out long looked);
            progress += looked;
            if (_cursorProcess is null)
                ends.Add(tables.Count);
            if (progress >= limit)
                break;
            if (last == ScanResult.AllocHugePageFail)
            {
                if (sleeps > 0)
                    break;
                sleeps++;
            }
        }
        return new PassReport(tables, _machine.Statistics.Since(before), progress, sleeps) { FullScanEnds = ends };
    }

    private ScanResult VisitProcess(long budget, List<TableRun> tables, out long progress)
    {
        progress = 0;
        var process = _cursorProcess ??= First();
        var last = ScanResult.Fail;
        bool processDone = true;
        if (!process.IsMmapLocked)
        {
            progress++;
            if (!Refuses(process))
                processDone = VisitVmas(process, budget, tables, ref progress, ref last);
        }
        if (processDone || process.IsExiting)
            NextProcess(process);
        _machine.Trace?.Add(new TraceEvent.KhugepagedScan(process.Id, progress, _cursorProcess is null));
        return last;
    }

    // Returns true once the last VMA is behind the cursor.
    private bool VisitVmas(AddressSpace process, long budget, List<TableRun> tables, ref long progress, ref ScanResult last)
    {
        int pages = _machine.Geometry.Pages;
        foreach (var vma in process.Vmas.ToArray())
        {
            if (vma.End <= _cursorPage)
                continue;
            if (Refuses(process))
            {
                progress++;
                return true;
            }
            if (Eligibility.PossibleOrders(_machine, process, vma, CollapseKind.Khugepaged).IsEmpty)
            {
                progress++;
                continue;
            }
            bool inPart = _machine.Version.TakesSmallerExtents;
            long start = inPart ? vma.Start : _machine.Geometry.NextRangeStart(vma.Start);
            long end = inPart ? vma.End : _machine.Geometry.RangeStart(vma.End);
            if (_cursorPage > end)
            {
                progress++;
                continue;
            }
            _cursorPage = Math.Max(_cursorPage, start);
            while (_cursorPage < end)
            {
                bool lockDropped = false;
                if (PassesByEmptyRanges && !inPart && vma.IsAnonymous && PassBy(process, end, budget, ref progress))
                {
                    last = ScanResult.NoPteTable;
                    if (progress >= budget)
                        return false;
                    continue;
                }
                if (vma.IsAnonymous)
                {
                    var run = _collapse.Run(process, vma, _machine.Geometry.RangeStart(_cursorPage), CollapseKind.Khugepaged, ref progress);
                    tables.Add(run);
                    last = run.Status;
                    lockDropped = run.LockDropped;
                }
                else
                {
                    // File ranges are passed by, at the price of one that holds nothing to collapse.
                    progress += pages;
                }
                _cursorPage = Math.Min(_machine.Geometry.RangeStart(_cursorPage) + pages, end);
                if (lockDropped || progress >= budget)
                    return false;
            }
        }
        return true;
    }

    // One of pages_to_scan a range, as collapse_scan_pmd counts where it finds no table.
    private bool PassBy(AddressSpace process, long end, long budget, ref long progress)
    {
        long next = Math.Min(process.NextEntry(_cursorPage) ?? end, end);
        long ranges = Math.Min((next - _cursorPage) >> _machine.Geometry.PmdOrder, Math.Max(1, budget - progress));
        _cursorPage += ranges << _machine.Geometry.PmdOrder;
        progress += ranges;
        return ranges > 0;
    }

    private static bool Refuses(AddressSpace process) => process.IsExiting || process.ThpDisable == ThpDisable.Completely;

    private AddressSpace First()
    {
        _cursorPage = long.MinValue;
        return _machine.Processes[0];
    }

    private void NextProcess(AddressSpace process)
    {
        int next = _machine.Processes.IndexOf(process) + 1;
        _cursorPage = long.MinValue;
        _cursorProcess = next < _machine.Processes.Count ? _machine.Processes[next] : null;
        if (_cursorProcess is null)
            _machine.Statistics.FullScans++;
        if (process.IsExiting)
            _machine.Processes.Remove(process);
    }
}
