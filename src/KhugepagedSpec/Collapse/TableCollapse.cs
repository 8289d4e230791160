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
        mm.MmapLock.Read();
        Interference.ActOutsideAttempts(machine, mm, start, Gap.BeforeScan);
        var scan = PmdScan.Run(machine, mm, vma, start, kind, _occupancy, ref progress);
        var run = new TableRun(mm.Id, start, scan, machine.Version.Trace);
        mm.MmapLock.EndRead();
        if (scan.Result == ScanResult.Succeed)
            run.Status = Walk(mm, vma, run, kind);
        run.LeftLocked = mm.MmapLock.IsHeld;
        int pfn = machine.Version.Trace.ScanNamesEndingPageOnly ? scan.EndingPfn : scan.LastPfn;
        machine.Trace?.Add(new TraceEvent.ScanPmd(mm.Id, pfn, scan.Referenced, scan.NoneOrZero, run.Status, scan.Unmapped, scan.IsWritable));
        return run;
    }

    // No lock is held here, so the VMA is out of reach: the limits are asked without it, userfaultfd goes unnoticed. v18 used it.
    private ScanResult Walk(AddressSpace mm, Vma vma, TableRun run, CollapseKind kind)
    {
        var version = machine.Version;
        var last = ScanResult.Fail;
        bool collapsed = false, allocationFailed = false;
        var walker = version.Walk.Begin(machine.Geometry, run.Scan.Enabled);
        while (!walker.IsDone)
        {
            var (offset, order) = (walker.Offset, walker.Order);
            if (offset + (1 << order) > machine.Geometry.Pages)
            {
                run.LeftTheTable = true;
                break;
            }
            if (version.Candidate.TestsEnabled && !run.Scan.Enabled.Contains(order))
            {
                Keep(run, new WalkStep(offset, order, WalkReason.Disabled, 0, 0, ScanResult.Fail, WalkVerdict.Lower));
                walker.Lower();
                continue;
            }
            var (occupied, needed) = Judge(mm, run, VmaSeen(mm, vma, run), kind, offset, order);
            if (needed > 1 << order)
                break;
            if (occupied < needed)
            {
                Keep(run, new WalkStep(offset, order, WalkReason.TooEmpty, occupied, needed, ScanResult.Fail, WalkVerdict.Lower));
                walker.Lower();
                continue;
            }
            int mappedOrder = version.Advance == AdvanceRule.ByMappedFolio ? LargestFolio(mm, run.Start + offset, order) : order;
            var attempt = new CollapseAttempt(machine, mm, run, kind, offset, order).Run();
            run.Attempts.Add(attempt);
            if (run.Hangs)
            {
                last = attempt.Status;
                break;
            }
            var verdict = version.Retry.For(attempt.Status);
            Keep(run, new WalkStep(offset, order, WalkReason.Tried, occupied, needed, attempt.Status, verdict));
            if (attempt.Status == ScanResult.Succeed)
            {
                collapsed = true;
                if (version.Accounting == AccountingRule.PagesCollapsedByFolio)
                    machine.Statistics.PagesCollapsed++;
            }
            allocationFailed |= attempt.Status == ScanResult.AllocHugePageFail;
            if (verdict == WalkVerdict.Advance)
            {
                walker.Advance(version.Advance switch
                {
                    AdvanceRule.ByMinimumAfterSuccess when attempt.Status == ScanResult.Succeed => 1 << Geometry.MinOrder,
                    AdvanceRule.ByMappedFolio when attempt.Status == ScanResult.PteMappedHugepage => 1 << mappedOrder,
                    _ => 1 << order,
                });
                continue;
            }
            last = attempt.Status;
            if (verdict == WalkVerdict.Stop)
                break;
            walker.Lower();
        }
        return version.Visit switch
        {
            VisitResult.LastAttempt => run.Attempts is [.., var attempt] ? attempt.Status : last,
            VisitResult.CollapsedOrFail => collapsed ? ScanResult.Succeed : ScanResult.Fail,
            _ => collapsed ? ScanResult.Succeed : allocationFailed ? ScanResult.AllocHugePageFail : last,
        };
    }

    // What v18 reads through its pointer is what the VMA is by then, if it still is; the flag remembered is of the time of the scan.
    private Vma? VmaSeen(AddressSpace mm, Vma atScan, TableRun run) =>
        machine.Version.Candidate.SeesVma ? mm.FindVma(run.Start)
        : machine.Version.Candidate.RemembersUffd ? atScan
        : null;

    // How many PTEs of a window are occupied and how many the limit asks for; more than there are if the limit is unsupported.
    private (int Occupied, int Needed) Judge(AddressSpace mm, TableRun run, Vma? vma, CollapseKind kind, int offset, int order)
    {
        var rule = machine.Version.Candidate;
        int pages = 1 << order;
        if (!rule.TestsOccupancy)
            return (pages, 0);
        if (rule.IsChunkThreshold)
            return JudgeChunks(run, offset, order);
        var limits = new CollapseLimits(machine.Settings, kind, machine.Version.NoneLimit);
        int allowed = limits.MaxNone(order, vma);
        if (!machine.HasWarnedOfMaxPtesNone && limits.IsWarnedOf(order, vma))
            machine.HasWarnedOfMaxPtesNone = run.WarnedOfMaxPtesNone = true;
        if (allowed == NoneLimit.Unsupported)
            return (0, pages + 1);
        int occupied = _occupancy.Count(offset, pages);
        if (rule.Swap == SwapCounts.Everywhere || (rule.Swap == SwapCounts.AtPmdOrder && order == machine.Geometry.PmdOrder))
            occupied += run.Scan.Unmapped;
        if (rule.Swap == SwapCounts.InWindow)
            foreach (var pte in mm.TableAt(run.Start).Ptes.Slice(offset, pages))
                occupied += pte.Kind == PteKind.None || pte.IsPresent ? 0 : 1;
        return (rule.IsStrict ? occupied - 1 : occupied, pages - allowed);
    }

    // Source: v5 patch 7 (N. Pache, April 2025), khugepaged_scan_bitmap: orders counted in chunks of order 2.
    private (int Occupied, int Needed) JudgeChunks(TableRun run, int offset, int order)
    {
        var geometry = machine.Geometry;
        int chunkOrder = order - Geometry.MinOrder;
        int occupied = _occupancy.Count(offset >> Geometry.MinOrder, 1 << chunkOrder);
        int threshold = (geometry.Pages - machine.Settings.MaxPtesNone - 1) >> (geometry.PmdOrder - chunkOrder);
        bool untested = run.Scan.Enabled == OrderSet.Of(geometry.PmdOrder) || machine.Settings.Always.Contains(order);
        return (occupied, untested ? 0 : threshold + 1);
    }

    private int LargestFolio(AddressSpace mm, long page, int order)
    {
        int largest = order;
        foreach (var pte in mm.TableAt(page).Ptes.Slice(machine.Geometry.IndexOf(page), 1 << order))
            if (pte.Kind == PteKind.Page)
                largest = Math.Max(largest, machine.Memory.FolioOf(pte.Pfn).Order);
        return largest;
    }

    private void Keep(TableRun run, WalkStep step)
    {
        if (machine.KeepWalks)
            run.Walk.Add(step);
    }
}
