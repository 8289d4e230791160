using System.Numerics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>
/// The walk by offset: goes down one order at a time while some lower order is enabled, then on behind the window, where it
/// starts again from the highest order that the offset is aligned to.
/// Source: Linux 7.2, <c>mm/khugepaged.c:mthp_collapse</c>.
/// </summary>
public sealed class OffsetWalker(Geometry geometry, OrderSet enabled) : OrderWalker(geometry, enabled)
{
    /// <inheritdoc/>
    public override bool IsDone => Offset >= Geometry.Pages;

    /// <inheritdoc/>
    public override void Lower()
    {
        if (Order > Geometry.MinOrder && Enabled.HasBelow(Order))
            Order--;
        else
            Advance();
    }

    /// <inheritdoc/>
    public override void Advance()
    {
        Offset += 1 << Order;
        Order = Math.Min(BitOperations.TrailingZeroCount(Offset), Geometry.PmdOrder);
    }
}
