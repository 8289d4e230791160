using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>
/// The walk by an explicit stack: a window that came to nothing is replaced by its two halves, the left one on top.
/// Source: v17 patch 11 (N. Pache, 2026-05-11) and v18 patch 11 (2026-05-22), <c>mthp_collapse</c>.
/// </summary>
public struct StackWalker : IOrderWalker
{
    // An order fits in the low bits of a stack entry, the offset in the rest.
    private const int OrderBits = 4;

    private readonly OrderSet _enabled;
    private readonly int _pages;
    private readonly bool _onlyToEnabled, _rightFirst;
    private int _offset, _order, _depth;
    private Stack _stack;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    /// <param name="onlyToEnabled">Push halves only if some lower order is enabled (v18); else down to the smallest order (v17).</param>
    /// <param name="rightFirst">A mistake: the right half on top.</param>
    public StackWalker(Geometry geometry, OrderSet enabled, bool onlyToEnabled = true, bool rightFirst = false)
    {
        _pages = geometry.Pages;
        _order = geometry.PmdOrder;
        _enabled = enabled;
        _onlyToEnabled = onlyToEnabled;
        _rightFirst = rightFirst;
    }

    /// <inheritdoc/>
    public readonly int Offset => _offset;

    /// <inheritdoc/>
    public readonly int Order => _order;

    /// <inheritdoc/>
    public readonly bool IsDone => _order < 0;

    /// <inheritdoc/>
    [UnscopedRef]
    public readonly ReadOnlySpan<int> Pending => ((ReadOnlySpan<int>)_stack)[.._depth];

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lower()
    {
        int half = _order - 1;
        if (half < Geometry.MinOrder || (_onlyToEnabled && !_enabled.HasBelow(_order)))
        {
            Pop();
            return;
        }
        // The half on top is popped at once.
        int right = _offset + (1 << half);
        _stack[_depth++] = (_rightFirst ? _offset : right) << OrderBits | half;
        _offset = _rightFirst ? right : _offset;
        _order = half;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(int pages) => Pop();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Pop()
    {
        if (_depth == 0)
        {
            (_offset, _order) = (_pages, -1);
            return;
        }
        int top = _stack[--_depth];
        (_offset, _order) = (top >> OrderBits, top & ((1 << OrderBits) - 1));
    }

    // Of each order between the PMD's and the smallest at most one half waits.
    [InlineArray(Geometry.MaxPmdOrder - Geometry.MinOrder)]
    private struct Stack
    {
        private int _first;
    }
}
