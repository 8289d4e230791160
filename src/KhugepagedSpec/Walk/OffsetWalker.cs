using System.Numerics;
using System.Runtime.CompilerServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>
/// The walk by offset: goes down one order at a time while some lower order is enabled, then on after the window, where it
/// starts again from the highest order that the offset is aligned to.
/// Source: Linux 7.2, <c>mm/khugepaged.c:mthp_collapse</c>.
/// </summary>
public struct OffsetWalker : IOrderWalker
{
    // Below the lowest enabled order there is nothing to go down to.
    private readonly int _pmdOrder, _floor;
    private int _offset, _order;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    public OffsetWalker(Geometry geometry, OrderSet enabled)
    {
        _pmdOrder = _order = geometry.PmdOrder;
        _floor = Math.Max(enabled.Lowest, Geometry.MinOrder);
    }

    /// <inheritdoc/>
    public readonly int Offset => _offset;

    /// <inheritdoc/>
    public readonly int Order => _order;

    /// <inheritdoc/>
    public readonly bool IsDone => _offset >= 1 << _pmdOrder;

    /// <inheritdoc/>
    public readonly WindowStack Pending => default;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lower()
    {
        if (_order > _floor)
            _order--;
        else
            Advance(1 << _order);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(int pages)
    {
        _offset += pages;
        _order = MaxOrderFromOffset(_offset, _pmdOrder);
    }

    /// <summary>
    /// The highest order that an offset is aligned to: its lowest set bit, the PMD's order at most. Source: Linux 7.2,
    /// <c>mm/khugepaged.c:max_order_from_offset</c>.
    /// </summary>
    /// <param name="offset">The offset, in PTEs; above 0.</param>
    /// <param name="pmdOrder">The PMD's order.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MaxOrderFromOffset(int offset, int pmdOrder) => Math.Min(BitOperations.TrailingZeroCount(offset), pmdOrder);
}
