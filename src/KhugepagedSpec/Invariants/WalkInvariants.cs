using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Invariants;

/// <summary>Which windows are tried, in which order, and what the visit reports.</summary>
internal static class WalkInvariants
{
    private static readonly ResultSet Prunes = ResultSet.Of(ScanResult.Succeed, ScanResult.PteMappedHugepage);

    public static (int? Cell, string Why)? AlignedDisjointEnabled(CollapseRun run)
    {
        if (run.LeftTheTable)
            return (null, "the walk came to a window outside the table");
        int end = 0;
        foreach (var window in run.Collapsed)
        {
            if (window.Offset % (1 << window.Order) != 0)
                return (window.Offset, $"{window.Name()} is not aligned");
            if (window.Offset < end)
                return (window.Offset, $"{window.Name()} overlaps the window before it");
            if (!run.Enabled.Contains(window.Order))
                return (window.Offset, $"{window.Name()}: the order is not enabled");
            end = window.Offset + (1 << window.Order);
        }
        return null;
    }

    public static Violation? WalksAgree(History history)
    {
        if (history is not { Scenario: { } scenario, Version: { } version })
            return null;
        foreach (var walk in new[] { OrderWalk.Offset, OrderWalk.Stack, OrderWalk.FullStack })
        {
            if (walk == version.Walk)
                continue;
            // From one state: where the first pass agrees, the state it leaves is the same too.
            var theirs = History.Of(scenario, version with { Walk = walk }, 1).Runs[0].Attempts;
            var ours = history.Runs[0].Attempts;
            int same = ours.AsSpan().CommonPrefixLength(theirs.AsSpan());
            if (same < ours.Length || same < theirs.Length)
                return new Violation(1, null, $"attempt {same + 1} is {At(ours, same)}, with the {walk.Name} walk {At(theirs, same)}");
        }
        return null;
    }

    // The walk as a recursion over the buddy tree: told from the table and the results alone, and from nothing a walker knows.
    public static (int? Cell, string Why)? BuddyTree(CollapseRun run)
    {
        if (run.Status is null || run.Before.Pmd != PmdState.Table)
            return null;
        int next = 0;
        (int? Cell, string Why)? wrong = null;
        bool goesOn = run.Attempts.IsEmpty || Visit(0, run.Geometry.PmdOrder);
        if (wrong is null && next < run.Attempts.Length)
            wrong = (run.Attempts[next].Offset,
                $"{run.Attempts[next].Name()} is tried, and {(goesOn ? "nothing is left to try" : "the walk had ended")}");
        return wrong;

        // Returns false once the walk has ended.
        bool Visit(int offset, int order)
        {
            if (run.Enabled.Contains(order) && IsWorthATry(run, offset, order))
            {
                if (next >= run.Attempts.Length || run.Attempts[next].Offset != offset || run.Attempts[next].Order != order)
                {
                    wrong = (offset, $"{offset}/{order} is due, and {At(run.Attempts, next)} is tried");
                    return false;
                }
                var status = run.Attempts[next++].Status;
                if (Prunes.Contains(status))
                    return true;
                if (RetryTable.Linux72.For(status) == WalkVerdict.Stop)
                    return false;
            }
            return !run.Enabled.HasBelow(order) || order == Geometry.MinOrder
                || (Visit(offset, order - 1) && Visit(offset + (1 << (order - 1)), order - 1));
        }
    }

    public static (int? Cell, string Why)? EachWindowOnce(CollapseRun run)
    {
        var seen = new HashSet<(int, int)>();
        foreach (var attempt in run.Attempts)
            if (!seen.Add((attempt.Offset, attempt.Order)))
                return (attempt.Offset, $"{attempt.Name()} is tried twice");
        return null;
    }

    public static (int? Cell, string Why)? ResultByPriority(CollapseRun run)
    {
        if (run.Attempts.IsEmpty)
            return null;
        var expected = run.Collapsed.Any() ? ScanResult.Succeed
            : run.Attempts.Any(attempt => attempt.Status == ScanResult.AllocHugePageFail) ? ScanResult.AllocHugePageFail
            : run.Attempts.Where(attempt => !Prunes.Contains(attempt.Status)).Select(attempt => attempt.Status)
                .LastOrDefault(ScanResult.Fail);
        return run.Status == expected ? null : (null, $"reports {run.Status?.KernelName()}, and {expected.KernelName()} is due");
    }

    private static bool IsWorthATry(CollapseRun run, int offset, int order)
    {
        bool isPmd = order == run.Geometry.PmdOrder;
        int occupied = 0;
        foreach (var cell in run.Before.CellsOf(offset, order))
            if (cell.Kind == PteKind.Page || (isPmd && !cell.IsNoneOrZero))
                occupied++;
        int allowed = run.Kind == CollapseKind.Madvise ? run.Geometry.Pages
            : isPmd ? run.Settings.MaxPtesNone
            : run.Settings.MaxPtesNone == run.Geometry.MaxPtesLimit ? (1 << order) - 1
            : 0;
        return occupied >= (1 << order) - allowed;
    }

    private static string At(ImmutableArray<Attempt> attempts, int index) => index < attempts.Length ? attempts[index].Name() : "none";
}
