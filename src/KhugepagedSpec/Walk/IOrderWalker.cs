namespace KhugepagedSpec.Walk;

/// <summary>
/// A walk under way. A pure stepper: it knows the geometry, the enabled orders and what it was told, and never sees a page table.
/// Walkers are structures: a copy is a walker of its own at the same place.
/// </summary>
public interface IOrderWalker
{
    /// <summary>The first PTE of the window it stands at.</summary>
    int Offset { get; }

    /// <summary>The order of the window it stands at.</summary>
    int Order { get; }

    /// <summary>True once no window is left.</summary>
    bool IsDone { get; }

    /// <summary>All that it knows beside the window it stands at; empty for a walker that knows no more.</summary>
    WindowStack Pending { get; }

    /// <summary>Nothing came of this window at this order: to a lower order, or on.</summary>
    void Lower();

    /// <summary>This window is done with: on to what lies after it.</summary>
    /// <param name="pages">How many PTEs to go on by; the window's, but for a mistake. A stack does not ask.</param>
    void Advance(int pages);
}
