using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// The same by rounds: windows are chosen as if each came out well until there are enough for a round, and then tried. What was refused
/// comes back as a region that is walked at the next lower enabled order, before the walk goes on; an allocation that failed is tried
/// once more at its order, with reclaim. The PMD's window is a round by itself. Source: K. Shutsemau, "mm/collapse: rebuild collapse on
/// migration primitives", 2026-08.
/// </summary>
internal readonly partial struct MthpCollapse
{
    // Of destination in a round, and as many windows as a table has of the smallest order.
    private const int MostKilobytes = 32 * 1024;

    private ScanResult RunRounds()
    {
        var enabled = run.Scan.Enabled;
        var last = ScanResult.Fail;
        bool collapsed = false, allocFailed = false, smallestFailed = false, isOver = enabled.IsEmpty;
        var cursor = new Region(0, machine.Geometry.Pages, enabled.Highest, MayReclaim: false);
        var refused = new Stack<Region>();
        while (!isOver && Choose(refused, ref cursor) is { Count: > 0 } round)
            foreach (var (offset, order, mayReclaim, test) in round)
            {
                var (attempt, verdict) = Try(offset, order, test);
                if (verdict == WalkVerdict.Advance)
                {
                    collapsed |= attempt == ScanResult.Succeed;
                    continue;
                }
                last = attempt;
                if (verdict == WalkVerdict.Stop)
                {
                    isOver = true;
                    break;
                }
                int end = offset + (1 << order);
                if (attempt == ScanResult.AllocHugePageFail && !mayReclaim)
                {
                    refused.Push(new Region(offset, end, order, MayReclaim: true));
                    continue;
                }
                allocFailed |= attempt == ScanResult.AllocHugePageFail;
                smallestFailed |= attempt == ScanResult.AllocHugePageFail && order == enabled.Lowest;
                if (enabled.HasBelow(order))
                    refused.Push(new Region(offset, end, HighestUpTo(enabled, order - 1), MayReclaim: false));
            }
        return Reported(collapsed, allocFailed, smallestFailed, last);
    }

    // Regions that were refused come before what was not walked yet.
    private List<Chosen> Choose(Stack<Region> refused, ref Region cursor)
    {
        var round = new List<Chosen>();
        while (!IsFull(round) && refused.TryPop(out var region))
        {
            Walk(ref region, round);
            if (region.Offset < region.End)
                refused.Push(region);
        }
        if (!IsFull(round))
            Walk(ref cursor, round);
        return round;
    }

    private void Walk(ref Region region, List<Chosen> round)
    {
        var enabled = run.Scan.Enabled;
        while (region.Offset < region.End && !IsFull(round))
        {
            int offset = region.Offset, aligned = offset == 0 ? machine.Geometry.PmdOrder : int.TrailingZeroCount(offset);
            int order = HighestUpTo(enabled, Math.Min(region.MostOrder, aligned)), pages = 1 << order;
            for (; ; order = HighestUpTo(enabled, order - 1), pages = 1 << order)
            {
                bool isCovered = !_version.TakesSmallerExtents || vma.Covers(run.Start + offset, run.Start + offset + pages);
                var test = isCovered ? Judge(offset, order) : default;
                if (isCovered && test.IsPassed)
                {
                    // Alone: what was chosen before it is tried first.
                    if (order == machine.Geometry.PmdOrder && round.Count > 0)
                        return;
                    round.Add(new Chosen(offset, order, region.MayReclaim, test));
                    break;
                }
                Keep(isCovered ? Step(offset, order, test, WalkReason.TooEmpty, ScanResult.Fail, WalkVerdict.Lower)
                    : new WalkStep(offset, order, WalkReason.OutsideVma, 0, 0, ScanResult.Fail, WalkVerdict.Lower), walker: null);
                if (!enabled.HasBelow(order))
                    break;
            }
            region = region with { Offset = offset + pages };
        }
    }

    private bool IsFull(List<Chosen> round)
    {
        int pages = 0;
        foreach (var one in round)
            pages += 1 << one.Order;
        return round.Count >= machine.Geometry.Pages / 4 || pages >= MostKilobytes / machine.Type.PageKilobytes
            || (round.Count > 0 && round[0].Order == machine.Geometry.PmdOrder);
    }

    private static int HighestUpTo(OrderSet enabled, int order) => new OrderSet(enabled.Bits & ((2u << order) - 1)).Highest;

    private readonly record struct Region(int Offset, int End, int MostOrder, bool MayReclaim);

    private readonly record struct Chosen(int Offset, int Order, bool MayReclaim, CandidateTest Test);
}
