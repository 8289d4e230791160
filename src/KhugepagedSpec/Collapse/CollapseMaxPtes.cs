using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// The three limits for one collapse, read from sysfs each time they are asked for, as the kernel does without a lock.
/// Source: Linux 7.2, <c>mm/khugepaged.c:collapse_max_ptes_none</c>, <c>collapse_max_ptes_shared</c>,
/// <c>collapse_max_ptes_swap</c>.
/// </summary>
/// <param name="Settings">The sysfs settings.</param>
/// <param name="Kind">Who collapses.</param>
/// <param name="Version">The version, for its rules of empty PTEs.</param>
public readonly record struct CollapseMaxPtes(ThpSettings Settings, CollapseKind Kind, KhugepagedVersion Version)
{
    /// <summary>
    /// Empty or zero-page PTEs allowed in a window, or <see cref="NoneLimit.Unsupported"/>. userfaultfd beats MADV_COLLAPSE, which
    /// beats sysfs.
    /// </summary>
    /// <param name="order">The window's order.</param>
    /// <param name="vma">The VMA; null where the kernel must not look at it.</param>
    public int None(int order, Vma? vma)
    {
        var geometry = Settings.Geometry;
        if (Version.KeepsHolesOf(vma))
            return 0;
        if (Kind == CollapseKind.Madvise)
            return geometry.Pages;
        return order == geometry.PmdOrder
            ? Settings.MaxPtesNone
            : Version.NoneLimit.Below(order, Settings.MaxPtesNone, geometry.PmdOrder);
    }

    /// <summary>
    /// To be asked for this limit makes the kernel log, once a boot, that below the PMD order it supports 0 and the maximum only: by
    /// khugepaged, of any other value, if userfaultfd does not answer first.
    /// </summary>
    /// <param name="order">The window's order.</param>
    /// <param name="vma">The VMA; null where the kernel must not look at it.</param>
    public bool IsWarnedOf(int order, Vma? vma) =>
        !Version.KeepsHolesOf(vma) && Kind == CollapseKind.Khugepaged && order < Settings.Geometry.PmdOrder
        && Version.NoneLimit.HasUnsupportedValues && Settings.MaxPtesNone != 0 && Settings.MaxPtesNone != Settings.Geometry.MaxPtesLimit;

    /// <summary>Shared PTEs allowed in a window: none below the PMD order, unless a version is asked for that has it otherwise.</summary>
    public int Shared(int order, BelowPmd below = BelowPmd.None) => Limit(order, Settings.MaxPtesShared, below);

    /// <summary>Non-present PTEs allowed in a window: none below the PMD order, unless a version is asked for that has it
    /// otherwise.</summary>
    public int Swap(int order, BelowPmd below = BelowPmd.None) => Limit(order, Settings.MaxPtesSwap, below);

    private int Limit(int order, int limit, BelowPmd below) =>
        Kind == CollapseKind.Madvise ? Settings.Geometry.Pages
        : order == Settings.Geometry.PmdOrder || below == BelowPmd.AsAtPmd ? limit
        : below == BelowPmd.Scaled ? limit >> (Settings.Geometry.PmdOrder - order)
        : 0;
}
