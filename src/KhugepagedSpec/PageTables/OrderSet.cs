using System.Globalization;
using System.Numerics;

namespace KhugepagedSpec.PageTables;

/// <summary>A set of folio orders, one bit each, as the kernel's <c>unsigned long orders</c>.</summary>
/// <param name="Bits">Bit k set: order k is in the set. Orders 0 to 31.</param>
public readonly record struct OrderSet(uint Bits)
{
    /// <summary>No order.</summary>
    public static OrderSet Empty => default;

    /// <summary>True if no order is in the set.</summary>
    public bool IsEmpty => Bits == 0;

    /// <summary>The highest order in the set, -1 if empty (<c>highest_order()</c>).</summary>
    public int Highest => 31 - BitOperations.LeadingZeroCount(Bits);

    /// <summary>The lowest order in the set; 32 if empty.</summary>
    public int Lowest => BitOperations.TrailingZeroCount(Bits);

    /// <summary>The set of one order.</summary>
    public static OrderSet Of(int order) => new(1u << order);

    /// <summary>The orders from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public static OrderSet Range(int low, int high) => new((uint)((1ul << (high + 1)) - (1ul << low)));

    /// <summary>True if <paramref name="order"/> is in the set.</summary>
    public bool Contains(int order) => (Bits >> order & 1) != 0;

    /// <summary>True if some order below <paramref name="order"/> is in the set.</summary>
    public bool HasBelow(int order) => (Bits & ((1u << order) - 1)) != 0;

    /// <summary>The set with <paramref name="order"/> added.</summary>
    public OrderSet With(int order) => new(Bits | 1u << order);

    /// <summary>The set with <paramref name="order"/> removed.</summary>
    public OrderSet Without(int order) => new(Bits & ~(1u << order));

    /// <summary>Orders in either set.</summary>
    public static OrderSet operator |(OrderSet a, OrderSet b) => new(a.Bits | b.Bits);

    /// <summary>Orders in both sets.</summary>
    public static OrderSet operator &(OrderSet a, OrderSet b) => new(a.Bits & b.Bits);

    /// <summary>The orders, lowest first.</summary>
    public IEnumerable<int> Orders()
    {
        for (uint rest = Bits; rest != 0; rest &= rest - 1)
            yield return BitOperations.TrailingZeroCount(rest);
    }

    /// <summary>The orders, comma-separated: <c>2,4,9</c>.</summary>
    public override string ToString() =>
        string.Join(',', Orders().Select(order => order.ToString(CultureInfo.InvariantCulture)));
}
