using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Settings;

/// <summary>The global <c>enabled</c> file of <c>/sys/kernel/mm/transparent_hugepage</c>.</summary>
public enum GlobalEnabled
{
    /// <summary>No THP, except for sizes that say otherwise themselves.</summary>
    Never,

    /// <summary>VMAs with <c>VM_HUGEPAGE</c> only.</summary>
    Madvise,

    /// <summary>Every VMA.</summary>
    Always,
}

/// <summary>One size's <c>hugepages-*kB/enabled</c> file.</summary>
public enum SizeEnabled
{
    /// <summary>This size is never used.</summary>
    Never,

    /// <summary>This size follows the global file.</summary>
    Inherit,

    /// <summary>VMAs with <c>VM_HUGEPAGE</c> only.</summary>
    Madvise,

    /// <summary>Every VMA.</summary>
    Always,
}

/// <summary>
/// What the administrator set: <c>/sys/kernel/mm/transparent_hugepage</c> and its <c>khugepaged</c> folder.
/// Source: Linux 7.2, <c>mm/huge_memory.c</c> and <c>mm/khugepaged.c</c> (sysfs attributes and their defaults).
/// </summary>
public sealed record ThpSettings
{
    private ThpSettings()
    {
    }

    /// <summary>The geometry the limits are measured against.</summary>
    public required Geometry Geometry { get; init; }

    /// <summary>The global <c>enabled</c> file.</summary>
    public GlobalEnabled Enabled { get; init; } = GlobalEnabled.Madvise;

    /// <summary>Sizes set to always.</summary>
    public OrderSet Always { get; init; }

    /// <summary>Sizes set to madvise.</summary>
    public OrderSet Madvise { get; init; }

    /// <summary>Sizes set to inherit.</summary>
    public OrderSet Inherit { get; init; }

    /// <summary>khugepaged/max_ptes_none: 0 to one less than the PTEs of a table.</summary>
    public int MaxPtesNone { get; init; }

    /// <summary>khugepaged/max_ptes_swap: 0 to one less than the PTEs of a table.</summary>
    public int MaxPtesSwap { get; init; }

    /// <summary>khugepaged/max_ptes_shared: 0 to one less than the PTEs of a table.</summary>
    public int MaxPtesShared { get; init; }

    /// <summary>khugepaged/pages_to_scan: PTEs looked at per wake-up, 1 or more.</summary>
    public long PagesToScan { get; init; }

    /// <summary>khugepaged/scan_sleep_millisecs.</summary>
    public long ScanSleepMilliseconds { get; init; } = 10_000;

    /// <summary>khugepaged/alloc_sleep_millisecs.</summary>
    public long AllocSleepMilliseconds { get; init; } = 60_000;

    /// <summary>use_zero_page: a read fault of the PMD's size maps the huge zero page.</summary>
    public bool UseZeroPage { get; init; } = true;

    /// <summary>The hardware has transparent huge pages.</summary>
    public bool HardwareHasThp { get; init; } = true;

    /// <summary>What a freshly booted kernel has: the PMD size inherits, every other size is never.</summary>
    public static ThpSettings Defaults(Geometry geometry) => new()
    {
        Geometry = geometry,
        Inherit = OrderSet.Of(geometry.PmdOrder),
        MaxPtesNone = geometry.MaxPtesLimit,
        MaxPtesSwap = geometry.Pages / 8,
        MaxPtesShared = geometry.Pages / 2,
        PagesToScan = 8L * geometry.Pages,
    };

    /// <summary>The settings with each of <paramref name="orders"/> set to <paramref name="value"/> and all others to never.</summary>
    public ThpSettings WithSizes(OrderSet orders, SizeEnabled value) => this with
    {
        Always = value == SizeEnabled.Always ? orders : OrderSet.Empty,
        Madvise = value == SizeEnabled.Madvise ? orders : OrderSet.Empty,
        Inherit = value == SizeEnabled.Inherit ? orders : OrderSet.Empty,
    };

    /// <summary>What is written to one size's file.</summary>
    public SizeEnabled SizeOf(int order) =>
        Always.Contains(order) ? SizeEnabled.Always
        : Madvise.Contains(order) ? SizeEnabled.Madvise
        : Inherit.Contains(order) ? SizeEnabled.Inherit
        : SizeEnabled.Never;

    /// <summary>The orders that sysfs alone allows a VMA, before any other test.</summary>
    /// <param name="advised">The VMA has <c>VM_HUGEPAGE</c>.</param>
    public OrderSet OrdersFor(bool advised)
    {
        var orders = Always;
        if (advised)
            orders |= Madvise;
        if (Enabled == GlobalEnabled.Always || (advised && Enabled == GlobalEnabled.Madvise))
            orders |= Inherit;
        return orders & Geometry.AnonOrders;
    }

    /// <summary>
    /// The first value the kernel would refuse with EINVAL, as one line that says what is expected; null if all are fine.
    /// </summary>
    public string? FindError()
    {
        return LimitError("max_ptes_none", MaxPtesNone)
            ?? LimitError("max_ptes_swap", MaxPtesSwap)
            ?? LimitError("max_ptes_shared", MaxPtesShared)
            ?? (PagesToScan < 1 ? $"pages_to_scan is {PagesToScan}: expected 1 or more" : null)
            ?? SizeError();

        string? LimitError(string name, int value) =>
            value < 0 || value > Geometry.MaxPtesLimit ? $"{name} is {value}: expected 0 to {Geometry.MaxPtesLimit}" : null;

        string? SizeError()
        {
            var outside = new OrderSet((Always | Madvise | Inherit).Bits & ~Geometry.AnonOrders.Bits);
            if (!outside.IsEmpty)
                return $"order {outside.Lowest} cannot be enabled: expected {Geometry.MinOrder} to {Geometry.PmdOrder}";
            var twice = (Always & Madvise) | (Always & Inherit) | (Madvise & Inherit);
            return twice.IsEmpty ? null : $"order {twice.Lowest} is set twice: expected one of always, inherit, madvise, never";
        }
    }
}
