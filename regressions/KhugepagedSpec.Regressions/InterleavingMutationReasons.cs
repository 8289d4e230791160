namespace KhugepagedSpec.Regressions;

public sealed partial class InterleavingMutationTests
{
    private const string Free = "the order is free: neither step shows the other anything";

    private const string Large = "no single actor brings a large folio into the table, and below the PMD order it is refused";

    private static readonly (string Pattern, string Why)[] KhugepagedReasons =
    [
        ("^scan: ", "the scan only proposes; an attempt looks at everything again, under its locks"),
        ("without mthp_collapse: ", "which windows are tried is a matter of use; an attempt refuses by itself"),
        ("find_pmd_or_thp_or_none", "check_pmd_still_valid looks again, behind the VMA's lock"),
        ("asks whether anything was swapped out", "where nothing is absent swap-in does nothing"),
        ("__collapse_huge_page_swapin|do_swap_page", "what is absent still is refused at isolation"),
        ("lru_add_drain", "a page that waits in the batch has a reference too many, and is refused"),
        ("mmu_notifier_invalidate_range_start.* before anon_vma_lock_write", Free),
        ("pmdp_collapse_flush: empties.* before mmu_notifier_invalidate_range_start",
            "secondary MMUs are stopped before anything is copied, this way too"),
        ("mmu_notifier_invalidate_range_end.* before pmdp_collapse_flush", "who looks a page up anew finds the PMD entry empty"),
        ("tlb_remove_table_sync_one.* before mmu_notifier_invalidate_range_end", Free),
        (
            "counts the references.* before .*looks at entry",
            "no pin can come any more; a reference that reclaim or migration takes meanwhile is let go of when it finds the page locked"),
        ("what was no table", "not reached: nobody takes the table away behind check_pmd_still_valid"),
        ("release_pte_pages: puts entry.* before __collapse_huge_page_copy_failed", "below the PMD order the anon_vma lock is held still"),
        ("release_pte_pages: puts entry.* before release_pte_pages: puts entry", Free),
        ("puts large folios back", Large),
        ("pmd_populate: puts the table back before collapse_huge_page: drops the pte lock", "every page is back already"),
        ("copies entry before __collapse_huge_page_copy: copies entry", Free),
        ("release_pte_folio.* before __collapse_huge_page_copy: copies", "the page that is let go was copied long before the last"),
        ("release_pte_folio.* before __collapse_huge_page_copy_succeeded: clears", "pages are let go one by one, in any order"),
        ("folio_add_lru", "a page may wait in the batch; what waits is not isolated"),
        ("takes the pte lock before collapse_huge_page: takes the pmd lock",
            "who has a pte lock only tries for the pmd lock (zap_empty_pte_table): no circle"),
        ("pmd_populate: puts the table back before collapse_huge_page: takes the pte lock",
            "the VMA's and the anon_vma lock keep everybody off the table still"),
        ("map_anon_folio_pte_nopf.* before pmd_populate", "the entries are announced behind both"),
        ("update_mmu_cache_range", "announcing changes nothing; the PMD entry is filled before and behind"),
        ("drops the pmd lock before collapse_huge_page: drops the pte lock", Free),
    ];

    // Left out, a step goes the way that leads on: to the nearest place behind it.
    private static readonly (string Pattern, string Why)[] ActorReasons =
    [
        (" before ", "nobody tells them apart: not a writing CPU, a fault, MADV_DONTNEED, reclaim, GUP-fast, munmap or migration beside"),
        ("user space: (picks|touches)|sysfs: |user space: the child exits", "any choice will do"),
        (
            "(handle_pte_fault|zap_pmd_range|mfill_atomic|change_pmd_range|madvise_free_pte_range|move_pages|page_vma_mapped_walk): (looks at|looks whether the PMD|reads)",
            "a look under no lock: the step behind it looks again under one"),
        ("find_vma", "taken for found, the VMA is one whose table is empty, or there is none to be looked into"),
        (
            "__pte_alloc|do_huge_pmd_wp_page|do_anonymous_page|do_swap_page|do_wp_page|mfill_atomic_install_pte|CPU: |device: |guest: |zap_pte_range|zap_huge_pmd|zap_pte_table_if_empty|__split_huge_pmd",
            "the actor does less: nothing is mapped, written or given up"),
        (
            "commit_merge|mprotect_fixup|freezes its references|__split_vma|copy_page_range|set_pmd_migration_entry|change_pte_range|makes entry lazily|replace_page|write_protect_page|move_present_ptes|move_normal_pmd|move_ptes|do_vmi_munmap|copy_vma|mlock_fixup|userfaultfd_(un)?register|walk_pte_range|lru_add_drain_all",
            "the actor does less: the range stays as it was"),
        ("vma_start_write: waits", "the readers it waits for find the table gone and go away, as each looks again under the pte lock"),
        ("folio_expected_ref_count", "the freeze behind it compares the count again"),
        ("gup_fast_pte_range: reads|try_grab_folio_fast|unpin_user_page|put_page|kvm_faultin_pfn|kvm_mmu_map",
            "without a page in hand the rest does nothing"),
        ("get_hwpoison_page", "the reference is a poisoned page's, which nobody counts any more"),
        ("__remove_mapping|folio_migrate_mapping|remove_migration_pte: maps the old|migrate_folio_unmap",
            "the page goes back as if somebody else had it, or is copied and mapped anew"),
        ("tlb_finish_mmu: flushes TLBs$",
            "a lazily freeable page may be written through a TLB entry, and then is not clean: this model's reclaim writes every page out"),
        ("unlink_anon_vmas|free_pgd_range|tlb_remove_table|vm_area_free|without (mmput|unmap_vmas|tlb_finish_mmu: flushes TLBs and frees)",
            "what is not freed is used by nobody: neither a writing CPU nor a fault comes to it"),
    ];
}
