using System.Collections.Immutable;

namespace KhugepagedSpec.Invariants;

/// <summary>The whole contract: every invariant, the users' five first.</summary>
public static class Contract
{
    /// <summary>What <see cref="Invariant.NotFor"/> calls the recorded kernels: they cannot be run again.</summary>
    public const string RecordedKernels = "the recorded kernels";

    // They have one window, and no walk over others.
    private static readonly ImmutableArray<string> PmdOnly =
        ["linux-6.12.107", "linux-6.12", "linux-6.17", "linux-6.18", "linux-7.0", "linux-7.1"];

    private static readonly ImmutableArray<string> Postings = ["v5", "v12", "v17", "v18", "v18-fixup", "v19"];

    private static readonly ImmutableArray<string> Since72 =
        ["linux-7.2", "linux-7.2-nonswap-scan-only", "linux-7.2-nonswap", "linux-7.3-rc", "linux-7.3"];

    private const string FromStack = "not the buddy tree of 7.2: ";

    /// <summary>All of them.</summary>
    public static ImmutableArray<Invariant> Invariants { get; } =
    [
        new("no-none-creep",
            "Over any number of passes no more empty PTEs are filled than max_ptes_none promises.",
            "L. Stoakes, 2025-08-21 on v10, 2025-10-27 on v12",
            LimitInvariants.NoCreep)
        {
            Exceptions =
            [
                new("v5", "limits scaled to the order compound from pass to pass, and sizes set to always skip the test"),
                new("v12", "limits scaled to the order compound from pass to pass, up to the cap"),
            ],
        },
        new("no-mthp-over-swap-or-shared",
            "No window below the PMD order is collapsed over a swap or shared PTE.",
            "v5 patch 7, thread of 2025-04-30 to 05-02",
            Invariant.EachCollapsed(LimitInvariants.NoSwapOrSharedBelowPmd)),
        new("aligned-disjoint-enabled",
            "Collapsed windows are aligned to their size, disjoint, ascending, inside the table and of an enabled order.",
            "L. Stoakes, 2026-06-04, on v18 patch 11",
            Invariant.EachRun(WalkInvariants.AlignedDisjointEnabled))
        {
            Exceptions = [new("rounds", "what a round refused is tried behind what it did not")],
        },
        new("walks-agree",
            "The stack walk and the offset walk make the same attempts with the same results.",
            "L. Stoakes, 2026-06-04, on v18 patch 11; N. Pache, v19 patch 11",
            WalkInvariants.WalksAgree)
        { NotFor = [.. PmdOnly, RecordedKernels] },
        new("uffd-keeps-holes",
            "A uffd-armed VMA never loses an empty PTE.",
            "W. Yang and N. Pache, 2026-05, on v18 patch 11",
            Invariant.EachRun(PageInvariants.UffdKeepsHoles)),

        new("contents-preserved",
            "Every page reads as before, and as zeroes where nothing was.",
            "mm/khugepaged.c:__collapse_huge_page_copy",
            Invariant.EachRun(PageInvariants.ContentsPreserved)),
        new("neighbours-preserved",
            "PTEs outside the collapsed windows stay as they were, but for what was swapped in.",
            "H. Dickins on v5 patch 7: the rest of the table belongs to others",
            Invariant.EachRun(PageInvariants.NeighboursPreserved)),
        new("failure-changes-nothing",
            "A pass that collapses nothing and swaps nothing in changes nothing.",
            "mm/khugepaged.c:collapse_huge_page, the failure path",
            Invariant.EachRun(PageInvariants.FailureChangesNothing)),
        new("odd-ptes-stay",
            "Pinned, locked, off-LRU, uffd-wp, special and protected lazyfree pages, markers and poisoned entries are never replaced.",
            "mm/khugepaged.c:__collapse_huge_page_isolate; L. Yang, 2025-10-07",
            Invariant.EachCollapsed(PageInvariants.OddPtesStay))
        { Exceptions = [.. Known("knows no rule for lazyfree pages", "linux-6.12.107", "linux-6.12", "linux-6.17", "linux-6.18",
            "linux-7.0")] },
        new("no-demotion",
            "No window below the PMD order replaces a page of a folio of its order or larger.",
            "mm/khugepaged.c:__collapse_huge_page_isolate, SCAN_PTE_MAPPED_HUGEPAGE",
            Invariant.EachCollapsed(PageInvariants.NoDemotion)),
        new("one-whole-folio",
            "A collapsed window is afterwards one whole, new, private, young folio of its order, in order.",
            "mm/khugepaged.c:collapse_huge_page, the installation",
            Invariant.EachCollapsed(PageInvariants.OneWholeFolio)),
        new("referenced",
            "khugepaged collapses no window of which nothing was referenced.",
            "mm/khugepaged.c:__collapse_huge_page_isolate",
            Invariant.EachCollapsed(PageInvariants.Referenced)),
        new("pmd-limits",
            "khugepaged collapses at the PMD order only within max_ptes_none, max_ptes_swap and max_ptes_shared.",
            "Documentation/admin-guide/mm/transhuge.rst",
            Invariant.EachCollapsed(LimitInvariants.PmdLimits)),
        new("holes-below-pmd",
            "Below the PMD order empty PTEs are filled only if max_ptes_none is at its maximum.",
            "v13 changelog: 0 and 511 only",
            Invariant.EachCollapsed(LimitInvariants.HolesBelowPmd))
        {
            Exceptions =
            [
                new("v5", "the limit is scaled to the order"),
                new("v12", "the limit is scaled to the order"),
            ],
        },

        new("buddy-tree",
            "The attempts are the enabled and sufficiently occupied windows of the buddy tree, left first, pruned by success and by a mapped huge page, ended by a stop.",
            "mm/khugepaged.c:mthp_collapse; v19 patches 11 and 12",
            Invariant.EachRun(WalkInvariants.BuddyTree))
        {
            Exceptions =
            [
                new("v5", FromStack + "a bitmap of chunks, and every failure descends"),
                new("v12", FromStack + "limits are scaled, and every failure descends"),
                new("v17", FromStack + "swap entries are not counted at the PMD order, other limits end the walk"),
                new("v18", FromStack + "swap entries are not counted at the PMD order, userfaultfd is asked"),
                new("v18-fixup", FromStack + "swap entries are not counted at the PMD order"),
                new("v19", FromStack + "swap entries are not counted at the PMD order (L. Yang, 2026-06-06)"),
                new("rounds", "a window of an odd PTE is left out, and the rest of the range is not"),
            ],
            NotFor = PmdOnly,
        },
        new("each-window-once",
            "No window is tried twice in one pass.",
            "termination: offsets ascend, orders descend",
            Invariant.EachRun(WalkInvariants.EachWindowOnce))
        {
            Exceptions = [new("rounds", "an allocation that failed is tried once more, with reclaim")],
        },
        new("result-by-priority",
            "A visit reports success if anything collapsed, else a failed allocation if there was one, else the last result that was not pruned.",
            "L. Yang on v18; N. Pache, v19 patch 11",
            Invariant.EachRun(WalkInvariants.ResultByPriority))
        {
            Exceptions =
            [
                new("v5", "whatever failed, SCAN_FAIL is reported"),
                new("v12", "whatever failed, SCAN_FAIL is reported"),
                new("v17", "whatever failed, SCAN_FAIL is reported: khugepaged never sleeps"),
                new("v18", "whatever failed, SCAN_FAIL is reported: khugepaged never sleeps"),
                new("v18-fixup", "whatever failed, SCAN_FAIL is reported: khugepaged never sleeps"),
                new("rounds", "an allocation that failed is reported if it was of the smallest order, else why the PMD's order went"),
            ],
        },
        new("statistics-add-up",
            "Every counter grew by what the attempts and the scan account for.",
            "Documentation/admin-guide/mm/transhuge.rst, hugepages-*/stats",
            Invariant.EachRun(CounterInvariants.AddUp))
        {
            Exceptions = [new("rounds", "too many empty PTEs are counted at the scan, which goes on and collapses smaller windows")],
        },

        new("no-lock-left",
            "The mmap lock is free when a visit of a PMD range ends, whatever came of its attempts.",
            "H. Dickins, 2025-05, on v5 patch 5: the bail-out at a swap entry forgets to unlock",
            Invariant.EachRun(CounterInvariants.NoLockLeft))
        {
            Exceptions = [new("v5", "the bail-out at a swap entry keeps the lock")],
            NotFor = [RecordedKernels],
        },

        new("settles",
            "On plain pages, under the limit 0 or the maximum, the second pass changes nothing.",
            "follows from 0 and the maximum being the only values: a fixed point",
            FixedPointInvariants.Settles)
        {
            Exceptions =
            [
                new("v5", "an attempt that no test prevents fails and poisons the lower orders, differently in each pass"),
                new("v12", "the cap holds at the maximum too, so what one pass filled the next promotes"),
            ],
        },
        new("maximal",
            "On plain pages one pass leaves no enabled window uncollapsed that is full (limit 0), or that has a page (maximum).",
            "follows from the limits 0 and maximum and the walk",
            FixedPointInvariants.Maximal)
        {
            Exceptions =
            [
                new("v5", "the bitmap is off by one chunk (H. Dickins, 2025-05)"),
                new("v12", "the cap holds at the maximum too: a window less than half full is left"),
            ],
        },
        new("no-second-attempt",
            "A window below the PMD order that is one folio already is not tried again.",
            "kernel probe: collapse_alloc grows on every scan",
            Invariant.EachRun(FixedPointInvariants.NoSecondAttempt))
        {
            Exceptions = [.. Known("each scan allocates again for what is already collapsed", [.. Postings, .. Since72, "rounds"])],
        },
        new("nothing-left-behind",
            "After a scan that succeeds no enabled window of plain pages is left uncollapsed.",
            "kernel probe: one leftover page keeps 255 small pages; a failed isolate poisons the lower orders",
            Invariant.EachRun(FixedPointInvariants.NothingLeftBehind))
        {
            Exceptions = [.. Known("a larger folio mapped in part, or the LRU batch, keeps plain windows from collapsing",
                [.. Postings, .. Since72]),
                new("rounds", "a larger folio mapped in part keeps plain windows from collapsing")],
        },
    ];

    /// <summary>The invariant called <paramref name="name"/>; null if there is none.</summary>
    public static Invariant? Find(string name) => Invariants.FirstOrDefault(invariant => invariant.Name == name);

    private static IEnumerable<KnownException> Known(string why, params string[] versions) =>
        versions.Select(version => new KnownException(version, why));
}
