using System.Collections.Immutable;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Policies;

/// <summary>What one result means, and where it comes from.</summary>
/// <param name="Result">The result.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Functions">The functions of Linux 7.2's <c>mm/khugepaged.c</c> that give it, not only pass it on.</param>
public sealed record ResultEntry(ScanResult Result, string Meaning, ImmutableArray<string> Functions)
{
    private const string Scan = "collapse_scan_pmd";

    // What collapse_huge_page is made of.
    private static readonly ImmutableArray<string> OfAttempt =
    [
        "alloc_charge_folio", "hugepage_vma_revalidate", "find_pmd_or_thp_or_none", "check_pmd_state", "check_pmd_still_valid",
        "__collapse_huge_page_swapin", "collapse_huge_page", "__collapse_huge_page_isolate", "__collapse_huge_page_copy",
    ];

    /// <summary>The scan of an anonymous PMD range may end with it, before any walk.</summary>
    public bool EndsScan => Result != ScanResult.Succeed && (Functions.Contains(Scan) || Functions.Contains("check_pmd_state"));

    /// <summary>What the walk of Linux 7.2 does after an attempt that ended with it; null if no attempt on anonymous memory
    /// does.</summary>
    public WalkVerdict? Next => Functions.Any(OfAttempt.Contains) ? RetryTable.Linux72.For(Result) : null;
}

/// <summary>What the SCAN_ results mean.</summary>
public static class ResultGlossary
{
    private static readonly ImmutableArray<string> InFiles = ["collapse_file"];

    /// <summary>All of them, in the order of Linux 7.2's numbers; at the end what only older kernels have.</summary>
    public static ImmutableArray<ResultEntry> Entries { get; } =
    [
        Of(ScanResult.Fail,
            "Nothing better to say: no window was tried, a fault in swap-in failed, or the PMD entry holds another table by now.",
            "check_pmd_still_valid", "__collapse_huge_page_swapin", "mthp_collapse", "set_huge_pmd", "collapse_file"),
        Of(ScanResult.Succeed, "The step did what it was asked for; of a visit: at least one window was collapsed.",
            "collapse_scan_pmd", "hugepage_vma_revalidate", "alloc_charge_folio", "__collapse_huge_page_swapin",
                "__collapse_huge_page_isolate",
            "__collapse_huge_page_copy", "collapse_huge_page", "mthp_collapse", "collapse_file"),
        Of(ScanResult.NoPteTable,
            "The PMD entry holds no PTE table, or it went away in between; up to 6.18 two results, pmd_null and pmd_none.",
            "check_pmd_state", "find_pmd_or_thp_or_none", "__collapse_huge_page_swapin", "collapse_huge_page", "collapse_scan_pmd"),
        Of(ScanResult.PmdMapped, "The PMD entry maps a huge page already, or one that is migrating.", "check_pmd_state"),
        Of(ScanResult.ExceedNonePte, "More PTEs are empty or map the zero page than max_ptes_none, or userfaultfd, allows for this order.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate", "collapse_scan_file", "collapse_file"),
        Of(ScanResult.ExceedSwapPte, "More PTEs are not present than max_ptes_swap allows; below the PMD order none may be.",
            "collapse_scan_pmd", "__collapse_huge_page_swapin", "collapse_scan_file"),
        Of(ScanResult.ExceedSharedPte,
            "More PTEs map a folio that another process may map than max_ptes_shared allows; below the PMD order none may.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate"),
        Of(ScanResult.PteNonPresent, "A PTE of the window is not present when isolation comes, though it was, or was brought back.",
            "__collapse_huge_page_isolate", "try_collapse_pte_mapped_thp"),
        Of(ScanResult.PteUffdWp, "A PTE is protected by userfaultfd against writes, from 7.3 on against reads too.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate", "try_collapse_pte_mapped_thp"),
        Of(ScanResult.PteMappedHugepage, "A PTE of the window belongs to a folio of the order that is tried, or of a larger one.",
            "__collapse_huge_page_isolate", "collapse_scan_file", "collapse_file"),
        Of(ScanResult.LackReferencedPage,
            "Nothing was referenced; or something is not present, and less than half of the PMD range was used.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate"),
        Of(ScanResult.PageNull, "A present PTE has no page that collapse could move: none of a folio, or one of a device.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate", "try_collapse_pte_mapped_thp"),
        Of(ScanResult.ScanAbort,
            "The pages lie on NUMA nodes that are too far apart, and node reclaim is on.", "collapse_scan_pmd", "collapse_scan_file"),
        Of(ScanResult.PageCount, "A folio has a reference that its mappings do not explain: a pin, or a batch on its way to an LRU list.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate", "collapse_scan_file", "collapse_file"),
        Of(ScanResult.PageLru, "A folio is on no LRU list at the time of the scan.", "collapse_scan_pmd", "collapse_scan_file"),
        Of(ScanResult.PageLock, "A folio is locked by somebody else, or the fault in swap-in asks for a retry.",
            "collapse_scan_pmd", "__collapse_huge_page_swapin", "__collapse_huge_page_isolate", "collapse_file"),
        Of(ScanResult.PageAnon, "A page, or by now the VMA, is not anonymous.", "collapse_scan_pmd", "hugepage_vma_revalidate"),
        Of(ScanResult.PageLazyFree, "A clean page on which MADV_FREE was called: khugepaged would make it stay.",
            "collapse_scan_pmd", "__collapse_huge_page_isolate"),
        Of(ScanResult.PageCompound,
            "Of files: the folio that a page table maps is not one of the PMD order.", "try_collapse_pte_mapped_thp"),
        Of(ScanResult.AnyProcess, "The process is exiting, or refuses THP.", "hugepage_vma_revalidate", "collapse_single_pmd"),
        Of(ScanResult.VmaNull, "No VMA is at the address any more, nor after it.", "hugepage_vma_revalidate"),
        Of(ScanResult.VmaCheck,
            "The VMA may not have this order now: its flags or sysfs changed.", "hugepage_vma_revalidate", "try_collapse_pte_mapped_thp"),
        Of(ScanResult.AddressRange, "The VMA does not span the whole PMD range, which it must at every order.", "hugepage_vma_revalidate"),
        Of(ScanResult.DelPageLru,
            "A folio could not be taken off its LRU list: somebody else did.", "__collapse_huge_page_isolate", "collapse_file"),
        Of(ScanResult.AllocHugePageFail, "No folio of the order could be had, or the memory cgroup's deferred split list not be set up.",
            "alloc_charge_folio", "collapse_huge_page", "mthp_collapse"),
        Of(ScanResult.CgroupChargeFail, "The memory cgroup refused the charge.", "alloc_charge_folio"),
        new(ScanResult.Truncated, "Of files: the file ends before the page.", InFiles),
        new(ScanResult.PageHasPrivate, "Of files: the file system holds private data to the folio and does not release it.", InFiles),
        new(ScanResult.StoreFailed, "Of files: the page cache could not take an entry.", InFiles),
        Of(ScanResult.CopyMc,
            "A page could not be read: a hardware memory error met in the copy.", "__collapse_huge_page_copy", "collapse_file"),
        new(ScanResult.PageFilled, "Of shmem: a hole was filled in between.", InFiles),
        new(ScanResult.PageDirtyOrWriteback, "Of files: the folio is dirty or being written back.", InFiles),
        new(ScanResult.PageRo, "No PTE that was looked at can be written; known by what kernels up to 6.17 do, not read.", []),
    ];

    private static ResultEntry Of(ScanResult result, string meaning, params ReadOnlySpan<string> functions) =>
        new(result, meaning, [.. functions]);
}
