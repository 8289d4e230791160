using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// The control states of a walk that can be reached, and where each label leads. A walk sees the table and the results only as a
/// label on each window: lower (too empty, or an attempt that goes lower), done (a success, a mapped huge page) or stop. So this
/// graph is the walk, for all tables and all results.
/// <para>
/// What that rests on is checked while the graph is made, and not assumed: that a walker knows nothing beside its window, or that
/// what it knows (a stack) is the same whenever it comes to that window; that windows are aligned and inside the table; and that
/// every step leads to a later window (a higher offset, or a lower order at the same), so that none is visited twice and results
/// that depend on earlier ones add nothing.
/// </para>
/// </summary>
internal sealed class WalkGraph
{
    /// <summary>Behind the last window.</summary>
    public const int Done = -1;

    /// <summary>Never come to.</summary>
    public const int Unreached = -2;

    private readonly Geometry _geometry;
    private readonly int[] _afterLower, _afterDone;
    private readonly WindowStack[] _pending;

    /// <summary>Makes room; <see cref="Explore"/> fills it, for one set of orders after the other.</summary>
    public WalkGraph(Geometry geometry)
    {
        _geometry = geometry;
        Windows = Windows64.ScriptBits(geometry.PmdOrder);
        _afterLower = new int[Windows];
        _afterDone = new int[Windows];
        _pending = new WindowStack[Windows];
    }

    /// <summary>Windows of all orders from the smallest to the PMD's, numbered as in a heap.</summary>
    public int Windows { get; }

    /// <summary>Labels looked at: the edges of the graph.</summary>
    public long Edges { get; private set; }

    /// <summary>Where "lower" leads from each window; <see cref="Unreached"/> if the walk never comes there.</summary>
    public ReadOnlySpan<int> AfterLower => _afterLower;

    /// <summary>Where "done" leads; a window of a disabled order is never done.</summary>
    public ReadOnlySpan<int> AfterDone => _afterDone;

    /// <summary>The window's number.</summary>
    public int NumberOf(int offset, int order) => Windows64.ScriptBit(_geometry.PmdOrder, offset, order);

    /// <summary>The window of a number.</summary>
    public (int Offset, int Order) WindowOf(int number)
    {
        int depth = int.Log2(number + 1);
        int order = _geometry.PmdOrder - depth;
        return ((number + 1 - (1 << depth)) << order, order);
    }

    /// <summary>Follows every label from <paramref name="start"/> on.</summary>
    /// <param name="start">A walk before its first window.</param>
    /// <param name="enabled">The enabled orders.</param>
    /// <returns>What does not hold, in words; null if all premises do.</returns>
    public string? Explore<TWalker>(TWalker start, OrderSet enabled)
        where TWalker : struct, IOrderWalker
    {
        Array.Fill(_afterLower, Unreached);
        Array.Fill(_afterDone, Unreached);
        return Visit(ref start, enabled, 0, _geometry.PmdOrder);
    }

    private string? Visit<TWalker>(ref TWalker walker, OrderSet enabled, int leastOffset, int mostOrder)
        where TWalker : struct, IOrderWalker
    {
        if (walker.IsDone)
            return null;
        var (offset, order) = (walker.Offset, walker.Order);
        if (order < Geometry.MinOrder || order > _geometry.PmdOrder || (offset & ((1 << order) - 1)) != 0 || offset + (1 << order) > _geometry.Pages)
            return $"{offset}/{order} is not aligned, or not inside the table";
        if (offset < leastOffset || (offset == leastOffset && order > mostOrder))
            return $"the walk comes back to {offset}/{order}";
        int number = NumberOf(offset, order);
        if (_afterLower[number] != Unreached)
            return walker.Pending == _pending[number] ? null : $"what the walk knows at {offset}/{order} depends on how it came there";
        _pending[number] = walker.Pending;
        var lower = walker;
        lower.Lower();
        Edges++;
        _afterLower[number] = lower.IsDone ? Done : NumberOf(lower.Offset, lower.Order);
        if (Visit(ref lower, enabled, offset, order - 1) is { } wrong)
            return wrong;
        if (!enabled.Contains(order))
            return null;
        var done = walker;
        done.Advance(1 << order);
        Edges++;
        _afterDone[number] = done.IsDone ? Done : NumberOf(done.Offset, done.Order);
        return Visit(ref done, enabled, offset + (1 << order), _geometry.PmdOrder);
    }
}
