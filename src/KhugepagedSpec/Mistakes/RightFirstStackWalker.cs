using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Mistakes;

/// <summary>The walk by a stack that takes the right half first; <see cref="StackWalker"/> otherwise.</summary>
public struct RightFirstStackWalker : IOrderWalker
{
    private readonly int _pmdOrder, _floor;
    private int _offset, _order;
    private WindowStack _waiting;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    public RightFirstStackWalker(Geometry geometry, OrderSet enabled)
    {
        _pmdOrder = _order = geometry.PmdOrder;
        _floor = Math.Max(enabled.Lowest, Geometry.MinOrder);
    }

    /// <inheritdoc/>
    public readonly int Offset => _offset;

    /// <inheritdoc/>
    public readonly int Order => _order;

    /// <inheritdoc/>
    public readonly bool IsDone => _order < 0;

    /// <inheritdoc/>
    public readonly WindowStack Pending => _waiting;

    /// <inheritdoc/>
    public void Lower()
    {
        if (_order <= _floor)
        {
            Advance(1 << _order);
            return;
        }
        _order--;
        _waiting = _waiting.Push(_offset, _order);
        _offset += 1 << _order;
    }

    /// <inheritdoc/>
    public void Advance(int pages)
    {
        (_offset, _order) = _waiting.IsEmpty ? (1 << _pmdOrder, -1) : _waiting.Top;
        _waiting = _waiting.Pop();
    }
}
