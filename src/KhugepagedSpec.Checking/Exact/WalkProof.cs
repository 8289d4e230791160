using System.Diagnostics;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// What holds of a walk for every table, every result and every set of enabled orders: by its graph (<see cref="WalkGraph"/>), which
/// is finite, and not by trying tables, of which there are 2^512.
/// </summary>
internal static class WalkProof
{
    /// <summary>
    /// Both walks have the same graph, so they make the same attempts for all tables and all results: whenever they stand at the
    /// same window and get the same label, they come to the same window.
    /// </summary>
    public static Claim Agree<TFirst, TSecond>(
        string names, Geometry geometry, KhugepagedVersion version,
        Func<Geometry, OrderSet, TFirst> first, Func<Geometry, OrderSet, TSecond> second)
        where TFirst : struct, IOrderWalker
        where TSecond : struct, IOrderWalker => ForEachSet(
        $"walks-agree: {names}", "Both walks make the same attempts, for all tables and all results.", geometry, version,
        () => (First: new WalkGraph(geometry, WalkLabels.Of(version)), Second: new WalkGraph(geometry, WalkLabels.Of(version))),
        (graphs, enabled) =>
        {
            string? wrong = graphs.First.Explore(first(geometry, enabled), enabled)
                ?? graphs.Second.Explore(second(geometry, enabled), enabled)
                ?? FirstDifference(graphs.First, graphs.Second, WalkLabels.Of(version).Tried(enabled, geometry));
            return wrong is null ? null : $"{wrong}, with orders {enabled}";
        },
        graphs => graphs.First.Edges + graphs.Second.Edges);

    /// <summary>
    /// The graph is the buddy tree in order, but for windows of disabled orders: from a window "lower" leads to its left half as long
    /// as some lower order is enabled, else on, and "done" leads on; on is the largest window that begins after it. So attempts are
    /// aligned, disjoint and ascending,
    /// each window is visited once, and every enabled window is visited that lies in no window that is done with.
    /// </summary>
    public static Claim IsBuddyTree<TWalker>(
        string name, Geometry geometry, KhugepagedVersion version, Func<Geometry, OrderSet, TWalker> walk)
        where TWalker : struct, IOrderWalker => ForEachSet(
        $"aligned-disjoint-maximal: {name}",
        "Attempts are aligned, disjoint and ascending; no enabled window is left out but in one that is done with.", geometry, version,
        () => new WalkGraph(geometry, WalkLabels.Of(version)),
        (graph, enabled) =>
            (Untested(version, geometry, enabled) ?? graph.Explore(walk(geometry, enabled), enabled)
                ?? FirstOddity(graph, geometry, enabled)) is { } wrong ? $"{wrong}, with orders {enabled}" : null,
        graph => graph.Edges);

    /// <summary>The stack of a walk that has one never holds more windows than there are orders.</summary>
    public static Claim StackIsBounded<TWalker>(
        string name, Geometry geometry, KhugepagedVersion version, Func<Geometry, OrderSet, TWalker> walk)
        where TWalker : struct, IOrderWalker
    {
        int bound = geometry.PmdOrder - Geometry.MinOrder + 1, deepest = 0;
        object all = new();
        var claim = ForEachSet(
            name, "The stack never holds more than (PMD order - 2) + 1 windows.", geometry, version,
            () => new WalkGraph(geometry, WalkLabels.Of(version)),
            (graph, enabled) =>
            {
                string? wrong = graph.Explore(walk(geometry, enabled), enabled);
                int depth = graph.DeepestStack;
                lock (all)
                    deepest = Math.Max(deepest, depth);
                return wrong ?? (depth <= bound ? null
                    : $"{depth} windows lie on the stack, and there is room for {bound}, with orders {enabled}");
            },
            graph => graph.Edges);
        return claim with { Name = $"stack-bound: {name}, {deepest} of {bound} windows" };
    }

    // Only windows that lead to an enabled one are told apart: after the last enabled window nothing is tried any more.
    private static string? FirstDifference(WalkGraph first, WalkGraph second, OrderSet enabled)
    {
        if (enabled.IsEmpty)
            return null;
        for (int number = 0; number < first.Windows; number++)
        {
            var (offset, order) = first.WindowOf(number);
            if (!enabled.Contains(order))
                continue;
            if ((first.AfterLower[number] == WalkGraph.Unreached) != (second.AfterLower[number] == WalkGraph.Unreached))
                return $"only one of the walks can come to {offset}/{order}";
            if (first.AfterLower[number] == WalkGraph.Unreached)
                continue;
            if (Enabled(first, first.AfterLower[number], enabled) != Enabled(second, second.AfterLower[number], enabled)
                || Enabled(first, first.AfterDone[number], enabled) != Enabled(second, second.AfterDone[number], enabled)
                || Enabled(first, first.AfterMapped[number], enabled) != Enabled(second, second.AfterMapped[number], enabled))
            {
                return $"after {offset}/{order} the walks part";
            }
        }
        return null;
    }

    // The next enabled window from here on: windows of disabled orders only ever go lower.
    private static int Enabled(WalkGraph graph, int number, OrderSet enabled)
    {
        while (number >= 0 && !enabled.Contains(graph.WindowOf(number).Order))
            number = graph.AfterLower[number];
        return number;
    }

    private static string? Untested(KhugepagedVersion version, Geometry geometry, OrderSet enabled) =>
        version.Candidate.TestsEnabled || enabled.IsEmpty || enabled.Contains(geometry.PmdOrder) ? null
            : $"0/{geometry.PmdOrder} is tried, though its order is not enabled";

    private static string? FirstOddity(WalkGraph graph, Geometry geometry, OrderSet enabled)
    {
        if (enabled.IsEmpty)
            return null;
        int root = graph.NumberOf(0, geometry.PmdOrder);
        if (Enabled(graph, root, enabled) != InTree(graph, geometry, enabled, root))
            return "the walk begins astray";
        for (int number = 0; number < graph.Windows; number++)
        {
            var (offset, order) = graph.WindowOf(number);
            if (!enabled.Contains(order))
                continue;
            if (graph.AfterLower[number] == WalkGraph.Unreached)
                return $"the walk never comes to {offset}/{order}";
            int on = On(graph, geometry, offset + (1 << order));
            int below = enabled.HasBelow(order) ? graph.NumberOf(offset, order - 1) : on;
            if (Enabled(graph, graph.AfterLower[number], enabled) != InTree(graph, geometry, enabled, below))
                return $"from {offset}/{order} lower leads astray";
            if (Enabled(graph, graph.AfterDone[number], enabled) != InTree(graph, geometry, enabled, on))
                return $"done with {offset}/{order} the walk goes astray";
            if (Enabled(graph, graph.AfterMapped[number], enabled) != InTree(graph, geometry, enabled, on))
                return $"after {offset}/{order}, mapped by a larger folio, the walk leaves windows out";
        }
        return null;
    }

    // The next enabled window from here on in the buddy tree itself.
    private static int InTree(WalkGraph graph, Geometry geometry, OrderSet enabled, int number)
    {
        while (number >= 0)
        {
            var (offset, order) = graph.WindowOf(number);
            if (enabled.Contains(order))
                break;
            number = enabled.HasBelow(order) ? graph.NumberOf(offset, order - 1) : On(graph, geometry, offset + (1 << order));
        }
        return number;
    }

    private static int On(WalkGraph graph, Geometry geometry, int offset) =>
        offset >= geometry.Pages ? WalkGraph.Done : graph.NumberOf(offset, Math.Min(int.TrailingZeroCount(offset), geometry.PmdOrder));

    private static Claim ForEachSet<TState>(
        string name, string statement, Geometry geometry, KhugepagedVersion version,
        Func<TState> make, Func<TState, OrderSet, string?> check, Func<TState, long> cases)
    {
        var clock = Stopwatch.StartNew();
        // Up to 7.1 no other order comes to be enabled.
        uint possible = version.IsPmdOnly ? OrderSet.Of(geometry.PmdOrder).Bits : geometry.AnonOrders.Bits;
        int sets = 2 << (geometry.PmdOrder - Geometry.MinOrder);
        var wrong = new string?[sets];
        long total = 0;
        Parallel.For(0, sets, make, (set, _, state) =>
        {
            var enabled = new OrderSet((uint)set << Geometry.MinOrder);
            if ((enabled.Bits & ~possible) == 0)
                wrong[set] = check(state, enabled);
            return state;
        }, state => Interlocked.Add(ref total, cases(state)));
        return new Claim(name, statement, total, wrong.FirstOrDefault(text => text is not null), clock.Elapsed);
    }
}
