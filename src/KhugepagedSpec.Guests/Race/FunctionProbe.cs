using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Race;

/// <summary>A probe on a function's entry or return.</summary>
/// <param name="Name">The probe's name; of a return's, with <c>_r</c> appended.</param>
/// <param name="Functions">The function, the newest of its names first.</param>
/// <param name="Entry">What is read at its entry; null for no probe there.</param>
/// <param name="Return">What is read at its return; null for no probe there.</param>
internal sealed record FunctionProbe(string Name, ImmutableArray<string> Functions, string? Entry, string? Return = null)
{
    /// <summary>All that a recording has. Names and values are those of the first trace that was recorded so.</summary>
    public static ImmutableArray<FunctionProbe> All { get; } =
    [
        Of("chp", "collapse_huge_page", "mm=%di:x64 addr=%si:x64 order=%r9:s32", "result=$retval:s32"),
        Of("reval", "hugepage_vma_revalidate", "addr=%si:x64", "result=$retval:s32"),
        Of("vsw", "__vma_start_write", "vma=%di:x64 start=vma->vm_start:x64 refcnt=vma->vm_refcnt.refs.counter:x32", ""),
        Of("pcf", "pmdp_collapse_flush", "addr=%si:x64 pmd=%dx:x64 pmdval=+0(%dx):x64", "old=$retval:x64"),
        Of("sync", "tlb_remove_table_sync_one", "", ""),
        Of("rel", "release_pte_pages", ""),
        Of("mappte", "map_anon_folio_pte_nopf", "folio=%di:x64 ptep=%si:x64 addr=%cx:x64 ptev=+0(%si):x64"),
        Of("mappmd", "map_anon_folio_pmd_nopf", "folio=%di:x64 pmdp=%si:x64 addr=%cx:x64"),
        Of("lvma", "lock_vma_under_rcu", null, "addr=$arg2:x64 vma=$retval:x64"),
        Of("hmf", "handle_mm_fault", "addr=%si:x64 flags=%dx:x32", "ret=$retval:x32"),
        Of("dap", "do_anonymous_page", "addr=vmf->address:x64 flags=vmf->flags:x32 pmdv=+0(vmf->pmd):x64"),
        Of("dwp", "do_wp_page", "addr=vmf->address:x64 flags=vmf->flags:x32 pte=vmf->orig_pte.pte:x64"),
        Of("dsp", "do_swap_page", "addr=vmf->address:x64 flags=vmf->flags:x32 pte=vmf->orig_pte.pte:x64"),
        Of("poml", "pte_offset_map_lock", null, "addr=$arg3:x64 ptep=$retval:x64 pte=+0($retval):x64"),
        new("zap", ["zap_vma_range_batched", "zap_page_range_single_batched"], "addr=%dx:x64 size=%cx:x64", ""),
        Of("ptefree", "___pte_free_tlb", "page=%si:x64"),
        Of("rmrm", "folio_remove_rmap_ptes",
            "folio=%di:x64 nr=%dx:s32 idx=folio->index:x64 map=+0x30(%di):s32 ref=+0x34(%di):s32"),
        Of("newrm", "folio_add_new_anon_rmap", "folio=%di:x64 addr=%dx:x64"),
        Of("addrm", "folio_add_anon_rmap_ptes", "folio=%di:x64 nr=%dx:s32 idx=folio->index:x64"),
        Of("ttu1", "try_to_unmap_one", "folio=%di:x64 addr=%dx:x64", "ret=$retval:u8"),
        Of("ttm1", "try_to_migrate_one", "folio=%di:x64 addr=%dx:x64"),
        Of("rmp", "remove_migration_pte", "folio=%di:x64 addr=%dx:x64"),
        Of("gup", "gup_fast_fallback", "start=%di:x64 nr=%si:x64 flags=%dx:x32", "ret=$retval:s32"),
        Of("grab", "try_grab_folio_fast", "page=%di:x64 flags=%dx:x32", "folio=$retval:x64 ref=+0x34($retval):s32"),
        Of("cpr", "copy_page_range", "dst=%di:x64 src=%si:x64", "ret=$retval:s32"),
        Of("tlbf", "flush_tlb_mm_range", "mm=%di:x64 start=%si:x64 end=%dx:x64"),
        Of("isol", "folio_isolate_lru", "folio=%di:x64 ref=+0x34(%di):s32"),
        Of("putb", "folio_putback_lru", "folio=%di:x64"),
        Of("pmdinst", "pmd_install", "pmd=%si:x64 was=+0(%si):x64"),
        Of("csp", "collapse_single_pmd", "addr=%di:x64", "ret=$retval:s32"),
        Of("lad", "lru_add_drain_cpu", ""),
    ];

    /// <summary>The lines for kprobe_events, each with the name it makes; none if the kernel has no such function.</summary>
    public IEnumerable<(string Name, string? Line)> Probes(KernelText kernel)
    {
        string? symbol = Functions.Select(kernel.SymbolOf).FirstOrDefault(found => found is not null);
        if (Entry is not null)
            yield return (Name, symbol is null ? null : $"p:k/{Name} {symbol} {Entry}".TrimEnd());
        if (Return is not null)
            yield return ($"{Name}_r", symbol is null ? null : $"r:k/{Name}_r {symbol} {Return}".TrimEnd());
    }

    private static FunctionProbe Of(string name, string function, string? entry, string? returned = null) =>
        new(name, [function], entry, returned);
}
