using System.Collections.Immutable;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// Where two walks part on a full table: the smallest geometry, then the smallest set of orders, then the fewest attempts, then
/// the fewest successes among the first of them.
/// </summary>
/// <param name="PmdOrder">The PMD's order.</param>
/// <param name="Enabled">The enabled orders.</param>
/// <param name="Results">How each attempt ends before they part: true if it succeeds, false if it goes lower.</param>
/// <param name="First">The first walk's next attempt, <c>offset/order</c>; "none" at its end.</param>
/// <param name="Second">The second walk's.</param>
public sealed record WalkDifference(int PmdOrder, OrderSet Enabled, ImmutableArray<bool> Results, string First, string Second)
{
    // Larger geometries show nothing new: the walks that part at all part here.
    private const int SmallestPmdOrder = 3, LargestPmdOrder = 4;

    private static readonly bool[] Either = [false, true];

    /// <inheritdoc/>
    public override string ToString() =>
        $"PMD order {PmdOrder}, orders {Enabled}, after {(Results.IsEmpty ? "no attempt" : string.Join(", ", Results.Select(succeeds => succeeds ? "success" : "lower")))}: {First}, and {Second}";

    /// <summary>The smallest, found breadth-first over both walks at once; null if there is none at PMD orders 3 and 4.</summary>
    public static WalkDifference? Smallest<TFirst,
        TSecond>(Func<Geometry, OrderSet, TFirst> first, Func<Geometry, OrderSet, TSecond> second)
        where TFirst : struct, IOrderWalker
        where TSecond : struct, IOrderWalker => Each((geometry, enabled) =>
    {
        var queue = new Queue<(TFirst First, TSecond Second, ImmutableArray<bool> Results)>();
        queue.Enqueue((first(geometry, enabled), second(geometry, enabled), []));
        while (queue.TryDequeue(out var at))
        {
            var (one, other) = (at.First, at.Second);
            ToEnabled(ref one, enabled);
            ToEnabled(ref other, enabled);
            if (Name(one, geometry) != Name(other, geometry))
                return new WalkDifference(geometry.PmdOrder, enabled, at.Results, Name(one, geometry), Name(other, geometry));
            if (one.IsDone)
                continue;
            foreach (bool succeeds in Either)
            {
                var (nextOne, nextOther) = (one, other);
                Tell(ref nextOne, succeeds);
                Tell(ref nextOther, succeeds);
                queue.Enqueue((nextOne, nextOther, at.Results.Add(succeeds)));
            }
        }
        return null;
    });

    /// <summary>The same by brute force: every script of results, the shortest first, run from the start.</summary>
    public static WalkDifference? SmallestByBruteForce<TFirst,
        TSecond>(Func<Geometry, OrderSet, TFirst> first, Func<Geometry, OrderSet, TSecond> second)
        where TFirst : struct, IOrderWalker
        where TSecond : struct, IOrderWalker => Each((geometry, enabled) =>
    {
        for (int length = 0; length < geometry.Pages; length++)
        {
            bool someGoOn = false;
            for (int script = 0; script < 1 << length; script++)
            {
                ImmutableArray<bool> results = [.. Enumerable.Range(0, length).Select(i => (script >> (length - 1 - i) & 1) != 0)];
                var (one, other) = (After(first(geometry, enabled), enabled, results), After(second(geometry, enabled), enabled, results));
                if (one.Made < length && other.Made < length)
                    continue;
                someGoOn = true;
                if (Name(one.Walker, geometry) != Name(other.Walker, geometry))
                    return new WalkDifference(geometry.PmdOrder, enabled, results, Name(one.Walker, geometry),
                        Name(other.Walker, geometry));
            }
            if (!someGoOn)
                break;
        }
        return null;
    });

    private static WalkDifference? Each(Func<Geometry, OrderSet, WalkDifference?> find)
    {
        for (int pmdOrder = SmallestPmdOrder; pmdOrder <= LargestPmdOrder; pmdOrder++)
            for (uint bits = 0; bits < 2u << pmdOrder; bits += 1u << Geometry.MinOrder)
                if (find(new Geometry(pmdOrder), new OrderSet(bits)) is { } difference)
                    return difference;
        return null;
    }

    private static (TWalker Walker, int Made) After<TWalker>(TWalker walker, OrderSet enabled, ImmutableArray<bool> results)
        where TWalker : struct, IOrderWalker
    {
        ToEnabled(ref walker, enabled);
        int made = 0;
        foreach (bool succeeds in results)
        {
            if (walker.IsDone)
                break;
            Tell(ref walker, succeeds);
            ToEnabled(ref walker, enabled);
            made++;
        }
        return (walker, made);
    }

    // A walk that runs past the table is as good as done: no version does.
    private static void ToEnabled<TWalker>(ref TWalker walker, OrderSet enabled)
        where TWalker : struct, IOrderWalker
    {
        while (!walker.IsDone && !enabled.Contains(walker.Order))
            walker.Lower();
    }

    private static void Tell<TWalker>(ref TWalker walker, bool succeeds)
        where TWalker : struct, IOrderWalker
    {
        if (succeeds)
            walker.Advance(1 << walker.Order);
        else
            walker.Lower();
    }

    private static string Name<TWalker>(TWalker walker, Geometry geometry)
        where TWalker : struct, IOrderWalker =>
        walker.IsDone || walker.Offset + (1 << walker.Order) > geometry.Pages ? "none" : $"{walker.Offset}/{walker.Order}";
}
