namespace KhugepagedSpec.PageTables;

/// <summary>
/// How many PTEs one PTE table has. Source: Linux 7.2, <c>include/linux/huge_mm.h</c> (<c>HPAGE_PMD_ORDER</c>).
/// </summary>
/// <param name="PmdOrder">log2 of the number of PTEs a PMD entry spans, 2 to 13: 9 for 4K pages, 11 for arm64's 16K, 13 for its
/// 64K.</param>
public sealed record Geometry(int PmdOrder)
{
    /// <summary>The smallest order khugepaged builds (<c>KHUGEPAGED_MIN_MTHP_ORDER</c>).</summary>
    public const int MinOrder = 2;

    /// <summary>The largest PMD order modelled: arm64 with 64K pages.</summary>
    public const int MaxPmdOrder = 13;

    /// <summary>x86-64 and arm64 with 4K pages: 512 PTEs.</summary>
    public static Geometry X86 { get; } = new(9);

    /// <summary>log2 of the number of PTEs a PMD entry spans.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The order is outside 2 to 13.</exception>
    public int PmdOrder { get; } = PmdOrder is >= MinOrder and <= MaxPmdOrder
        ? PmdOrder
        : throw new ArgumentOutOfRangeException(nameof(PmdOrder), PmdOrder, $"a PMD order is {MinOrder} to {MaxPmdOrder}");

    /// <summary>PTEs in one table (<c>HPAGE_PMD_NR</c>).</summary>
    public int Pages => 1 << PmdOrder;

    /// <summary>The largest value of max_ptes_none, max_ptes_swap and max_ptes_shared (<c>KHUGEPAGED_MAX_PTES_LIMIT</c>).</summary>
    public int MaxPtesLimit => Pages - 1;

    /// <summary>Which PTE of its table maps <paramref name="page"/>.</summary>
    public int IndexOf(long page) => (int)(page & (Pages - 1));

    /// <summary>The first page of the PMD range that <paramref name="page"/> lies in.</summary>
    public long RangeStart(long page) => page >> PmdOrder << PmdOrder;

    /// <summary>The first page, at or after <paramref name="page"/>, that begins a PMD range.</summary>
    public long NextRangeStart(long page) => RangeStart(page + Pages - 1);

    /// <summary>Every order an anonymous folio may be collapsed to (<c>THP_ORDERS_ALL_ANON</c>).</summary>
    public OrderSet AnonOrders => OrderSet.Range(MinOrder, PmdOrder);
}
