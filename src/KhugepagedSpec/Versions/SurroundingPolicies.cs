using System.Collections.Immutable;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Versions;

/// <summary>What lies around collapse: which orders there are, the LRU, user space, what is printed.</summary>
internal static class SurroundingPolicies
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
    [
        VersionPolicy.Of("orders", "IsPmdOnly", "which orders there are", "mm/khugepaged.c:collapse_possible_orders",
            version => version.IsPmdOnly, (version, value) => version with { IsPmdOnly = value },
            (false, new("all", "every order that is enabled")),
            (true, new("pmd-only", "the PMD's order alone") { Source = "Linux 7.1 and before" })),
        VersionPolicy.Of("extent", "TakesSmallerExtents", "what of a PMD range the VMA has to cover",
            "mm/khugepaged.c:hugepage_vma_revalidate",
            version => version.TakesSmallerExtents, (version, value) => version with { TakesSmallerExtents = value },
            (false, new("range", "PMD ranges that the VMA covers whole")),
            (true, new("window", "windows that the VMA covers, in ranges that it covers in part")
            {
                Source = PolicyTable.Rounds,
            })),
        VersionPolicy.Of("trace", "Trace", "what tracepoints print, and how results are called and numbered",
            "include/trace/events/huge_memory.h", version => version.Trace, (version, value) => version with { Trace = value },
            (TraceText.Linux72, Release("7.2")),
            (TraceText.Linux73, Release("7.3")),
            (TraceText.Linux73Rc, Release("7.3-rc")),
            (TraceText.Linux71, Release("7.1")),
            (TraceText.Linux70, Release("7.0")),
            (TraceText.Linux618, Release("6.18")),
            (TraceText.Linux617, Release("6.17"))),
        VersionPolicy.Of("uffd-rwp", "HasUffdRwp", "whether userfaultfd can protect against reads too", "Linux 7.3, mm/userfaultfd.c",
            version => version.HasUffdRwp, (version, value) => version with { HasUffdRwp = value },
            (false, new("no", "userfaultfd protecting against writes alone")),
            (true, new("yes", "userfaultfd protecting against reads too"))),
        VersionPolicy.Of("lru-putback", "LruPutbackIsBatched", "when pages that are put back are on the LRU list again", "mm/swap.c",
            version => version.LruPutbackIsBatched, (version, value) => version with { LruPutbackIsBatched = value },
            (true, new("batched", "pages put back through the per-CPU batch, which holds a reference meanwhile")),
            (false, new("at-once", "pages put back on the LRU list at once"))),
        VersionPolicy.Of("lazyfree", "HasLazyFreeRule", "what becomes of clean pages of MADV_FREE", "mm/khugepaged.c:collapse_scan_pmd",
            version => version.HasLazyFreeRule, (version, value) => version with { HasLazyFreeRule = value },
            (true, new("left-alone", "clean lazyfree pages left alone by khugepaged")),
            (false, new("collapsed", "clean lazyfree pages collapsed as others are") { Source = "Linux 7.0 and before" })),
        VersionPolicy.Of("writable-pte", "NeedsWritablePte", "whether a range without a writable PTE is collapsed",
            "Linux 6.17, SCAN_PAGE_RO, as observed",
            version => version.NeedsWritablePte, (version, value) => version with { NeedsWritablePte = value },
            (false, new("not-needed", "ranges collapsed whether a PTE is writable or not")),
            (true, new("needed", "ranges without a writable PTE left alone"))),
        VersionPolicy.Of("advice", "RepeatedAdviceAsks", "whether MADV_HUGEPAGE that changes nothing makes the process known",
            "mm/madvise.c; as observed on 6.12 to 7.1",
            version => version.RepeatedAdviceAsks, (version, value) => version with { RepeatedAdviceAsks = value },
            (false, new("first-only", "a process made known by the MADV_HUGEPAGE that sets the flag")),
            (true, new("each", "a process made known by each MADV_HUGEPAGE"))),
        VersionPolicy.Of("emptied-table", "KeepsEmptiedTables", "what becomes of a page table that MADV_DONTNEED empties", "mm/memory.c",
            version => version.KeepsEmptiedTables, (version, value) => version with { KeepsEmptiedTables = value },
            (false, new("freed", "page tables that MADV_DONTNEED empties freed")),
            (true, new("kept", "page tables that MADV_DONTNEED empties kept") { Source = "Linux 6.12, as observed" })),
        VersionPolicy.Of("huge-zero-write", "WritesSplitHugeZero", "what a write to the huge zero page makes",
            "mm/huge_memory.c:do_huge_zero_wp_pmd",
            version => version.WritesSplitHugeZero, (version, value) => version with { WritesSplitHugeZero = value },
            (false, new("huge", "the huge zero page replaced by a huge page when it is written to")),
            (true, new("one-page", "the huge zero page split when it is written to") { Source = "Linux 6.12, as observed" })),
    ];

    private static PolicyValue Release(string release) => new(release, $"the trace lines of {release}");
}
