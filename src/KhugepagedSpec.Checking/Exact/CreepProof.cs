using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>What max_ptes_none comes to over passes, for one version.</summary>
/// <param name="Values">The values that creep, ascending.</param>
/// <param name="Smallest">Of the least of them a table that creeps, in the fewest orders; null if none does.</param>
/// <param name="Cases">Values and sets of orders looked at.</param>
public sealed record Creep(ImmutableArray<int> Values, Scenario? Smallest, long Cases)
{
    /// <summary>Why the version is not decided; null if it is.</summary>
    public string? Open { get; init; }

    /// <summary>What <see cref="Smallest"/> looks like after each of two passes, on the whole model.</summary>
    public ImmutableArray<PageTable> Passes { get; init; } = [];
}

/// <summary>
/// Which values of max_ptes_none creep: some table and set of orders there is of which a later pass collapses what the first, all of
/// whose attempts succeeded, left alone. Decided for every table of plain pages and empty PTEs: a window is tried if it has enough pages,
/// so more pages before a pass never come to fewer after it, and what counts is the most that a block of so many pages comes to. The test
/// is asked, not known.
/// </summary>
public static class CreepProof
{
    /// <summary>The largest PMD order that is decided.</summary>
    public const int MostOrder = 9;

    /// <summary>Decides every value, with every set of orders that is a part of <paramref name="orders"/>.</summary>
    /// <param name="geometry">The geometry, up to <see cref="MostOrder"/>.</param>
    /// <param name="version">The version.</param>
    /// <param name="orders">Orders that may be enabled.</param>
    public static Creep Run(Geometry geometry, KhugepagedVersion version, OrderSet orders)
    {
        ArgumentNullException.ThrowIfNull(version);
        if (Undecided(version) is { } why)
            return new Creep([], null, 0) { Open = why };
        if (version.IsPmdOnly)
            orders &= OrderSet.Of(geometry.PmdOrder);
        var creeping = new OrderSet?[geometry.Pages];
        long cases = 0;
        Parallel.For(0, geometry.Pages, limit =>
        {
            var search = new Search(geometry, version, limit, orders);
            creeping[limit] = search.Run();
            Interlocked.Add(ref cases, search.Sets);
        });
        ImmutableArray<int> values = [.. Enumerable.Range(0, geometry.Pages).Where(limit => creeping[limit] is not null)];
        if (values.IsEmpty)
            return new Creep(values, null, cases);
        var smallest = new Search(geometry, version, values[0], orders).Table(creeping[values[0]]!.Value);
        return new Creep(values, smallest, cases) { Passes = [.. smallest.Run(version, 2).Select(pass => pass.After)] };
    }

    // What a window's test rests on besides its count; the walk and its pruning are claims of their own.
    private static string? Undecided(KhugepagedVersion version) =>
        version.Candidate.IsChunkThreshold ? "chunks are counted, and not PTEs"
        : !version.Candidate.TestsOccupancy && !version.IsPmdOnly ? "windows are tried whatever their occupancy"
        : version.BlindAtIsolation.Limits.HasFlag(Limits.MaxPtesNone) ? "isolation does not look at the limit"
        : version.BlindAtIsolation.Limits.HasFlag(Limits.MappedOrder) ? "a window that is one folio already is collapsed again"
        : !Walks.Contains(version.Walk) ? $"the walk is none that takes the windows of the buddy tree in order: {version.Walk.Name}"
        : version.Retry.For(ScanResult.Succeed) != WalkVerdict.Advance ? "the walk does not go on after a success"
        : Premises.FirstUnlike72(version, Policy.Sabotage);

    private static readonly ImmutableArray<OrderWalk> Walks =
        [OrderWalk.Offset, OrderWalk.Stack, OrderWalk.FullStack, OrderWalk.PmdOnly];

    // One PTE: with no page it has none, with one it has one.
    private static readonly int[] Page = [0, 1];

    // For one value: need[k] pages make a window of order k worth a try; most[b] is the most that b pages of a block come to.
    private sealed class Search(Geometry geometry, KhugepagedVersion version, int limit, OrderSet orders)
    {
        private readonly int[] _need =
            [.. Enumerable.Range(0, geometry.PmdOrder + 1).Select(order => Need(geometry, version, limit, order))];

        public long Sets { get; private set; }

        // The set with the fewest orders, and of these the lowest.
        public OrderSet? Run()
        {
            OrderSet? best = null;
            Grow(1, Page, default, ref best);
            return best;
        }

        private void Grow(int order, int[] below, OrderSet enabled, ref OrderSet? best)
        {
            if (order > geometry.PmdOrder)
            {
                Sets++;
                return;
            }
            bool isTop = order == geometry.PmdOrder, isPossible = orders.Contains(order) && _need[order] <= 1 << order;
            var with = enabled.With(order);
            if (isPossible && _need[order] > 0 && !enabled.IsEmpty && IsBetter(with, best)
                && Best(below, _need[order] - 1).Most >= _need[order])
                best = with;
            int[] most = isTop ? [] : Joined(below);
            Grow(order + 1, most, enabled, ref best);
            if (isPossible)
                Grow(order + 1, isTop ? [] : Filled(most, order), with, ref best);
        }

        private static bool IsBetter(OrderSet one, OrderSet? other) =>
            other is not { } best || (int.PopCount((int)one.Bits), one.Bits).CompareTo((int.PopCount((int)best.Bits), best.Bits)) < 0;

        private static (int Most, int Left) Best(int[] below, int pages)
        {
            (int Most, int Left) best = (-1, 0);
            for (int left = Math.Min(pages, below.Length - 1); left >= 0 && pages - left < below.Length; left--)
                if (below[left] + below[pages - left] > best.Most)
                    best = (below[left] + below[pages - left], left);
            return best;
        }

        private static int[] Joined(int[] below) =>
            [.. Enumerable.Range(0, 2 * below.Length - 1).Select(pages => Best(below, pages).Most)];

        // What was filled counts as pages, unless pages of zeroes count as none.
        private int[] Filled(int[] most, int order) =>
            [.. most.Select((after, before) => before >= _need[order] && !version.CountsZeroFilledAsNone ? 1 << order : after)];

        public Scenario Table(OrderSet enabled)
        {
            var most = new List<int[]> { Page };
            for (int order = 1; order <= enabled.Highest; order++)
                most.Add(enabled.Contains(order) && order < enabled.Highest ? Filled(Joined(most[^1]), order) : Joined(most[^1]));
            var cells = new Cell[geometry.Pages];
            Lay(cells, 0, enabled.Highest, _need[enabled.Highest] - 1);
            var scenario = Scenario.Of(new PageTable(geometry, [.. cells]));
            return scenario with
            {
                Settings = scenario.Settings.WithSizes(enabled, SizeEnabled.Madvise) with { MaxPtesNone = limit },
            };

            void Lay(Cell[] ptes, int offset, int order, int pages)
            {
                if (order == 0)
                {
                    ptes[offset] = pages > 0 ? Cell.Plain : Cell.None;
                    return;
                }
                int left = Best(most[order - 1], pages).Left;
                Lay(ptes, offset, order - 1, left);
                Lay(ptes, offset + (1 << (order - 1)), order - 1, pages - left);
            }
        }
    }

    private static int Need(Geometry geometry, KhugepagedVersion version, int limit, int order)
    {
        int pages = 0;
        while (order >= Geometry.MinOrder && pages <= 1 << order && !WindowTest.IsTried(version, geometry, order, limit, pages))
            pages++;
        return pages;
    }
}
