using System.Collections.Immutable;

namespace KhugepagedSpec.Races;

/// <summary>One window of a small table.</summary>
/// <param name="Offset">Its first entry.</param>
/// <param name="Order">log2 of its entries.</param>
/// <param name="IsPmd">It is the whole table.</param>
internal readonly record struct Window(int Offset, int Order, bool IsPmd)
{
    public int Pages => 1 << Order;

    public IEnumerable<int> Entries => Enumerable.Range(Offset, Pages);

    public override string ToString() => FormattableString.Invariant($"{Offset}/{Order}");
}

/// <summary>A small page table: how many entries, and the order below the PMD's that can be enabled too.</summary>
/// <param name="PmdOrder">log2 of its entries.</param>
/// <param name="SmallOrder">The other candidate order.</param>
public sealed record Shape(int PmdOrder, int SmallOrder)
{
    /// <summary>4 entries, orders 1 and 2.</summary>
    public static Shape Four { get; } = new(2, 1);

    /// <summary>8 entries, orders 2 and 3.</summary>
    public static Shape Eight { get; } = new(3, 2);

    /// <summary>Entries of the table.</summary>
    public int Pages => 1 << PmdOrder;

    /// <summary>All windows, in the order of the walk when nothing succeeds.</summary>
    internal ImmutableArray<Window> Windows =>
        [new Window(0, PmdOrder, true), .. Enumerable.Range(0, Pages >> SmallOrder)
            .Select(i => new Window(i << SmallOrder, SmallOrder, false))];
}
