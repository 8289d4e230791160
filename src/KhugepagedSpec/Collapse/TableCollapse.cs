using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scan;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Scan of one PMD range, and the walk over its windows if the scan succeeds. Source: Linux 7.2,
/// <c>mm/khugepaged.c:collapse_single_pmd</c>, <c>collapse_scan_pmd</c>, <c>mthp_collapse</c>.
/// </summary>
internal sealed class TableCollapse(Machine machine)
{
    private readonly Occupancy _occupancy = new(machine.Geometry);

    /// <summary>Visits a range.</summary>
    /// <param name="mm">The process.</param>
    /// <param name="vma">The VMA that holds the whole range.</param>
    /// <param name="start">The range's first page.</param>
    /// <param name="kind">Who asks.</param>
    /// <param name="progress">Grows by the PTEs looked at.</param>
    public TableRun Run(AddressSpace mm, Vma vma, long start, CollapseKind kind, ref long progress)
    {
        var scan = PmdScan.Run(machine, mm, vma, start, kind, _occupancy, ref progress);
        var run = new TableRun(mm.Id, start, scan);
        if (scan.Result == ScanResult.Succeed)
            run.Status = Walk(mm, run, kind);
        machine.Trace?.Add(new TraceEvent.ScanPmd(mm.Id, scan.LastPfn, scan.Referenced, scan.NoneOrZero, run.Status, scan.Unmapped));
        return run;
    }

    // No lock is held here, so the VMA is out of reach: the limits are asked without it, userfaultfd goes unnoticed.
    private ScanResult Walk(AddressSpace mm, TableRun run, CollapseKind kind)
    {
        var version = machine.Version;
        var enabled = run.Scan.Enabled;
        int pmdOrder = machine.Geometry.PmdOrder;
        var last = ScanResult.Fail;
        bool collapsed = false, allocationFailed = false;
        var walker = version.Walk.Begin(machine.Geometry, enabled);
        while (!walker.IsDone)
        {
            var (offset, order) = (walker.Offset, walker.Order);
            if (!enabled.Contains(order))
            {
                Keep(run, offset, order, WalkReason.Disabled);
                walker.Lower();
                continue;
            }
            int needed = (1 << order) - new CollapseLimits(machine.Settings, kind, version.NoneLimit).MaxNone(order, vma: null);
            int occupied = _occupancy.Count(offset, order) + (order == pmdOrder ? run.Scan.Unmapped : 0);
            if (occupied < needed)
            {
                Keep(run, offset, order, WalkReason.TooEmpty, occupied, needed);
                walker.Lower();
                continue;
            }
            var attempt = new CollapseAttempt(machine, mm, run, kind, offset, order).Run();
            run.Attempts.Add(attempt);
            var verdict = version.Retry.For(attempt.Status);
            Keep(run, offset, order, WalkReason.Tried, occupied, needed, attempt.Status, verdict);
            collapsed |= attempt.Status == ScanResult.Succeed;
            allocationFailed |= attempt.Status == ScanResult.AllocHugePageFail;
            if (verdict == WalkVerdict.Advance)
            {
                walker.Advance();
                continue;
            }
            last = attempt.Status;
            if (verdict == WalkVerdict.Stop)
                break;
            walker.Lower();
        }
        return collapsed ? ScanResult.Succeed : allocationFailed ? ScanResult.AllocHugePageFail : last;
    }

    private void Keep(
        TableRun run, int offset, int order, WalkReason reason, int occupied = 0, int needed = 0,
        ScanResult result = ScanResult.Fail, WalkVerdict verdict = WalkVerdict.Lower)
    {
        if (machine.KeepWalks)
            run.Walk.Add(new WalkStep(offset, order, reason, occupied, needed, result, verdict));
    }
}
