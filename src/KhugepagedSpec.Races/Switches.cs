using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

public static partial class Protocols
{
    /// <summary>Every switch.</summary>
    public static ImmutableArray<Switch> Switches =>
    [
        Bad("pmd-cleared-beyond-vma", "J. Horn, 2025-04-30, on v5 patch 7", Safety.NobodyOutsideAffected,
            p => p with { Extent = ExtentRule.WindowOnly }, "neighbour", "settings"),
        Bad("anon-vma-dropped-early", "H. Dickins, 2025-05, on v5 patch 7", Safety.NoStaleMigrationEntry,
            p => p with { AnonVma = AnonVmaRule.UntilIsolated }, "migrate"),
        Bad("vma-used-after-unlock", "N. Pache, 2026-05-25, fixup to v18 patch 11", Safety.NoFreedVmaUsed,
            p => p with { WalkUsesVma = true }, "munmap"),
        Bad("ptes-before-pmd", "D. Hildenbrand, L. Yang, 2026-05-31, on v18 patch 6", Safety.EntriesReachable,
            p => p with { PmdBeforePtes = false }, "settings"),
        Bad("not-revalidated-under-write-lock", "mm/khugepaged.c:hugepage_vma_revalidate, the second call", Safety.NoFreedVmaUsed,
            p => p with { RevalidatesUnderWriteLock = false }, "munmap"),
        Bad("extent-not-revalidated", "L. Stoakes, 2026-06, on v18 patch 6: always check the PMD order", Safety.EligibleWhenInstalled,
            p => p with { Extent = ExtentRule.NotChecked }, "neighbour"),
        Bad("no-sync-before-isolate", "J. Horn, 2022-11: tlb_remove_table_sync_one (2ba99c5e0881)", Safety.NoWalkerOnDetachedTable,
            p => p with { SyncsLocklessWalkers = false }, "gup-fast"),
        Bad("references-not-counted", "mm/khugepaged.c:__collapse_huge_page_isolate", Safety.NoPinOnUnmappedPage,
            p => p with { IsolationChecksReferences = false }, "gup-fast"),
        Bad("swapin-of-non-swap-entry", "W. Yang, 2025-10-05, L. Yang, 2025-10-07", Safety.NoWriteLost,
            p => p with { SwapinChecksEntry = false }, "migrate"),
        Bad("uffd-not-rechecked", "the fixup of 2026-05-25 relies on isolation", Safety.UffdKeepsHoles,
            p => p with { IsolationSeesUffd = false }, "userfaultfd"),
        Bad("vma-write-not-started", "per-VMA locks: mm/khugepaged.c:collapse_huge_page calls vma_start_write", Safety.PmdEntryComesBack,
            p => p with { StartsVmaWrite = false }, "fault"),
        Bad("unlocked-before-copy", "mm/khugepaged.c:collapse_huge_page, at the PMD order, relies on folio locks",
            Safety.RmapFindsWhatStays, p => p with { LocksLastThroughCopy = false }, "hwpoison"),
        Bad("pmd-checked-before-vma-lock", "366a4532d96f, 2025-08: check_pmd_still_valid behind vma_start_write", Safety.NoFreedTableUsed,
            p => p with { PmdCheck = PmdCheckRule.BeforeVmaLock }, "dontneed"),
        Bad("pmd-not-rechecked", "mm/khugepaged.c:check_pmd_still_valid", Safety.NoFreedTableUsed,
            p => p with { PmdCheck = PmdCheckRule.NotAgain }, "dontneed"),
        Bad("swap-bail-keeps-lock", "on v5 patch 7, 2025-05: swap-in below the PMD order", Safety.LocksDroppedOnReturn,
            p => p with { SwapBailKeepsLock = true }, "settings"),
        Bad("released-before-cleared", "Linux 7.2 as it is: mm/khugepaged.c:__collapse_huge_page_copy_succeeded",
            Safety.RmapFindsEveryMapping, p => p with { KnownNotToHold = [] }, "hwpoison"),
        Bad("put-back-before-table", "mm/khugepaged.c:__collapse_huge_page_copy_failed, the PMD entry first", Safety.RmapFindsWhatStays,
            p => p with { PutsBackBeforeTable = true }, "hwpoison"),
        Bad("anon-vma-not-tested", "a NULL anon_vma by race, 2020; hugepage_vma_revalidate, expect_anon", Safety.NoNullAnonVma,
            p => p with { TestsAnonVma = false }, "munmap"),
        Bad("notifier-end-under-pte-lock", "linux-mm, 2019-11-07: sleeping with a mapped PTE", Safety.NobodySleepsAtomic,
            p => p with { NotifierEndsUnderPteLock = true }),

        Bad("tlbs-not-flushed", "mm/pgtable-generic.c:pmdp_collapse_flush", Safety.NoWriteLost, p => p with { FlushesTlbs = false },
            "writer"),
        Bad("walk-caches-not-flushed", "CVE-2025-22045: paging-structure caches outlive the flush of a range", Safety.NoWriteLost,
            p => p with { FlushesWalkCaches = false }, "writer"),
        Bad("secondary-mmus-not-told", "H. Dickins, 2025-05, on v5 patch 7: the notifier's range", Safety.NoWriteLost,
            p => p with { Notifies = false }, "secondary-mmu"),
        Bad("notifier-end-not-counted", "KVM: the sequence of its mmu_notifier moves at the end", Safety.NoWriteLost,
            p => p with { NotifierEndCounts = false }, "secondary-mmu"),
        Bad("anon-vma-not-taken", "mm/khugepaged.c:collapse_huge_page", Safety.NoWalkerOnDetachedTable,
            p => p with { AnonVma = AnonVmaRule.NotTaken }, "reclaim"),
        Bad("anon-vma-before-mmap", "lock order: mm/rmap.c", Safety.NoDeadlock, p => p with { AnonVma = AnonVmaRule.BeforeMmapLock },
            "munmap"),
        Bad("mmap-lock-for-reading", "mm/khugepaged.c:collapse_huge_page: the write lock", Safety.PmdEntryComesBack,
            p => p with { TakesMmapForWriting = false }, "fault"),
        Bad("two-collapses-at-once", "mm/khugepaged.c:collapse_huge_page: the write lock keeps MADV_COLLAPSE and khugepaged apart",
            Safety.NoHugePageTakenForTable, p => p with { TakesMmapForWriting = false }, "madv-collapse"),
        Bad("uffd-wp-not-rechecked", "P. Xu, 2023-04-05 (dd47ac428c3f)", Safety.NothingSharedOrAbsent,
            p => p with { IsolationChecksUffdWp = false }, "userfaultfd"),
        Bad("shared-not-rechecked", "v5 patch 7: no shared page below the PMD order", Safety.NothingSharedOrAbsent,
            p => p with { IsolationChecksShared = false }, "fork", "settings"),
        Bad("isolation-without-locks", "mm/khugepaged.c:__collapse_huge_page_isolate", Safety.RmapFindsWhatStays,
            p => p with { IsolationLocks = false }, "hwpoison"),
        Bad("copied-before-flush", "mm/khugepaged.c:collapse_huge_page copies behind the flush", Safety.NoWriteLost,
            p => p with { CopiesBehindFlush = false }, "writer"),
        Bad("not-put-back", "mm/khugepaged.c:release_pte_pages", Safety.CountsBalance, p => p with { PutsBack = false }, "reclaim"),
        Bad("pmd-not-reinstated", "mm/khugepaged.c:collapse_huge_page, behind a failed isolation", Safety.PmdEntryComesBack,
            p => p with { ReinstatesPmd = false }, "reclaim"),

        Bad(
            "anon-vma-decided-early",
                "023f47a8250c, 2023-01 (CVE-2023-52935), in its anonymous twin: whether there is an anon_vma to lock",
                Safety.NoWalkerOnDetachedTable,
            p => p with { WithoutAnonVma = AnonVmaNeed.DecidedUnderReadLock }, "madv-collapse", "anon-vma"),
        Bad("large-folio-asserted", "linux-mm, 2018-02-22: a large folio behind the scan", Safety.NoAssertionFails,
            p => p with { ExpectsLargeFolios = false }, "dontneed", "fault"),
        Bad(
            "large-folio-put-back-by-page", "mm/khugepaged.c:release_pte_pages: compound_pagelist", Safety.CountsBalance,
            p => p with { HasFolios = true, PutsFoliosBackOnce = false }, "gup-fast"),
        Bad(
            "pte-lock-nested-blindly",
                "mm/khugepaged.c:collapse_huge_page: pte_ptl != pmd_ptl, where page tables have no locks of their own", Safety.NoDeadlock,
            p => p with { HasOneTableLock = true, ComparesTableLocks = false }, "settings"),
        Bad(
            "pmd-lock-nor-vma-lock", "mm/khugepaged.c:collapse_huge_page: pmd_lock is unnecessary while vma_start_write is there",
                Safety.NobodyElseAtPmdEntry,
            p => p with { TakesPmdLock = false, OpensPmdSections = true, StartsVmaWrite = false, PmdCheck = PmdCheckRule.BeforeVmaLock },
                "dontneed"),
        Bad("gup-no-second-look-at-huge", "mm/gup.c:gup_fast_pmd_leaf", Safety.NoPinOnUnmappedPage,
            p => p with { GupLooksAtHugeAgain = false }, "gup-fast", "dontneed"),
        Bad("installed-writable", "mm/memory.c:map_anon_folio_pte_nopf: maybe_mkwrite", Safety.ReadOnlyStaysSo,
            p => p with { AsksWhetherWritable = false }, "mprotect"),
        Bad("mprotect-flush-forgotten", "mm/mprotect.c:mprotect_fixup: one flush behind every entry", Safety.TlbsAgree,
            p => p with { MprotectFlushes = false }, "writer", "mprotect"),
        Bad("pins-not-respected", "mm/rmap.c: folio_try_share_anon_rmap_pte in try_to_unmap_one, try_to_migrate_one",
            Safety.NoPinOnUnmappedPage, p => p with { PinsAreRespected = false }, "gup-fast", "reclaim"),
        Bad("batched-flush-forgotten", "mm/vmscan.c: try_to_unmap_flush_dirty before pageout", Safety.NoWriteLost,
            p => p with { FlushesBatches = false }, "writer", "reclaim"),
        Bad("freed-before-flush", "mm/mmu_gather.c: pages are freed behind the flush", Safety.NoFreedPageUsed,
            p => p with { FreesBehindFlush = false }, "writer", "dontneed"),
        Bad("tables-freed-at-once", "mm/pgtable-generic.c: pte_free_defer; include/asm-generic/tlb.h: MMU_GATHER_RCU_TABLE_FREE",
            Safety.NoFreedTableUsed, p => p with { FreesTablesByRcu = false }, "reclaim", "dontneed"),
        Bad("uffd-copy-trusts-pmd",
            "CVE-2024-46787, CVE-2024-46838: mm/userfaultfd.c:mfill_atomic_install_pte, pte_offset_map_lock may find no table",
            Safety.NoFreedTableUsed, p => p with { UffdLooksAtPmdAgain = false }, "userfaultfd", "dontneed"),
        Bad("gup-no-second-look-at-pte", "mm/gup.c:gup_fast_pte_range", Safety.NoPinOnUnmappedPage,
            p => p with { GupLooksAtPteAgain = false }, "gup-fast", "reclaim"),
        Question("gup-no-second-look-at-pmd", "70cbc3cc78a9, 2022-09: GUP-fast looks at the PMD entry again",
            "Safe by itself: tlb_remove_table_sync_one waits for the walk.", p => p with { GupLooksAtPmdAgain = false }, "gup-fast"),

        Bad("pte-level-values-not-restored", "D. Hildenbrand, 2025-05-02, on v5 patch 7: remember all PTE values", Safety.NoWriteLost,
            p => ByPtes(p) with { RestoresPtes = false }, "gup-fast"),
        Question("pte-level", "D. Hildenbrand, 2025-05-02, on v5 patch 7: PTEs cleared and flushed in an attached table",
            "As safe as emptying the PMD entry.", ByPtes),
        Question(
            "pte-level-window-extent", "D. Hildenbrand, J. Horn, 2025-05-02, on v5 patch 7: the extent of the window only",
                "By PTEs a VMA need only span the window.",
            p => ByPtes(p) with { Extent = ExtentRule.WindowOnly }, "neighbour", "settings"),
        Question(
            "pmd-lock-not-taken", "mm/khugepaged.c:collapse_huge_page: pmd_lock, \"probably unnecessary\"",
                "It is: nobody who takes it is at the PMD entry then; the VMA's lock and the anon_vma lock keep them all away.",
            p => p with { TakesPmdLock = false, OpensPmdSections = true }),
        Question(
            "folio-of-two", "mm/khugepaged.c:__collapse_huge_page_isolate: compound_pagelist; mm/huge_memory.c:__folio_split",
                "As safe with two pages under one lock and one count, and with a split beside.",
            p => p with { HasFolios = true }, "split", "reclaim"),
        Question("one-table-lock", "mm/khugepaged.c:collapse_huge_page: pte_ptl != pmd_ptl",
            "As safe: asked whether it is another, the pte lock is not taken twice.", p => p with { HasOneTableLock = true }),
        Question(
            "no-anon-vma-no-lock", "023f47a8250c, 2023-01: looked at again with the mmap lock held",
                "Safe: a VMA gets its anon_vma under the mmap lock for reading, and so not behind the look.",
            p => p with { WithoutAnonVma = AnonVmaNeed.DecidedUnderWriteLock }, "madv-collapse", "anon-vma"),
        Question("nonswap-scan-only", "W. Yang, L. Yang, 2025-10: abort the scan on non-swap entries",
            "Enough: what becomes a migration entry behind the scan is waited for at swap-in.", p =>
            p with { ScanChecksEntry = true }, "migrate"),
        Question(
            "nonswap-scan-and-swapin", "W. Yang, L. Yang, 2025-10: and again before swap-in", "As safe; the second look saves the wait.",
            p => p with { ScanChecksEntry = true, SwapinRefusesNonSwap = true }, "migrate"),
        Question("window-flushed-only", "mm/khugepaged.c:collapse_huge_page: pmdp_collapse_flush flushes the PMD range",
            "The rest of the range keeps its pages, so its TLB entries stay right.", p => p with { FlushesWindowOnly = true }, "writer"),
        Question(
            "cleared-before-released", "mm/khugepaged.c:__collapse_huge_page_copy_succeeded, the other way round",
                "Then rmap-finds-every-mapping holds too.",
            p => p with { ReleasesBeforeClear = false, KnownNotToHold = [] }, "hwpoison"),

        Bad("rounds-without-verification", "D. Hildenbrand, 2026-09-14, on \"mm/collapse: rebuild collapse on migration primitives\"",
            Safety.GivenUpReadsZero, p => p with { InstallVerifies = false }, "dontneed") with { IsOfRounds = true },
        Bad(
            "rounds-not-counted", "\"mm/collapse: rebuild collapse on migration primitives\": pins are judged when references are frozen",
            Safety.NoPinOnUnmappedPage, p => p with { RoundsCount = false }, "gup-fast") with
        { IsOfRounds = true },
        Question("rounds-under-mmap-lock", "\"mm/collapse: rebuild collapse on migration primitives\": the mmap lock instead of the VMA's",
            "As safe.", p => p with { RoundsUnderMmapLock = true }) with { IsOfRounds = true },
    ];

    private static IEnumerable<(string A, string B, SafetyProperty Breaks, string[] ShownBy)> PairsOf =>
    [
        ("gup-no-second-look-at-pmd", "no-sync-before-isolate", Safety.NoPinOnUnmappedPage, ["gup-fast"]),
        ("folio-of-two", "anon-vma-dropped-early", Safety.RmapFindsWhatStays, ["split", "settings"]),
    ];

    private static CollapseProtocol ByPtes(CollapseProtocol p) => p with { ByPtes = true };

    private static Switch Bad(string name, string source, SafetyProperty breaks, Func<CollapseProtocol, CollapseProtocol> apply,
        params string[] shownBy) =>
        new(name, source, breaks, [.. shownBy], apply);

    private static Switch Question(string name, string source, string says, Func<CollapseProtocol, CollapseProtocol> apply,
        params string[] shownBy) =>
        new(name, source, null, shownBy.Length == 0 ? null : [.. shownBy], apply) { Says = says };
}
