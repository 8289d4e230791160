using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What no interleaving may break.</summary>
public static class Safety
{
    /// <summary>Every address reads what was last written there.</summary>
    public static SafetyProperty NoWriteLost { get; } = new(
        "no-write-lost", "Every address reads what was written there last.",
            "mm/khugepaged.c:collapse_huge_page: no TLB entry is left when pages are copied");

    /// <summary>A pin is a pin on what is mapped.</summary>
    public static SafetyProperty NoPinOnUnmappedPage { get; } = new(
        "no-pin-on-an-unmapped-page", "A page that was pinned at an address stays the page of that address while it is pinned, unless its owner gives the address up.",
        "J. Horn, 2022-11: GUP-fast against retraction; the reference count at isolation");

    /// <summary>No VMA is used after it was freed.</summary>
    public static SafetyProperty NoFreedVmaUsed { get; } = new(
        "no-freed-vma-used", "Nobody looks into a VMA that was freed.", "N. Pache, 2026-05-25, fixup to v18 patch 11");

    /// <summary>Nobody reads a table that was taken out.</summary>
    public static SafetyProperty NoWalkerOnDetachedTable { get; } = new(
        "no-walker-on-a-detached-table", "While a page table is taken out or freed, nobody else is in it.",
            "J. Horn, 2022-11: tlb_remove_table_sync_one");

    /// <summary>No migration entry outlives its migration.</summary>
    public static SafetyProperty NoStaleMigrationEntry { get; } = new(
        "no-stale-migration-entry", "When a migrated folio is unlocked, no migration entry for it is left.",
            "H. Dickins, 2025-05, on v5 patch 7");

    /// <summary>An rmap walk sees every mapping.</summary>
    public static SafetyProperty RmapFindsEveryMapping { get; } = new(
        "rmap-finds-every-mapping", "Who holds a folio's lock and walks its mappings finds each of them.",
            "mm/khugepaged.c:collapse_huge_page: anon_vma lock, or folio locks at the PMD order");

    /// <summary>An rmap walk sees every mapping that stays.</summary>
    public static SafetyProperty RmapFindsWhatStays { get; } = new(
        "rmap-finds-what-stays", "Who walks a folio's mappings finds each of them, but one that collapse has copied and is about to clear.",
        "mm/khugepaged.c:__collapse_huge_page_copy_succeeded puts a small page back, unlocked, before it clears its PTE");

    /// <summary>What was given up does not come back.</summary>
    public static SafetyProperty GivenUpReadsZero { get; } = new(
        "given-up-reads-zero", "A page that was given up, by MADV_DONTNEED or with its VMA, and not written since, reads zero.",
            "madvise(2), MADV_DONTNEED");

    /// <summary>A freed page table is nobody's.</summary>
    public static SafetyProperty NoFreedTableUsed { get; } = new(
        "no-freed-table-used",
            "No page table that was freed, or never was, is put back, walked, or left in a CPU's paging-structure cache.",
        "366a4532d96f, 2025-08: the PMD entry is looked at behind vma_start_write");

    /// <summary>A freed page is nobody's.</summary>
    public static SafetyProperty NoFreedPageUsed { get; } = new(
        "no-freed-page-used", "No CPU stores to a page that was freed.", "mm/mmu_gather.c: pages are freed behind the flush");

    /// <summary>A huge page is not taken for a table.</summary>
    public static SafetyProperty NoHugePageTakenForTable { get; } = new(
        "no-huge-page-taken-for-a-table", "The PMD entry that collapse empties maps no huge page.",
            "include/asm-generic: pmdp_collapse_flush: VM_BUG_ON(pmd_trans_huge(*pmdp))");

    /// <summary>Spin locks are for those who stay awake.</summary>
    public static SafetyProperty NobodySleepsAtomic { get; } = new(
        "nobody-sleeps-under-a-spin-lock", "Nobody sleeps under a pmd or pte lock, with a mapped PTE or with interrupts off.",
            "linux-mm, 2019-11-07: sleeping with a mapped PTE");

    /// <summary>There is an anon_vma to lock.</summary>
    public static SafetyProperty NoNullAnonVma { get; } = new(
        "no-null-anon-vma-locked", "The VMA whose anon_vma is locked has one.",
            "mm/khugepaged.c:hugepage_vma_revalidate, expect_anon; a NULL anon_vma by race, 2020");

    /// <summary>The walk goes on without locks.</summary>
    public static SafetyProperty LocksDroppedOnReturn { get; } = new(
        "locks-dropped-on-return", "collapse_huge_page returns with no lock held, whatever became of it.",
            "on v5 patch 7 and v18 patch 11: who drops the mmap lock, and when");

    /// <summary>Another VMA in the range notices nothing.</summary>
    public static SafetyProperty NobodyOutsideAffected { get; } = new(
        "nobody-outside-the-vma-affected", "A fault in another VMA of the same PMD range never finds the PMD entry gone.",
            "J. Horn, 2025-04-30, on v5 patch 7");

    /// <summary>The PMD entry is nobody else's while it is empty.</summary>
    public static SafetyProperty PmdEntryComesBack { get; } = new(
        "pmd-entry-comes-back", "The PMD entry that collapse emptied is still empty when it is filled again, and it is filled again.",
            "mm/khugepaged.c:collapse_huge_page");

    /// <summary>Entries can be reached when the architecture is told of them.</summary>
    public static SafetyProperty EntriesReachable { get; } = new(
        "entries-reachable-when-announced", "update_mmu_cache_range finds the entries it is told of from the PMD entry down.",
            "D. Hildenbrand, L. Yang, 2026-05-31, on v18 patch 6");

    /// <summary>TLBs hold what the tables say.</summary>
    public static SafetyProperty TlbsAgree { get; } = new(
        "tlbs-agree", "When nobody is under way, every TLB entry and secondary mapping is what the page table says.",
            "mm/khugepaged.c:collapse_huge_page: pmdp_collapse_flush, the notifier");

    /// <summary>References and mappings add up.</summary>
    public static SafetyProperty CountsBalance { get; } = new(
        "counts-balance",
            "When nobody is under way, references, mappings, locks, and LRU places of every page are what its users account for.",
            "mm/khugepaged.c:release_pte_pages");

    /// <summary>userfaultfd's holes stay holes.</summary>
    public static SafetyProperty UffdKeepsHoles { get; } = new(
        "uffd-range-keeps-its-holes", "Collapse puts no page where a registered userfaultfd waits for a fault.",
            "N. Pache, W. Yang, 2026-05, on v18 patch 11");

    /// <summary>What must not be collapsed at a lower order is not.</summary>
    public static SafetyProperty NothingSharedOrAbsent { get; } = new(
        "nothing-shared-or-absent", "Every page that a collapse replaces is isolated by it, present, not write-protected by userfaultfd, and below the PMD order nobody else's.",
        "v5 patch 7 and since");

    /// <summary>Nothing is collapsed that was not checked.</summary>
    public static SafetyProperty EligibleWhenInstalled { get; } = new(
        "eligible-when-installed", "Where a folio is installed there is a VMA, and it spans the whole range.",
            "mm/khugepaged.c:hugepage_vma_revalidate");

    /// <summary>What may only be read is not writable.</summary>
    public static SafetyProperty ReadOnlyStaysSo { get; } = new(
        "read-only-stays-so", "In a VMA that may only be read no entry can be written.",
            "mm/huge_memory.c:map_anon_folio_pmd_nopf, mm/memory.c:map_anon_folio_pte_nopf: maybe_mkwrite");

    /// <summary>Nobody else changes the PMD entry.</summary>
    public static SafetyProperty NobodyElseAtPmdEntry { get; } = new(
        "nobody-else-at-the-pmd-entry", "While collapse empties the PMD entry nobody else works on it under the pmd lock.",
            "mm/khugepaged.c:collapse_huge_page: pmd_lock, \"probably unnecessary\"");

    /// <summary>What collapse asserts is so.</summary>
    public static SafetyProperty NoAssertionFails { get; } = new(
        "no-assertion-fails", "What isolation takes for granted of a page is so.",
            "linux-mm, 2018-02-22: a large folio that came and was split behind the scan");

    /// <summary>Somebody can always go on.</summary>
    public static SafetyProperty NoDeadlock { get; } = new("no-deadlock", "While anybody is under way, somebody can go on.", "lockdep");

    /// <summary>All of them.</summary>
    public static ImmutableArray<SafetyProperty> All { get; } =
    [
        NoWriteLost, NoPinOnUnmappedPage, NoFreedVmaUsed, NoWalkerOnDetachedTable, NoStaleMigrationEntry, RmapFindsEveryMapping,
            NobodyOutsideAffected,
        PmdEntryComesBack, EntriesReachable, TlbsAgree, CountsBalance, UffdKeepsHoles, NothingSharedOrAbsent, EligibleWhenInstalled,
            NoDeadlock,
        RmapFindsWhatStays, GivenUpReadsZero, NoFreedTableUsed, NoHugePageTakenForTable, NobodySleepsAtomic, NoNullAnonVma,
            LocksDroppedOnReturn,
        NoFreedPageUsed, ReadOnlyStaysSo, NoAssertionFails, NobodyElseAtPmdEntry,
    ];
}
