using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Mistakes;

/// <summary>Ways through the windows that no kernel goes.</summary>
public static class MistakenWalk
{
    /// <summary>
    /// The next order from the highest set bit of the offset, ilog2 (L. Stoakes, 2026-06-04, on v18 patch 11, corrected in the same mail).
    /// </summary>
    public static OrderWalk ByHighestBit { get; } = new Offset("offset, ilog2", NextOrder.HighestSetBit);

    /// <summary>The next order from ffs() of the offset taken literally, which counts bits from 1.</summary>
    public static OrderWalk ByFfs { get; } = new Offset("offset, ffs from 1", NextOrder.LowestSetBitFromOne);

    /// <summary>No mistake: the next order is not bounded by the PMD's.</summary>
    public static OrderWalk Unbounded { get; } = new Offset("offset, unbounded", NextOrder.LowestSetBitUnbounded);

    /// <summary>The order is kept after going on instead of recomputed.</summary>
    public static OrderWalk KeepingOrder { get; } = new Offset("offset, order kept", NextOrder.Kept);

    /// <summary>The walk starts again from the PMD's order wherever it is.</summary>
    public static OrderWalk FromTop { get; } = new Offset("offset, from the top", NextOrder.Top);

    /// <summary>The right half is popped before the left.</summary>
    public static OrderWalk RightFirst { get; } = new Stack("stack, right first");

    private sealed record Offset(string Name, NextOrder NextOrder) : OrderWalk(Name)
    {
        public override TResult Use<TResult>(IWalkerUse<TResult> use) =>
            use.With((geometry, enabled) => new MistakenOffsetWalker(geometry, enabled, NextOrder));
    }

    private sealed record Stack(string Name) : OrderWalk(Name)
    {
        public override TResult Use<TResult>(IWalkerUse<TResult> use) =>
            use.With((geometry, enabled) => new RightFirstStackWalker(geometry, enabled));
    }
}
