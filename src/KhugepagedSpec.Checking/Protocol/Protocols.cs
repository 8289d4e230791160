using System.Collections.Immutable;
using KhugepagedSpec.Checking.Guarded;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>The protocols: Linux 7.2's, the one that may come next, and those that were feared, each 7.2's with one thing wrong.</summary>
public static class Protocols
{
    /// <summary>Linux 7.2.</summary>
    public static CollapseProtocol Linux72 { get; } = new() { Name = "linux-7.2", Source = "Linux 7.2, mm/khugepaged.c:collapse_huge_page" };

    /// <summary>Collapse by rounds.</summary>
    public static CollapseProtocol Rounds { get; } = new()
    {
        Name = "rounds",
        Source = "\"mm/collapse: rebuild collapse on migration primitives\", RFC, K. Shutsemau, 2026-08-16",
        IsByRounds = true,
    };

    /// <summary>The feared ones.</summary>
    public static ImmutableArray<CollapseProtocol> Feared { get; } =
    [
        Bad("pmd-cleared-beyond-vma", "J. Horn, 2025-04-30, on v5 patch 7", Safety.NobodyOutsideAffected, "neighbour", "settings") with { Extent = ExtentRule.WindowOnly },
        Bad("anon-vma-dropped-early", "H. Dickins, 2025-05, on v5 patch 7", Safety.NoStaleMigrationEntry, "migrate") with { AnonVma = AnonVmaRule.UntilIsolated },
        Bad("vma-used-after-unlock", "N. Pache, 2026-05-25, fixup to v18 patch 11", Safety.NoFreedVmaUsed, "munmap") with { WalkUsesVma = true },
        Bad("ptes-before-pmd", "D. Hildenbrand, L. Yang, 2026-05-31, on v18 patch 6", Safety.EntriesReachable, "settings") with { PmdBeforePtes = false },
        Bad("not-revalidated-under-write-lock", "mm/khugepaged.c:hugepage_vma_revalidate, the second call", Safety.NoFreedVmaUsed, "munmap") with { RevalidatesUnderWriteLock = false },
        Bad("extent-not-revalidated", "L. Stoakes, 2026-06, on v18 patch 6: always check the PMD order", Safety.EligibleWhenInstalled, "neighbour") with { Extent = ExtentRule.NotChecked },
        Bad("no-sync-before-isolate", "J. Horn, 2022-11: tlb_remove_table_sync_one", Safety.NoWalkerOnDetachedTable, "gup-fast") with { SyncsLocklessWalkers = false },
        Bad("references-not-counted", "mm/khugepaged.c:__collapse_huge_page_isolate", Safety.NoPinOnUnmappedPage, "gup-fast") with { IsolationChecksReferences = false },
        Bad("swapin-of-non-swap-entry", "W. Yang, 2025-10-05, L. Yang, 2025-10-07", Safety.NoWriteLost, "migrate") with { SwapinChecksEntry = false },
        Bad("uffd-not-rechecked", "the fixup of 2026-05-25 relies on isolation", Safety.UffdKeepsHoles, "userfaultfd") with { IsolationSeesUffd = false },
        Bad("vma-write-not-started", "per-VMA locks: mm/khugepaged.c:collapse_huge_page calls vma_start_write", Safety.PmdEntryComesBack, "fault") with { StartsVmaWrite = false },
        Bad("unlocked-before-copy", "mm/khugepaged.c:collapse_huge_page, at the PMD order, relies on folio locks", Safety.RmapFindsEveryMapping, "hwpoison") with { LocksLastThroughCopy = false },

        Bad("tlbs-not-flushed", "mm/pgtable-generic.c:pmdp_collapse_flush", Safety.NoWriteLost, "writer") with { FlushesTlbs = false },
        Bad("secondary-mmus-not-told", "H. Dickins, 2025-05, on v5 patch 7: the notifier's range", Safety.NoWriteLost, "secondary-mmu") with { Notifies = false },
        Bad("notifier-end-not-counted", "virt/kvm/kvm_main.c: the sequence moves at the end", Safety.NoWriteLost, "secondary-mmu") with { NotifierEndCounts = false },
        Bad("anon-vma-not-taken", "mm/khugepaged.c:collapse_huge_page", Safety.NoWalkerOnDetachedTable, "reclaim") with { AnonVma = AnonVmaRule.NotTaken },
        Bad("anon-vma-before-mmap", "lock order: mm/rmap.c", Safety.NoDeadlock, "munmap") with { AnonVma = AnonVmaRule.BeforeMmapLock },
        Bad("mmap-lock-for-reading", "mm/khugepaged.c:collapse_huge_page: the write lock", Safety.PmdEntryComesBack, "fault-mmap") with { TakesMmapForWriting = false },
        Bad("uffd-wp-not-rechecked", "P. Xu, 2023-04-05", Safety.NothingSharedOrAbsent, "userfaultfd") with { IsolationChecksUffdWp = false },
        Bad("shared-not-rechecked", "v5 patch 7: no shared page below the PMD order", Safety.NothingSharedOrAbsent, "fork", "settings") with { IsolationChecksShared = false },
        Bad("isolation-without-locks", "mm/khugepaged.c:__collapse_huge_page_isolate", Safety.RmapFindsEveryMapping, "hwpoison") with { IsolationLocks = false },
        Bad("copied-before-flush", "mm/khugepaged.c:collapse_huge_page copies behind the flush", Safety.NoWriteLost, "writer") with { CopiesBehindFlush = false },
        Bad("not-put-back", "mm/khugepaged.c:release_pte_pages", Safety.CountsBalance, "reclaim") with { PutsBack = false },
        Bad("pmd-not-reinstated", "mm/khugepaged.c:collapse_huge_page, behind a failed isolation", Safety.PmdEntryComesBack, "reclaim") with { ReinstatesPmd = false },

        new()
        {
            Name = "rounds-without-verification", Source = "D. Hildenbrand, 2026-09-14, on \"mm/collapse: rebuild collapse on migration primitives\"", IsByRounds = true,
            InstallVerifies = false, Breaks = Safety.NoWriteLost, ShownBy = ["dontneed"],
        },
    ];

    /// <summary>All of them by name; the first is the default.</summary>
    public static ImmutableArray<CollapseProtocol> All { get; } = [Linux72, Rounds, .. Feared];

    private static CollapseProtocol Bad(string name, string source, SafetyProperty breaks, params string[] shownBy) => Linux72 with
    {
        Name = name,
        Source = source,
        Breaks = breaks,
        ShownBy = shownBy,
    };
}
