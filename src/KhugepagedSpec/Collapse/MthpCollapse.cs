using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;
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
internal readonly struct MthpCollapse(Machine machine, AddressSpace mm, Vma vma, TableRun run, CollapseKind kind, Occupancy occupancy)
{
    private readonly KhugepagedVersion _version = machine.Version;

    /// <summary>Tries window after window.</summary>
    /// <returns>What the visit of the range reports.</returns>
    public ScanResult Run()
    {
        var last = ScanResult.Fail;
        bool collapsed = false, allocFailed = false;
        var walker = _version.Walk.Begin(machine.Geometry, run.Scan.Enabled);
        while (!walker.IsDone)
        {
            var (offset, order) = (walker.Offset, walker.Order);
            if (offset + (1 << order) > machine.Geometry.Pages)
            {
                run.LeftTheTable = true;
                break;
            }
            if (_version.Candidate.TestsEnabled && !run.Scan.Enabled.Contains(order))
            {
                Keep(new WalkStep(offset, order, WalkReason.Disabled, 0, 0, ScanResult.Fail, WalkVerdict.Lower));
                walker.Lower();
                continue;
            }
            var (occupied, needed) = Judge(offset, order);
            if (needed > 1 << order)
                break;
            if (occupied < needed)
            {
                Keep(new WalkStep(offset, order, WalkReason.TooEmpty, occupied, needed, ScanResult.Fail, WalkVerdict.Lower));
                walker.Lower();
                continue;
            }
            var attempt = new CollapseHugePage(machine, mm, run, kind, offset, order).Run();
            run.Attempts.Add(attempt);
            if (run.Hangs)
            {
                last = attempt.Status;
                break;
            }
            var verdict = _version.Retry.For(attempt.Status);
            Keep(new WalkStep(offset, order, WalkReason.Tried, occupied, needed, attempt.Status, verdict));
            collapsed |= attempt.Status == ScanResult.Succeed;
            allocFailed |= attempt.Status == ScanResult.AllocHugePageFail;
            if (verdict == WalkVerdict.Advance)
            {
                walker.Advance(_version.Sabotage?.AfterAttempt(machine, mm, run, attempt) ?? 1 << order);
                continue;
            }
            last = attempt.Status;
            if (verdict == WalkVerdict.Stop)
                break;
            walker.Lower();
        }
        return _version.Visit switch
        {
            VisitResult.LastAttempt => run.Attempts is [.., var attempt] ? attempt.Status : last,
            VisitResult.CollapsedOrFail => collapsed ? ScanResult.Succeed : ScanResult.Fail,
            _ => collapsed ? ScanResult.Succeed : allocFailed ? ScanResult.AllocHugePageFail : last,
        };
    }

    // What v18 reads through its pointer is what the VMA is by then, if it still is; the flag remembered is of the time of the scan.
    private Vma? VmaSeen() => _version.Candidate.SeesVma ? mm.FindVma(run.Start) : _version.Candidate.RemembersUffd ? vma : null;

    // How many PTEs of a window are occupied and how many the limit asks for; more than there are if the limit is unsupported.
    private (int Occupied, int Needed) Judge(int offset, int order)
    {
        var rule = _version.Candidate;
        int pages = 1 << order;
        if (!rule.TestsOccupancy)
            return (pages, 0);
        if (rule.IsChunkThreshold)
            return JudgeChunks(offset, order);
        var limits = new CollapseMaxPtes(machine.Settings, kind, _version.NoneLimit);
        var seen = VmaSeen();
        int maxPtesNone = limits.None(order, seen);
        if (!machine.HasWarnedOfMaxPtesNone && limits.IsWarnedOf(order, seen))
            machine.HasWarnedOfMaxPtesNone = run.WarnedOfMaxPtesNone = true;
        if (maxPtesNone == NoneLimit.Unsupported)
            return (0, pages + 1);
        int occupied = occupancy.Count(offset, pages);
        if (rule.Swap == SwapCounts.Everywhere || (rule.Swap == SwapCounts.AtPmdOrder && order == machine.Geometry.PmdOrder))
            occupied += run.Scan.Unmapped;
        if (rule.Swap == SwapCounts.InWindow)
            foreach (var pte in mm.TableAt(run.Start).Ptes.Slice(offset, pages))
                occupied += pte.Kind == PteKind.None || pte.IsPresent ? 0 : 1;
        return (rule.IsStrict ? occupied - 1 : occupied, pages - maxPtesNone);
    }

    // Source: v5 patch 7 (N. Pache, April 2025), khugepaged_scan_bitmap: orders counted in chunks of order 2.
    private (int Occupied, int Needed) JudgeChunks(int offset, int order)
    {
        var geometry = machine.Geometry;
        int chunkOrder = order - Geometry.MinOrder;
        int occupied = occupancy.Count(offset >> Geometry.MinOrder, 1 << chunkOrder);
        int threshold = (geometry.Pages - machine.Settings.MaxPtesNone - 1) >> (geometry.PmdOrder - chunkOrder);
        bool untested = run.Scan.Enabled == OrderSet.Of(geometry.PmdOrder) || machine.Settings.Always.Contains(order);
        return (occupied, untested ? 0 : threshold + 1);
    }

    private void Keep(WalkStep step)
    {
        if (machine.KeepWalks)
            run.Walk.Add(step);
    }
}
