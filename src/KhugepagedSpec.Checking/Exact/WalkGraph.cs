using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Mistakes;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
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
    private readonly WalkLabels _labels;
    private readonly int[] _afterLower, _afterDone, _afterMapped;
    private readonly WindowStack[] _pending;

    /// <summary>Makes room; <see cref="Explore"/> fills it, for one set of orders after the other.</summary>
    public WalkGraph(Geometry geometry, WalkLabels labels)
    {
        _geometry = geometry;
        _labels = labels;
        Windows = Windows64.ScriptBits(geometry.PmdOrder);
        _afterLower = new int[Windows];
        _afterDone = new int[Windows];
        _afterMapped = new int[Windows];
        _pending = new WindowStack[Windows];
    }

    /// <summary>Windows of all orders from the smallest to the PMD's, numbered as in a heap.</summary>
    public int Windows { get; }

    /// <summary>Labels looked at: the edges of the graph.</summary>
    public long Edges { get; private set; }

    /// <summary>The most windows that lay on the walk's stack at once: each that the walk came to lay there, too, before it.</summary>
    public int DeepestStack => Enumerable.Range(0, Windows).Where(number => _afterLower[number] != Unreached)
        .Select(number => _pending[number].Count + 1).DefaultIfEmpty().Max();

    /// <summary>Where "lower" leads from each window; <see cref="Unreached"/> if the walk never comes there.</summary>
    public ReadOnlySpan<int> AfterLower => _afterLower;

    /// <summary>Where "done" leads; a window of a disabled order is never done.</summary>
    public ReadOnlySpan<int> AfterDone => _afterDone;

    /// <summary>Where "done" leads after SCAN_PTE_MAPPED_HUGEPAGE, if the folio is one order larger.</summary>
    public ReadOnlySpan<int> AfterMapped => _afterMapped;

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
        if (IsOutside(walker))
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
        if (!_labels.Tried(enabled, _geometry).Contains(order))
            return null;
        var done = walker;
        if (_labels.SuccessLowers)
            done.Lower();
        else
            done.Advance(_labels.AfterSuccess(order));
        Edges++;
        if (IsOutside(done))
            return $"done with {offset}/{order} the walk goes to {done.Offset}/{done.Order}, not aligned or not inside the table";
        _afterDone[number] = _afterMapped[number] = done.IsDone ? Done : NumberOf(done.Offset, done.Order);
        if ((_labels.SuccessLowers ? null : Visit(ref done, enabled, offset + (1 << order), _geometry.PmdOrder)) is { } astray)
            return astray;
        if (!_labels.AdvancesByMappedFolio || order == _geometry.PmdOrder)
            return null;
        var mapped = walker;
        mapped.Advance(2 << order);
        Edges++;
        if (IsOutside(mapped))
            return $"after {offset}/{order}, mapped by a larger folio, the walk goes to {mapped.Offset}/{mapped.Order}, not aligned or not inside the table";
        _afterMapped[number] = mapped.IsDone ? Done : NumberOf(mapped.Offset, mapped.Order);
        return Visit(ref mapped, enabled, offset + (1 << order), _geometry.PmdOrder);
    }

    private bool IsOutside<TWalker>(TWalker walker)
        where TWalker : struct, IOrderWalker => !walker.IsDone
        && (walker.Order < Geometry.MinOrder || walker.Order > _geometry.PmdOrder || (walker.Offset & ((1 << walker.Order) - 1)) != 0
            || walker.Offset + (1 << walker.Order) > _geometry.Pages);
}

/// <summary>Where a version's results lead its walk, as far as versions differ in it.</summary>
/// <param name="SuccessLowers">A success goes lower.</param>
/// <param name="AdvancesByMinimum">Behind a success the walk goes on by the smallest order, not by the window.</param>
/// <param name="AdvancesByMappedFolio">Behind a mapped huge page the walk goes on by that folio.</param>
/// <param name="TriesDisabled">Disabled orders are tried, too.</param>
internal readonly record struct WalkLabels(bool SuccessLowers, bool AdvancesByMinimum, bool AdvancesByMappedFolio, bool TriesDisabled)
{
    /// <summary>Those of a version.</summary>
    public static WalkLabels Of(KhugepagedVersion version) => new(
        version.Retry.For(ScanResult.Succeed) == WalkVerdict.Lower,
        version.Sabotage is SuccessAdvancesByTheMinimum,
        version.Sabotage is AdvanceByTheMappedFolio,
        !version.Candidate.TestsEnabled);

    /// <summary>The orders that are tried.</summary>
    public OrderSet Tried(OrderSet enabled, Geometry geometry) => TriesDisabled ? geometry.AnonOrders : enabled;

    /// <summary>How many PTEs a walk goes on by after a success at an order.</summary>
    public int AfterSuccess(int order) => AdvancesByMinimum ? 1 << Geometry.MinOrder : 1 << order;
}
