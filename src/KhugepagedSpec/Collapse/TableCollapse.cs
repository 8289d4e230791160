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
                Keep(run, new WalkStep(offset, order, WalkReason.OutsideTable, 0, 0, ScanResult.Fail, WalkVerdict.Stop));
                break;
            }
            if (version.Candidate.TestsEnabled && !run.Scan.Enabled.Contains(order))
            {
                Keep(run, new WalkStep(offset, order, WalkReason.Disabled, 0, 0, ScanResult.Fail, WalkVerdict.Lower));
                walker.Lower();
                continue;
            }
            var test = Judge(mm, run, VmaSeen(mm, vma, run), kind, offset, order);
            if (!test.IsPassed)
            {
                Keep(run, test.IsUnsupported
                    ? new WalkStep(offset, order, WalkReason.Unsupported, 0, machine.Settings.MaxPtesNone, ScanResult.Fail,
                        WalkVerdict.Stop)
                    : Step(offset, order, test, WalkReason.TooEmpty, ScanResult.Fail, WalkVerdict.Lower));
                if (test.IsUnsupported)
                    break;
                walker.Lower();
                continue;
            }
            int mappedOrder = version.Advance == AdvanceRule.ByMappedFolio ? LargestFolio(mm, run.Start + offset, order) : order;
            var collapse = new CollapseAttempt(machine, mm, run, kind, offset, order);
            var attempt = collapse.Run();
            run.Attempts.Add(attempt);
            var verdict = run.Hangs ? WalkVerdict.Stop : version.Retry.For(attempt.Status);
            Keep(run, Step(offset, order, test, WalkReason.Tried, attempt.Status, verdict) with { Why = collapse.Why });
            if (run.Hangs)
            {
                last = attempt.Status;
                break;
            }
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

    private CandidateTest Judge(AddressSpace mm, TableRun run, Vma? vma, CollapseKind kind, int offset, int order)
    {
        var rule = machine.Version.Candidate;
        if (!rule.TestsOccupancy || rule.IsChunkThreshold)
        {
            int chunks = rule.IsChunkThreshold ? _occupancy.Count(offset >> Geometry.MinOrder, 1 << (order - Geometry.MinOrder)) : 0;
            return rule.Test(machine.Settings, run.Scan.Enabled, order, 0, new WindowCounts(chunks));
        }
        var limits = new CollapseLimits(machine.Settings, kind, machine.Version.NoneLimit);
        int allowed = limits.MaxNone(order, vma), inWindow = 0;
        if (!machine.HasWarnedOfMaxPtesNone && limits.IsWarnedOf(order, vma))
            machine.HasWarnedOfMaxPtesNone = run.WarnedOfMaxPtesNone = true;
        if (rule.Swap == SwapCounts.InWindow)
            foreach (var pte in mm.TableAt(run.Start).Ptes.Slice(offset, 1 << order))
                inWindow += pte.Kind == PteKind.None || pte.IsPresent ? 0 : 1;
        return rule.Test(machine.Settings, run.Scan.Enabled, order, allowed,
            new WindowCounts(_occupancy.Count(offset, 1 << order), run.Scan.Unmapped, inWindow));
    }

    private static WalkStep Step(int offset, int order, CandidateTest test, WalkReason reason, ScanResult result, WalkVerdict verdict) =>
        new(offset, order, reason, test.Occupied, test.Needed, result, verdict)
        {
            CountsChunks = test.CountsChunks,
            IsUntested = test.IsUntested,
            NotPresent = test.NotPresent,
        };

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
