using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What a step is to who looks at a kernel from outside: the steps that a recorded race shows, by name.</summary>
internal enum Mark
{
    /// <summary>No probe shows it: it may happen at any time.</summary>
    Hidden,

    // Of the collapser.
    MmapRead, Reval, MmapReadUnlock, MmapWrite, VmaKeep, VmaWait, PmdCheck, AnonLock, PmdClear, PmdFlush, Sync, TableLock, Isolate, Take,
    Copy, Source, PmdFill, PmdMap, PtesSet, MmapWriteUnlock, Over,

    // Of who races; those that cannot be, NotSeen.
    LockVma, LockMmap, Fill, Map, Clear, Out, Flush, Unlock, Grab, Unmap, Remap, RmapLock, Move, NotSeen,

    // Where an attempt, or an operation, begins: nothing happens there.
    Asks, Picks,
}

/// <summary>What a step is, and of which entry or window.</summary>
/// <param name="Mark">What it is.</param>
/// <param name="Entry">The entry, or the first of the window; <see cref="All"/> for none in particular.</param>
/// <param name="Order">The window's order.</param>
internal sealed record Means(Mark Mark, int Entry = Means.All, int Order = 0) : Meaning
{
    /// <summary>Every entry.</summary>
    public const int All = -1;

    /// <summary>What a step is; of those that must say so nobody is silent, see <see cref="MeaningExtensions.MustMean"/>.</summary>
    public static Mark Of(Step step) => step.Meaning is Means means ? means.Mark : Mark.Hidden;

    /// <summary>Where a step of that meaning leads; null if there is none.</summary>
    public static int? Behind(GuardedProgram program, Mark mark, int entry) => Last(program, mark, entry, null)?.To;

    /// <summary>The first way from a location that is this.</summary>
    public static Step At(GuardedProgram program, int location, Mark mark) => program.Steps[location].First(step => Of(step) == mark);

    /// <summary>The last step of that meaning; null if there is none.</summary>
    public static Step? Last(GuardedProgram program, Mark mark, int entry, int? order) => program.Steps.SelectMany(steps => steps)
        .LastOrDefault(step => step.Meaning is Means means && means.Mark == mark && means.Entry == entry
            && (order ?? means.Order) == means.Order);
}

/// <summary>Steps say what they are where they are written.</summary>
internal static class MeaningExtensions
{
    /// <summary>Functions of which a recorded race shows something: each step of theirs says what it is, or its program is not
    /// built.</summary>
    public static readonly IReadOnlySet<string> MustMean = new HashSet<string>(StringComparer.Ordinal)
    {
        "mmap_read_lock", "mmap_read_unlock", "mmap_write_lock", "mmap_write_unlock", "vma_start_write", "vma_end_read",
        "lock_vma_under_rcu", "check_pmd_still_valid", "anon_vma_lock_write", "pmdp_collapse_flush", "tlb_remove_table_sync_one",
        "pte_offset_map_lock", "__collapse_huge_page_isolate", "folio_isolate_lru", "__collapse_huge_page_copy", "release_pte_folio",
        "__collapse_huge_page_copy_succeeded", "__collapse_huge_page_copy_failed", "pmd_populate", "map_anon_folio_pte_nopf",
        "map_anon_folio_pmd_nopf", "__pte_alloc", "do_anonymous_page", "do_swap_page", "do_wp_page", "zap_pte_range",
        "zap_pte_table_if_empty", "tlb_finish_mmu", "try_grab_folio_fast",
    };

    /// <summary>The next step is this.</summary>
    public static ProgramBuilder As(this ProgramBuilder b, Mark mark, int entry = Means.All, int order = 0) =>
        b.As(new Means(mark, entry, order));
}
