namespace KhugepagedSpec.PageTables;

/// <summary>What a PTE holds. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmd</c> and <c>include/linux/leafops.h</c>.</summary>
public enum PteKind : byte
{
    /// <summary>Empty: <c>pte_none()</c>.</summary>
    None,

    /// <summary>Present, maps the shared zero page: counted like an empty PTE.</summary>
    ZeroPage,

    /// <summary>Present, maps a page of a folio.</summary>
    Page,

    /// <summary>Present, no struct page behind it: <c>vm_normal_page()</c> is NULL.</summary>
    Special,

    /// <summary>Present, maps a ZONE_DEVICE page.</summary>
    ZoneDevice,

    /// <summary>Swapped out.</summary>
    Swap,

    /// <summary>A migration entry: the page is being moved.</summary>
    Migration,

    /// <summary>A device-exclusive entry: a device holds the page for atomic access.</summary>
    DeviceExclusive,

    /// <summary>A device-private entry: the page lives in device memory.</summary>
    DevicePrivate,

    /// <summary>A hwpoison entry: the page was lost to a memory error.</summary>
    HwPoison,

    /// <summary>A guard marker (MADV_GUARD_INSTALL).</summary>
    GuardMarker,

    /// <summary>A poison marker (UFFDIO_POISON).</summary>
    PoisonMarker,

    /// <summary>A userfaultfd write-protect marker on an empty PTE.</summary>
    UffdWpMarker,
}

/// <summary>The bits of a PTE that collapse looks at.</summary>
[Flags]
public enum PteFlags : byte
{
    /// <summary>No bit set.</summary>
    None = 0,

    /// <summary>Accessed.</summary>
    Young = 1,

    /// <summary>Dirty.</summary>
    Dirty = 2,

    /// <summary>Write-protected by userfaultfd, on a present PTE or in a swap entry.</summary>
    UffdWp = 4,

    /// <summary>No bit of the PTE: accessed through a secondary MMU at this address (<c>mmu_notifier_test_young()</c>).</summary>
    SecondaryYoung = 8,
}

/// <summary>One page table entry of the running model.</summary>
/// <param name="Kind">What the entry holds.</param>
/// <param name="Flags">Its bits.</param>
/// <param name="Pfn">
/// The page frame for <see cref="PteKind.Page"/> and the entries that stand for one, the swap slot for
/// <see cref="PteKind.Swap"/>, -1 for the rest.
/// </param>
public readonly record struct Pte(PteKind Kind, PteFlags Flags, int Pfn)
{
    /// <summary>An empty entry.</summary>
    public static Pte None => new(PteKind.None, PteFlags.None, -1);

    /// <summary>The shared zero page.</summary>
    public static Pte ZeroPage => new(PteKind.ZeroPage, PteFlags.Young, -1);

    /// <summary>Empty, or the shared zero page: what max_ptes_none counts.</summary>
    public bool IsNoneOrZero => Kind is PteKind.None or PteKind.ZeroPage;

    /// <summary>The present bit is set (the zero page included).</summary>
    public bool IsPresent => Kind is >= PteKind.ZeroPage and <= PteKind.ZoneDevice;

    /// <summary>The accessed bit.</summary>
    public bool IsYoung => (Flags & PteFlags.Young) != 0;

    /// <summary>Some secondary MMU referenced the page at this address.</summary>
    public bool IsSecondaryYoung => (Flags & PteFlags.SecondaryYoung) != 0;

    /// <summary>The dirty bit.</summary>
    public bool IsDirty => (Flags & PteFlags.Dirty) != 0;

    /// <summary>The userfaultfd write-protect bit.</summary>
    public bool IsUffdWp => (Flags & PteFlags.UffdWp) != 0;
}
