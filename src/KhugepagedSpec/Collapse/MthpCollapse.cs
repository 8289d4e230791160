using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// The walk over the windows of a PMD range that was scanned. No lock is held here, so the VMA is out of reach: the limits are asked for
/// without it, userfaultfd goes unnoticed. v18 used it. Source: Linux 7.2, <c>mm/khugepaged.c:mthp_collapse</c>; the way through the
/// windows, <c>max_order_from_offset</c>, is <see cref="OffsetWalker"/>.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
/// <param name="vma">The VMA at the scan, for versions that keep it.</param>
/// <param name="run">The visit of the PMD range.</param>
/// <param name="kind">Who collapses.</param>
/// <param name="occupancy">The PTEs that the scan found present, and usable.</param>
internal readonly partial struct MthpCollapse(
    Machine machine, AddressSpace mm, Vma vma, TableRun run, CollapseKind kind, Occupancy occupancy)
{
    private readonly KhugepagedVersion _version = machine.Version;

    /// <summary>Tries window after window.</summary>
    /// <returns>What the visit of the range reports.</returns>
    public ScanResult Run()
    {
        if (_version.TriesInRounds)
            return RunRounds();
        var last = ScanResult.Fail;
        bool collapsed = false, allocFailed = false, smallestFailed = false;
        var walker = _version.Walk.Begin(machine.Geometry, run.Scan.Enabled);
        while (!walker.IsDone)
        {
            var (offset, order) = (walker.Offset, walker.Order);
            if (offset + (1 << order) > machine.Geometry.Pages)
            {
                run.LeftTheTable = true;
                Keep(new WalkStep(offset, order, WalkReason.OutsideTable, 0, 0, ScanResult.Fail, WalkVerdict.Stop), walker);
                break;
            }
            if (_version.Candidate.TestsEnabled && !run.Scan.Enabled.Contains(order))
            {
                Keep(new WalkStep(offset, order, WalkReason.Disabled, 0, 0, ScanResult.Fail, WalkVerdict.Lower), walker);
                walker.Lower();
                continue;
            }
            if (_version.TakesSmallerExtents && !vma.Covers(run.Start + offset, run.Start + offset + (1 << order)))
            {
                Keep(new WalkStep(offset, order, WalkReason.OutsideVma, 0, 0, ScanResult.Fail, WalkVerdict.Lower), walker);
                walker.Lower();
                continue;
            }
            var test = Judge(offset, order);
            if (test.IsUnsupported)
            {
                Keep(new WalkStep(offset, order, WalkReason.Unsupported, 0, machine.Settings.MaxPtesNone, ScanResult.Fail,
                    WalkVerdict.Stop), walker);
                break;
            }
            if (!test.IsPassed)
            {
                Keep(Step(offset, order, test, WalkReason.TooEmpty, ScanResult.Fail, WalkVerdict.Lower), walker);
                walker.Lower();
                continue;
            }
            var (status, verdict) = Try(offset, order, test, walker);
            if (run.Hangs)
            {
                last = status;
                break;
            }
            collapsed |= status == ScanResult.Succeed;
            allocFailed |= status == ScanResult.AllocHugePageFail;
            smallestFailed |= status == ScanResult.AllocHugePageFail && order == run.Scan.Enabled.Lowest;
            if (verdict == WalkVerdict.Advance)
            {
                walker.Advance(_version.Sabotage?.AfterAttempt(machine, mm.TableAt(run.Start), offset, order, status) ?? 1 << order);
                continue;
            }
            last = status;
            if (verdict == WalkVerdict.Stop)
                break;
            walker.Lower();
        }
        return Reported(collapsed, allocFailed, smallestFailed, last);
    }

    private (ScanResult Status, WalkVerdict Verdict) Try(int offset, int order, CandidateTest test, IOrderWalker? walker = null)
    {
        var collapse = new CollapseHugePage(machine, mm, run, kind, offset, order);
        var attempt = collapse.Run();
        run.Attempts.Add(attempt);
        var verdict = run.Hangs ? WalkVerdict.Stop : _version.Retry.For(attempt.Status);
        Keep(Step(offset, order, test, WalkReason.Tried, attempt.Status, verdict) with { Why = collapse.Why }, walker);
        return (attempt.Status, verdict);
    }

    private ScanResult Reported(bool collapsed, bool allocFailed, bool smallestFailed, ScanResult last) => _version.Visit switch
    {
        VisitResult.LastAttempt => run.Attempts is [.., var attempt] ? attempt.Status : last,
        VisitResult.ByRound => collapsed ? ScanResult.Succeed
            : smallestFailed ? ScanResult.AllocHugePageFail : run.Scan.PmdRefused ?? last,
        VisitResult.CollapsedOrFail => collapsed ? ScanResult.Succeed : ScanResult.Fail,
        _ => collapsed ? ScanResult.Succeed : allocFailed ? ScanResult.AllocHugePageFail : last,
    };

    // What v18 reads through its pointer is what the VMA is by then, if it still is; the flag remembered is of the time of the scan.
    private Vma? VmaSeen() => _version.Candidate.SeesVma ? mm.FindVma(run.Start) : _version.Candidate.RemembersUffd ? vma : null;

    private CandidateTest Judge(int offset, int order)
    {
        var rule = _version.Candidate;
        if (!rule.TestsOccupancy || rule.IsChunkThreshold)
        {
            int chunks = rule.IsChunkThreshold ? occupancy.Count(offset >> Geometry.MinOrder, 1 << (order - Geometry.MinOrder)) : 0;
            return rule.Test(machine.Settings, run.Scan.Enabled, order, 0, new WindowCounts(chunks));
        }
        var limits = new CollapseMaxPtes(machine.Settings, kind, _version);
        var seen = VmaSeen();
        int maxPtesNone = limits.None(order, seen), inWindow = 0;
        if (!machine.HasWarnedOfMaxPtesNone && limits.IsWarnedOf(order, seen))
            machine.HasWarnedOfMaxPtesNone = run.WarnedOfMaxPtesNone = true;
        if (rule.Swap == SwapCounts.InWindow)
            foreach (var pte in mm.TableAt(run.Start).Ptes.Slice(offset, 1 << order))
                inWindow += pte.Kind == PteKind.None || pte.IsPresent ? 0 : 1;
        return rule.Test(
            machine.Settings, run.Scan.Enabled, order, maxPtesNone,
                new WindowCounts(occupancy.Count(offset, 1 << order), run.Scan.Unmapped, inWindow));
    }

    private static WalkStep Step(int offset, int order, CandidateTest test, WalkReason reason, ScanResult result, WalkVerdict verdict) =>
        new(offset, order, reason, test.Occupied, test.Needed, result, verdict)
        {
            CountsChunks = test.CountsChunks,
            IsUntested = test.IsUntested,
            NotPresent = test.NotPresent,
        };

    private void Keep(WalkStep step, IOrderWalker? walker)
    {
        if (machine.KeepWalks)
            run.Walk.Add(_version.Walk.HasStack && walker is not null ? step with { Waiting = walker.Pending } : step);
    }
}
