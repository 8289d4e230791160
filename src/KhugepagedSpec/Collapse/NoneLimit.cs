namespace KhugepagedSpec.Collapse;

/// <summary>
/// How many empty PTEs a window below the PMD order may have, from max_ptes_none. The versions differ in nothing as much as in
/// this. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_max_ptes_none</c>.
/// </summary>
public abstract record NoneLimit
{
    /// <summary>Linux 7.2: all but one under the maximum, none under any other value.</summary>
    public static NoneLimit ZeroOrMaximum { get; } = new ZeroOrMaximumLimit();

    /// <summary>A short name for listings.</summary>
    public abstract string Name { get; }

    /// <summary>Empty PTEs allowed in a window of <paramref name="order"/>.</summary>
    /// <param name="order">The window's order, below the PMD's.</param>
    /// <param name="maxPtesNone">khugepaged/max_ptes_none.</param>
    /// <param name="maximum">The largest value max_ptes_none can have.</param>
    public abstract int Below(int order, int maxPtesNone, int maximum);

    private sealed record ZeroOrMaximumLimit : NoneLimit
    {
        public override string Name => "0 or max";

        public override int Below(int order, int maxPtesNone, int maximum) => maxPtesNone == maximum ? (1 << order) - 1 : 0;
    }
}
