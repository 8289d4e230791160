using System.Collections.Immutable;

namespace KhugepagedSpec.Results;

/// <summary>
/// What a scan or an attempt ended with, numbered as in Linux 7.2, <c>mm/khugepaged.c:enum scan_result</c>: the swap-in
/// tracepoint prints the number.
/// </summary>
public enum ScanResult : byte
{
    /// <summary>SCAN_FAIL: nothing better to say.</summary>
    Fail,

    /// <summary>SCAN_SUCCEED.</summary>
    Succeed,

    /// <summary>SCAN_NO_PTE_TABLE: the PMD entry holds no PTE table.</summary>
    NoPteTable,

    /// <summary>SCAN_PMD_MAPPED: the PMD entry holds a huge page, or one that is migrating.</summary>
    PmdMapped,

    /// <summary>SCAN_EXCEED_NONE_PTE: more empty or zero-page PTEs than allowed.</summary>
    ExceedNonePte,

    /// <summary>SCAN_EXCEED_SWAP_PTE: more swapped PTEs than allowed.</summary>
    ExceedSwapPte,

    /// <summary>SCAN_EXCEED_SHARED_PTE: more shared PTEs than allowed.</summary>
    ExceedSharedPte,

    /// <summary>SCAN_PTE_NON_PRESENT: a PTE that is not present where none may be.</summary>
    PteNonPresent,

    /// <summary>SCAN_PTE_UFFD_WP: a PTE write-protected by userfaultfd.</summary>
    PteUffdWp,

    /// <summary>SCAN_PTE_MAPPED_HUGEPAGE: a folio of the attempted order or larger is mapped here already.</summary>
    PteMappedHugepage,

    /// <summary>SCAN_LACK_REFERENCED_PAGE: not enough of the range was referenced.</summary>
    LackReferencedPage,

    /// <summary>SCAN_PAGE_NULL: a present PTE without a usable page.</summary>
    PageNull,

    /// <summary>SCAN_SCAN_ABORT: the pages are on NUMA nodes too far apart.</summary>
    ScanAbort,

    /// <summary>SCAN_PAGE_COUNT: a page has a reference that its mappings do not explain.</summary>
    PageCount,

    /// <summary>SCAN_PAGE_LRU: a page is on no LRU list.</summary>
    PageLru,

    /// <summary>SCAN_PAGE_LOCK: a page is locked.</summary>
    PageLock,

    /// <summary>SCAN_PAGE_ANON: not anonymous.</summary>
    PageAnon,

    /// <summary>SCAN_PAGE_LAZYFREE: a lazily freeable, clean page.</summary>
    PageLazyFree,

    /// <summary>SCAN_PAGE_COMPOUND: a compound page where none may be (file path only).</summary>
    PageCompound,

    /// <summary>SCAN_ANY_PROCESS: the process is exiting or refuses THP.</summary>
    AnyProcess,

    /// <summary>SCAN_VMA_NULL: no VMA at or after the address.</summary>
    VmaNull,

    /// <summary>SCAN_VMA_CHECK: the VMA may not have this order now.</summary>
    VmaCheck,

    /// <summary>SCAN_ADDRESS_RANGE: the VMA does not span the PMD range.</summary>
    AddressRange,

    /// <summary>SCAN_DEL_PAGE_LRU: a page could not be taken off its LRU list.</summary>
    DelPageLru,

    /// <summary>SCAN_ALLOC_HUGE_PAGE_FAIL: no folio to collapse into.</summary>
    AllocHugePageFail,

    /// <summary>SCAN_CGROUP_CHARGE_FAIL: the memory cgroup refused the charge.</summary>
    CgroupChargeFail,

    /// <summary>SCAN_TRUNCATED (file path only).</summary>
    Truncated,

    /// <summary>SCAN_PAGE_HAS_PRIVATE (file path only).</summary>
    PageHasPrivate,

    /// <summary>SCAN_STORE_FAILED (file path only).</summary>
    StoreFailed,

    /// <summary>SCAN_COPY_MC: a page could not be read: hardware memory error.</summary>
    CopyMc,

    /// <summary>SCAN_PAGE_FILLED (file path only).</summary>
    PageFilled,

    /// <summary>SCAN_PAGE_DIRTY_OR_WRITEBACK (file path only).</summary>
    PageDirtyOrWriteback,

    /// <summary>SCAN_PAGE_RO: no PTE was writable. Up to 6.12 at least; not in 7.1 (the number is ours).</summary>
    PageRo,
}

/// <summary>The two names of a <see cref="ScanResult"/>.</summary>
public static class ScanResultNames
{
    // By number; the first is what tracepoints print (include/trace/events/huge_memory.h:SCAN_STATUS), the second the enumerator.
    private static readonly ImmutableArray<(string Trace, string Kernel)> Names =
    [
        ("failed", "SCAN_FAIL"),
        ("succeeded", "SCAN_SUCCEED"),
        ("no_pte_table", "SCAN_NO_PTE_TABLE"),
        ("page_pmd_mapped", "SCAN_PMD_MAPPED"),
        ("exceed_none_pte", "SCAN_EXCEED_NONE_PTE"),
        ("exceed_swap_pte", "SCAN_EXCEED_SWAP_PTE"),
        ("exceed_shared_pte", "SCAN_EXCEED_SHARED_PTE"),
        ("pte_non_present", "SCAN_PTE_NON_PRESENT"),
        ("pte_uffd_wp", "SCAN_PTE_UFFD_WP"),
        ("pte_mapped_hugepage", "SCAN_PTE_MAPPED_HUGEPAGE"),
        ("lack_referenced_page", "SCAN_LACK_REFERENCED_PAGE"),
        ("page_null", "SCAN_PAGE_NULL"),
        ("scan_aborted", "SCAN_SCAN_ABORT"),
        ("not_suitable_page_count", "SCAN_PAGE_COUNT"),
        ("page_not_in_lru", "SCAN_PAGE_LRU"),
        ("page_locked", "SCAN_PAGE_LOCK"),
        ("page_not_anon", "SCAN_PAGE_ANON"),
        ("page_lazyfree", "SCAN_PAGE_LAZYFREE"),
        ("page_compound", "SCAN_PAGE_COMPOUND"),
        ("no_process_for_page", "SCAN_ANY_PROCESS"),
        ("vma_null", "SCAN_VMA_NULL"),
        ("vma_check_failed", "SCAN_VMA_CHECK"),
        ("not_suitable_address_range", "SCAN_ADDRESS_RANGE"),
        ("could_not_delete_page_from_lru", "SCAN_DEL_PAGE_LRU"),
        ("alloc_huge_page_failed", "SCAN_ALLOC_HUGE_PAGE_FAIL"),
        ("ccgroup_charge_failed", "SCAN_CGROUP_CHARGE_FAIL"),
        ("truncated", "SCAN_TRUNCATED"),
        ("page_has_private", "SCAN_PAGE_HAS_PRIVATE"),
        ("store_failed", "SCAN_STORE_FAILED"),
        ("copy_poisoned_page", "SCAN_COPY_MC"),
        ("page_filled", "SCAN_PAGE_FILLED"),
        ("page_dirty_or_writeback", "SCAN_PAGE_DIRTY_OR_WRITEBACK"),
        ("no_writable_page", "SCAN_PAGE_RO"),
    ];

    private static readonly Dictionary<string, ScanResult>.AlternateLookup<ReadOnlySpan<char>> ByTraceName =
        Names.Select((name, number) => (name.Trace, (ScanResult)number))
            .ToDictionary(pair => pair.Trace, pair => pair.Item2, StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>What tracepoints print for it.</summary>
    public static string TraceName(this ScanResult result) => Names[(int)result].Trace;

    /// <summary>The enumerator's name in the kernel.</summary>
    public static string KernelName(this ScanResult result) => Names[(int)result].Kernel;

    /// <summary>Reads what a tracepoint printed.</summary>
    /// <returns>False if no result is called that.</returns>
    public static bool TryParseTraceName(ReadOnlySpan<char> name, out ScanResult result) => ByTraceName.TryGetValue(name, out result);
}
