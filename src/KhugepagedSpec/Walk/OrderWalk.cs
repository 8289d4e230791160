using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>One version's way through the windows of a PMD range: what to try next, given what happened.</summary>
public abstract record OrderWalk
{
    /// <summary>Linux 7.2 and v19: an offset and an order, no stack.</summary>
    public static OrderWalk Offset { get; } = new OffsetWalk();

    /// <summary>A short name for listings.</summary>
    public abstract string Name { get; }

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried; fixed for the whole walk.</param>
    public abstract OrderWalker Begin(Geometry geometry, OrderSet enabled);

    private sealed record OffsetWalk : OrderWalk
    {
        public override string Name => "offset";

        public override OrderWalker Begin(Geometry geometry, OrderSet enabled) => new OffsetWalker(geometry, enabled);
    }
}

/// <summary>
/// A walk under way. A pure stepper: it knows the geometry, the enabled orders and what it was told, and never sees a page table.
/// </summary>
public abstract class OrderWalker
{
    /// <summary>Stands before the first window.</summary>
    protected OrderWalker(Geometry geometry, OrderSet enabled)
    {
        Geometry = geometry;
        Enabled = enabled;
        Order = geometry.PmdOrder;
    }

    /// <summary>The geometry of the range.</summary>
    public Geometry Geometry { get; }

    /// <summary>The orders that may be tried.</summary>
    public OrderSet Enabled { get; }

    /// <summary>The first PTE of the window it stands at.</summary>
    public int Offset { get; protected set; }

    /// <summary>The order of the window it stands at.</summary>
    public int Order { get; protected set; }

    /// <summary>True once no window is left.</summary>
    public abstract bool IsDone { get; }

    /// <summary>Nothing came of this window at this order: to a lower order, or on.</summary>
    public abstract void Lower();

    /// <summary>This window is done with: on to what lies behind it.</summary>
    public abstract void Advance();
}
