using System.Diagnostics;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// What holds of a version's limits for every table: a finite grid of orders, limits and kinds of collapse, and what follows from
/// it for blocks by their summaries.
/// </summary>
internal static class LimitProof
{
    /// <summary>
    /// Below the PMD's order isolation lets a window pass only if it is full, unless max_ptes_none is the maximum; at it, with as many
    /// empty PTEs as max_ptes_none says. So no value between fills an empty PTE below, and none can creep. Where pages of zeroes count as
    /// empty, what was filled is counted again: then a window may have its share of max_ptes_none, and disjoint ones no more together.
    /// </summary>
    public static Claim NoCreep(Geometry geometry, KhugepagedVersion version)
    {
        var clock = Stopwatch.StartNew();
        long cases = 0;
        string? wrong = null;
        var settings = ThpSettings.Defaults(geometry);
        int maximum = geometry.MaxPtesLimit;
        for (int limit = 0; limit <= maximum; limit++)
        {
            var limits = new CollapseMaxPtes(settings with { MaxPtesNone = limit }, CollapseKind.Khugepaged, version);
            for (int order = version.IsPmdOnly ? geometry.PmdOrder : Geometry.MinOrder; order <= geometry.PmdOrder; order++, cases++)
            {
                int allowed = limits.None(order, vma: null);
                int right = order == geometry.PmdOrder ? limit
                    : limit == maximum ? (1 << order) - 1
                    : version.CountsZeroFilledAsNone ? limit >> (geometry.PmdOrder - order)
                    : 0;
                if (allowed > right)
                    wrong ??= $"order {order} allows {allowed} empty PTEs under max_ptes_none {limit}";
            }
        }
        return new Claim(
            "no-none-creep", version.CountsZeroFilledAsNone
                ? "A window is collapsed only with as much that is empty or zero as its share of max_ptes_none is."
                : "Below the PMD's order a window is collapsed only if it is full, or max_ptes_none is the maximum.",
            cases, wrong, clock.Elapsed)
        {
            Open = version.BlindAtIsolation.Limits.HasFlag(Limits.MaxPtesNone) ? "isolation does not look at the limit"
                : Premises.FirstUnlike72(version, Policy.Sabotage),
        };
    }

    /// <summary>
    /// How many PTEs of a window are occupied is the sum over its PTEs: shown for every window and every single PTE, and that two
    /// tables without a common PTE add up.
    /// </summary>
    public static Claim CountsAddUp(Geometry geometry)
    {
        var clock = Stopwatch.StartNew();
        long cases = 0;
        string? wrong = null;
        var (one, upToHere) = (new Occupancy(geometry), new Occupancy(geometry));
        for (int pte = 0; pte < geometry.Pages; pte++)
        {
            one.Clear();
            one.Set(pte);
            upToHere.Set(pte);
            for (int order = Geometry.MinOrder; order <= geometry.PmdOrder; order++)
            {
                // The window that holds it, and those beside; then how far the PTEs up to here fill theirs.
                int own = pte >> order << order, size = 1 << order;
                for (int offset = Math.Max(0, own - size); offset <= Math.Min(own + size, geometry.Pages - size); offset += size,
                    cases += 2)
                {
                    if (one.Count(offset, size) != (offset == own ? 1 : 0))
                        wrong ??= $"PTE {pte} counts wrongly in {offset}/{order}";
                    if (upToHere.Count(offset, size) != Math.Clamp(pte + 1 - offset, 0, size))
                        wrong ??= $"PTEs 0 to {pte} count wrongly in {offset}/{order}";
                }
            }
        }
        return new Claim("counts-add-up", "A window's count is the sum over its PTEs.", cases, wrong, clock.Elapsed)
        {
            IsOfTheMethod = true,
        };
    }

    /// <summary>
    /// A block is empty, partial or full, and that is all that the version's test asks under the limits 0 and maximum: the summary of two
    /// blocks follows from theirs, and whether a window is tried from its own.
    /// </summary>
    public static Claim SummariesSuffice(Geometry geometry, KhugepagedVersion version)
    {
        var clock = Stopwatch.StartNew();
        long cases = 0;
        string? wrong = null;
        for (int order = 0; order < geometry.PmdOrder; order++)
            for (int left = 0; left <= 1 << order; left++)
                foreach (int right in new[] { 0, 1, (1 << order) - 1, 1 << order })
                {
                    cases++;
                    var joined = BlockSummaries.Join(BlockSummaries.Of(left, 1 << order), BlockSummaries.Of(right, 1 << order));
                    var summary = BlockSummaries.Of(left + right, 2 << order);
                    if (joined != summary)
                        wrong ??= $"{left} and {right} PTEs of two blocks of order {order} are summed up as {joined}";
                    if (order + 1 < Geometry.MinOrder || (version.IsPmdOnly && order + 1 < geometry.PmdOrder))
                        continue;
                    foreach (int limit in new[] { 0, geometry.MaxPtesLimit })
                        if (WindowTest.IsTried(version, geometry, order + 1, limit, left + right) is var tried
                            && tried != BlockSummaries.IsTried(summary, fillsHoles: limit > 0))
                            wrong ??= $"a window of order {order + 1} with {left + right} pages is {(tried ? "" : "not ")}tried"
                                + $" under max_ptes_none {limit}";
                }
        return new Claim("summaries-suffice", "Empty, partial or full: under the limits 0 and maximum nothing else decides.", cases,
            version.Candidate.IsChunkThreshold ? null : wrong, clock.Elapsed)
        {
            Open = version.Candidate.IsChunkThreshold ? "chunks are counted, and not PTEs" : null,
        };
    }

    /// <summary>
    /// After a pass in which every attempt succeeded, the next one tries no window that was not tried: shown by what becomes of each
    /// summary, from the PTEs up, for every set of orders. It rests on the walk and on the test of a window, which are claims of their
    /// own, and on what makes a failure change nothing.
    /// </summary>
    public static Claim Settles(Geometry geometry, KhugepagedVersion version, Claim tree, Claim summaries)
    {
        var clock = Stopwatch.StartNew();
        long cases = 0;
        string? wrong = null;
        for (uint bits = 0; bits < 2u << geometry.PmdOrder; bits += 1u << Geometry.MinOrder)
            foreach (bool fillsHoles in new[] { false, true })
            {
                var enabled = new OrderSet(bits);
                var outcomes = new HashSet<(BlockSummary Before, BlockSummary After)> { (BlockSummary.Empty, BlockSummary.Empty),
                    (BlockSummary.Full, BlockSummary.Full) };
                for (int order = 1; order <= geometry.PmdOrder; order++)
                {
                    var next = new HashSet<(BlockSummary Before, BlockSummary After)>();
                    foreach (var left in outcomes)
                        foreach (var right in outcomes)
                        {
                            cases++;
                            var before = BlockSummaries.Join(left.Before, right.Before);
                            bool isTried = enabled.Contains(order) && BlockSummaries.IsTried(before, fillsHoles);
                            var after = isTried ? BlockSummary.Full : BlockSummaries.Join(left.After, right.After);
                            if (enabled.Contains(order) && !isTried && BlockSummaries.IsTried(after, fillsHoles))
                                wrong ??= $"a window of order {order} is tried only in the second pass, with orders {enabled}";
                            if (!fillsHoles && before != after)
                                wrong ??= $"under the limit 0 a block of order {order} was filled, with orders {enabled}";
                            next.Add((before, after));
                        }
                    outcomes = next;
                }
                if (outcomes.Contains((BlockSummary.Empty, BlockSummary.Partial))
                    || outcomes.Contains((BlockSummary.Empty, BlockSummary.Full)))
                    wrong ??= $"an empty table was filled, with orders {enabled}";
            }
        return new Claim(
            "settles", "After a pass in which every attempt succeeds, the next tries nothing new; under the limit 0 nothing is filled.",
            cases, wrong, clock.Elapsed)
        {
            Open = !tree.IsProved ? $"it rests on {tree.Name}, which does not hold"
                : !summaries.IsProved ? $"it rests on {summaries.Name}, which does not hold"
                : version.BlindAtIsolation.Limits.HasFlag(Limits.MappedOrder) ? "a window that is one folio already is collapsed again"
                : Premises.FirstUnlike72(version, Policy.Sabotage),
        };
    }
}
