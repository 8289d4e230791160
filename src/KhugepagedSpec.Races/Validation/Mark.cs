using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>Steps that a trace shows. Every other step is hidden, and may be taken at any time.</summary>
internal enum Mark
{
    /// <summary>Not shown.</summary>
    Hidden,

    // Of the collapser.
    MmapRead, Reval, MmapReadUnlock, MmapWrite, VmaKeep, VmaWait, PmdCheck, AnonLock, PmdClear, PmdFlush, Sync, TableLock, Isolate, Take,
    Copy, Source, PmdFill, PtesSet, MmapWriteUnlock, Over,

    // Of who races; those that cannot be, NotSeen.
    LockVma = 1 + Over, LockMmap, Fill, Map, Clear, Out, Flush, Unlock, NotSeen,
}

/// <summary>Which step of the model is which of the trace.</summary>
internal static class Marks
{
    /// <summary>Marks of one racing task.</summary>
    public const int PerTask = Mark.NotSeen - Mark.LockVma + 1;

    private static readonly Dictionary<Mark, string[]> Probes = new()
    {
        [Mark.MmapRead] = ["mmap_lock_acquire_returned"],
        [Mark.MmapWrite] = ["mmap_lock_acquire_returned"],
        [Mark.MmapReadUnlock] = ["mmap_lock_released"],
        [Mark.MmapWriteUnlock] = ["mmap_lock_released"],
        [Mark.Reval] = ["reval", "reval_r"],
        [Mark.VmaKeep] = ["vsw", "vsw_r"],
        [Mark.VmaWait] = ["vsw", "vsw_r"],
        [Mark.PmdCheck] = ["pmdchk"],
        [Mark.AnonLock] = ["anonw", "anonw_r"],
        [Mark.PmdClear] = ["pcf", "pcf_r"],
        [Mark.PmdFlush] = ["pcf", "pcf_r"],
        [Mark.Sync] = ["sync", "sync_r"],
        [Mark.TableLock] = ["isoptl"],
        [Mark.Isolate] = ["iso"],
        [Mark.Take] = ["isol"],
        [Mark.Copy] = ["copy"],
        [Mark.Source] = ["relsrc"],
        [Mark.PmdFill] = ["pmdpop", "pmdback"],
        [Mark.PtesSet] = ["mappte"],
        [Mark.Fill] = ["pmdinst"],
        [Mark.Map] = ["poml_r", "newrm"],
        [Mark.Clear] = ["zap", "zap_r", "ptefree"],
        [Mark.Out] = ["zap", "zap_r", "ptefree"],
        [Mark.Flush] = ["zap", "zap_r"],
    };

    /// <summary>Those that a trace with these probes shows.</summary>
    public static HashSet<Mark> ShownBy(IReadOnlySet<string> probes) =>
        [.. Enum.GetValues<Mark>().Where(mark => mark != Mark.Hidden && (!Probes.TryGetValue(mark, out string[]? needed)
            || needed.All(probes.Contains)))];

    /// <summary>Of a step of the collapser.</summary>
    public static Mark OfCollapser(Step step) => (step.Function, step.Says) switch
    {
        ("mmap_read_lock", _) => Mark.MmapRead,
        ("hugepage_vma_revalidate", _) => Mark.Reval,
        ("mmap_read_unlock", _) => Mark.MmapReadUnlock,
        ("mmap_write_lock", _) => Mark.MmapWrite,
        ("vma_start_write", var says) => Begins(says, "waits") ? Mark.VmaWait : Mark.VmaKeep,
        ("check_pmd_still_valid", _) => Mark.PmdCheck,
        ("anon_vma_lock_write", _) => Mark.AnonLock,
        ("pmdp_collapse_flush", var says) => Begins(says, "empties") ? Mark.PmdClear : Mark.PmdFlush,
        ("tlb_remove_table_sync_one", _) => Mark.Sync,
        ("pte_offset_map_lock", _) => Mark.TableLock,
        ("__collapse_huge_page_isolate", var says) =>
            Begins(says, "looks at entry") || Begins(says, "finds entry") ? Mark.Isolate : Mark.Hidden,
        ("folio_isolate_lru", _) => Mark.Take,
        ("__collapse_huge_page_copy", _) => Mark.Copy,
        ("release_pte_folio" or "__collapse_huge_page_copy_succeeded", _) => Mark.Source,
        ("pmd_populate" or "__collapse_huge_page_copy_failed", _) => Mark.PmdFill,
        ("map_anon_folio_pte_nopf", _) => Mark.PtesSet,
        ("mmap_write_unlock", _) => Mark.MmapWriteUnlock,
        (_, var says) => Begins(says, "has tried") ? Mark.Over : Mark.Hidden,
    };

    /// <summary>Of a step of a racing task: what changes nothing of a table is hidden.</summary>
    public static Mark OfTask(Step step)
    {
        bool changes = !step.Effects.IsEmpty;
        return step.Function switch
        {
            "lock_vma_under_rcu" => changes ? Mark.LockVma : Mark.Hidden,
            "mmap_read_lock" => Mark.LockMmap,
            "__pte_alloc" => !changes ? Mark.Hidden : Begins(step.Says, "maps a huge") ? Mark.NotSeen : Mark.Fill,
            "do_anonymous_page" => changes ? Mark.Map : Mark.Hidden,
            "do_swap_page" or "do_wp_page" or "do_huge_pmd_wp_page" => changes ? Mark.NotSeen : Mark.Hidden,
            "zap_pte_range" => !changes ? Mark.Hidden : step.Says.EndsWith("takes the table out", StringComparison.Ordinal) ? Mark.Out
                : Mark.Clear,
            "zap_pte_table_if_empty" => changes ? Mark.Out : Mark.Hidden,
            "tlb_finish_mmu" => Mark.Flush,
            "vma_end_read" or "mmap_read_unlock" => Mark.Unlock,
            _ => Mark.Hidden,
        };
    }

    private static bool Begins(string says, string with) => says.StartsWith(with, StringComparison.Ordinal);
}
