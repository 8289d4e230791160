using System.Numerics;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Mistakes;

/// <summary>Where a mistaken offset walk goes on after a window.</summary>
public enum NextOrder
{
    /// <summary>At the highest set bit of the offset (ilog2).</summary>
    HighestSetBit,

    /// <summary>One above the lowest set bit, as ffs() counts bits from 1.</summary>
    LowestSetBitFromOne,

    /// <summary>
    /// At the lowest set bit without the PMD's order as a bound: no mistake, as no offset inside the range is aligned to more.
    /// </summary>
    LowestSetBitUnbounded,

    /// <summary>At the order it was at.</summary>
    Kept,

    /// <summary>At the PMD's order.</summary>
    Top,
}

/// <summary>The walk by offset that goes on at the wrong order; <see cref="OffsetWalker"/> otherwise.</summary>
public struct MistakenOffsetWalker : IOrderWalker
{
    private readonly int _pmdOrder, _floor;
    private readonly NextOrder _nextOrder;
    private int _offset, _order;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    /// <param name="nextOrder">Where it goes on after a window.</param>
    public MistakenOffsetWalker(Geometry geometry, OrderSet enabled, NextOrder nextOrder)
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
    public void Lower()
    {
        if (_order > _floor)
            _order--;
        else
            Advance(1 << _order);
    }

    /// <inheritdoc/>
    public void Advance(int pages)
    {
        _offset += pages;
        _order = _nextOrder switch
        {
            NextOrder.HighestSetBit => Math.Clamp(BitOperations.Log2((uint)_offset), Geometry.MinOrder, _pmdOrder),
            NextOrder.LowestSetBitFromOne => Math.Min(BitOperations.TrailingZeroCount(_offset) + 1, _pmdOrder),
            NextOrder.LowestSetBitUnbounded => BitOperations.TrailingZeroCount(_offset),
            NextOrder.Kept => _order,
            _ => _pmdOrder,
        };
    }
}
