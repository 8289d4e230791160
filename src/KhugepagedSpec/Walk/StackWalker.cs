using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>
/// The walk by an explicit stack: a window that came to nothing is replaced by its two halves, the left one on top.
/// Source: v17 patch 11 (N. Pache, 2026-05-11) and v18 patch 11 (2026-05-22), <c>mthp_collapse</c>.
/// </summary>
public sealed class StackWalker : OrderWalker
{
    private readonly bool _onlyToEnabled, _rightFirst;
    private readonly (int Offset, int Order)[] _stack;
    private int _depth;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    /// <param name="onlyToEnabled">Push halves only if some lower order is enabled (v18); else down to the smallest order (v17).</param>
    /// <param name="rightFirst">A mistake: the right half on top.</param>
    public StackWalker(Geometry geometry, OrderSet enabled, bool onlyToEnabled, bool rightFirst)
        : base(geometry, enabled)
    {
        _onlyToEnabled = onlyToEnabled;
        _rightFirst = rightFirst;
        // Of each order between the PMD's and the smallest at most one right half waits, and the window itself.
        _stack = new (int, int)[geometry.PmdOrder - Geometry.MinOrder + 1];
    }

    /// <inheritdoc/>
    public override bool IsDone => Order < 0;

    /// <inheritdoc/>
    public override void Lower()
    {
        int half = Order - 1;
        if (Order > Geometry.MinOrder && (!_onlyToEnabled || Enabled.HasBelow(Order)))
        {
            var (left, right) = ((Offset, half), (Offset + (1 << half), half));
            _stack[_depth++] = _rightFirst ? left : right;
            _stack[_depth++] = _rightFirst ? right : left;
        }
        Pop();
    }

    /// <inheritdoc/>
    public override void Advance(int pages) => Pop();

    private void Pop() => (Offset, Order) = _depth > 0 ? _stack[--_depth] : (Geometry.Pages, -1);
}
