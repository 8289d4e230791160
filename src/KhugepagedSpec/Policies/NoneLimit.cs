namespace KhugepagedSpec.Policies;

/// <summary>
/// How many empty PTEs a window below the PMD order may have, from max_ptes_none. The versions differ in nothing as much as in
/// this. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_max_ptes_none</c>.
/// </summary>
/// <param name="Name">A short name for listings.</param>
public abstract record NoneLimit(string Name)
{
    /// <summary>What <see cref="Below"/> returns for a value the version does not support.</summary>
    public const int Unsupported = -1;

    /// <summary>Linux 7.2, v18, v19: all but one under the maximum, none under any other value.</summary>
    public static NoneLimit ZeroOrMaximum { get; } = new ZeroOrMaximumLimit("0 or max, else 0");

    /// <summary>v13 to v17: the same, but any other value ends the walk (-EINVAL).</summary>
    public static NoneLimit ZeroOrMaximumOnly { get; } = new ZeroOrMaximumOnlyLimit("0 or max, else end");

    /// <summary>Up to v10: the sysctl scaled down to the order.</summary>
    public static NoneLimit Scaled { get; } = new ScaledLimit("scaled", IsCapped: false);

    /// <summary>v11 and v12: scaled, and silently capped at just under half (N. Pache, 2025-10-22, v12 patch 2).</summary>
    public static NoneLimit ScaledAndCapped { get; } = new ScaledLimit("scaled, capped at half", IsCapped: true);

    /// <summary>The sysctl as it is, at every order. No version has it.</summary>
    public static NoneLimit Unscaled { get; } = new UnscaledLimit("unscaled");

    /// <summary>Values besides 0 and the maximum are not supported, which the kernel logs when it first meets one (v13 on).</summary>
    public virtual bool HasUnsupportedValues => false;

    /// <summary>Empty PTEs allowed in a window of <paramref name="order"/>, or <see cref="Unsupported"/>.</summary>
    /// <param name="order">The window's order, below the PMD's.</param>
    /// <param name="maxPtesNone">khugepaged/max_ptes_none.</param>
    /// <param name="pmdOrder">The PMD's order.</param>
    public abstract int Below(int order, int maxPtesNone, int pmdOrder);

    private sealed record ZeroOrMaximumLimit(string Name) : NoneLimit(Name)
    {
        public override bool HasUnsupportedValues => true;

        public override int Below(int order, int maxPtesNone, int pmdOrder) =>
            maxPtesNone == (1 << pmdOrder) - 1 ? (1 << order) - 1 : 0;
    }

    private sealed record ZeroOrMaximumOnlyLimit(string Name) : NoneLimit(Name)
    {
        public override bool HasUnsupportedValues => true;

        public override int Below(int order, int maxPtesNone, int pmdOrder) =>
            maxPtesNone == 0 || maxPtesNone == (1 << pmdOrder) - 1 ? ZeroOrMaximum.Below(order, maxPtesNone, pmdOrder) : Unsupported;
    }

    private sealed record ScaledLimit(string Name, bool IsCapped) : NoneLimit(Name)
    {
        public override int Below(int order, int maxPtesNone, int pmdOrder) =>
            (IsCapped ? Math.Min(maxPtesNone, (1 << pmdOrder) / 2 - 1) : maxPtesNone) >> (pmdOrder - order);
    }

    private sealed record UnscaledLimit(string Name) : NoneLimit(Name)
    {
        public override int Below(int order, int maxPtesNone, int pmdOrder) => Math.Min(maxPtesNone, (1 << order) - 1);
    }
}
