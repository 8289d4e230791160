using System.Numerics;
using System.Runtime.CompilerServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>Where an offset walk restarts behind a window.</summary>
public enum NextOrder
{
    /// <summary>At the highest order the offset is aligned to: the lowest set bit of the offset.</summary>
    LowestSetBit,

    /// <summary>
    /// The lowest set bit without the PMD's order as a bound: no mistake, as no offset inside the range is aligned to more.
    /// </summary>
    LowestSetBitUnbounded,

    /// <summary>A mistake: the highest set bit.</summary>
    HighestSetBit,

    /// <summary>A mistake: one above the lowest set bit, as ffs() counts bits from 1.</summary>
    LowestSetBitFromOne,

    /// <summary>A mistake: the order it was at.</summary>
    Kept,

    /// <summary>A mistake: the PMD's order.</summary>
    Top,
}

/// <summary>
/// The walk by offset: goes down one order at a time while some lower order is enabled, then on behind the window, where it
/// starts again from the highest order that the offset is aligned to.
/// Source: Linux 7.2, <c>mm/khugepaged.c:mthp_collapse</c>.
/// </summary>
public struct OffsetWalker : IOrderWalker
{
    // Below the lowest enabled order there is nothing to go down to.
    private readonly int _pmdOrder, _floor;
    private readonly NextOrder _nextOrder;
    private int _offset, _order;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    /// <param name="nextOrder">Where it restarts behind a window.</param>
    public OffsetWalker(Geometry geometry, OrderSet enabled, NextOrder nextOrder = NextOrder.LowestSetBit)
    {
        _pmdOrder = _order = geometry.PmdOrder;
        _floor = Math.Max(enabled.Lowest, Geometry.MinOrder);
        _nextOrder = nextOrder;
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
        _order = _nextOrder == NextOrder.LowestSetBit ? Math.Min(BitOperations.TrailingZeroCount(_offset), _pmdOrder) : Mistaken();
    }

    private readonly int Mistaken() => _nextOrder switch
    {
        NextOrder.HighestSetBit => Math.Clamp(BitOperations.Log2((uint)_offset), Geometry.MinOrder, _pmdOrder),
        NextOrder.LowestSetBitFromOne => Math.Min(BitOperations.TrailingZeroCount(_offset) + 1, _pmdOrder),
        NextOrder.LowestSetBitUnbounded => BitOperations.TrailingZeroCount(_offset),
        NextOrder.Kept => _order,
        _ => _pmdOrder,
    };
}
