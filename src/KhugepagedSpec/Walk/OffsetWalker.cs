using System.Numerics;
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
public sealed class OffsetWalker(Geometry geometry, OrderSet enabled, NextOrder nextOrder) : OrderWalker(geometry, enabled)
{
    /// <inheritdoc/>
    public override bool IsDone => Offset >= Geometry.Pages;

    /// <inheritdoc/>
    public override void Lower()
    {
        if (Order > Geometry.MinOrder && Enabled.HasBelow(Order))
            Order--;
        else
            Advance(1 << Order);
    }

    /// <inheritdoc/>
    public override void Advance(int pages)
    {
        Offset += pages;
        Order = nextOrder switch
        {
            NextOrder.HighestSetBit => Math.Clamp(BitOperations.Log2((uint)Offset), Geometry.MinOrder, Geometry.PmdOrder),
            NextOrder.LowestSetBitUnbounded => BitOperations.TrailingZeroCount(Offset),
            NextOrder.Kept => Order,
            NextOrder.Top => Geometry.PmdOrder,
            _ => Math.Min(BitOperations.TrailingZeroCount(Offset), Geometry.PmdOrder),
        };
    }
}
