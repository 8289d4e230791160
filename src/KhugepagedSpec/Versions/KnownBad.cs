using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Mistakes;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Versions;

/// <summary>
/// The mistakes that the threads name, and some that any reviewer would: each Linux 7.2 with one thing wrong. A checker that does
/// not find them is no checker.
/// </summary>
public static class KnownBad
{
    private static readonly CandidateRule Candidate = CandidateRule.Linux72;
    private static readonly RetryTable Retry = RetryTable.Linux72;

    /// <summary>All of them.</summary>
    public static ImmutableArray<KhugepagedVersion> Variants { get; } =
    [
        // The walk.
        Bad("next-order-from-highest-bit", "aligned-disjoint-enabled",
            "L. Stoakes, 2026-06-04, on v18 patch 11, and corrected there") with { Walk = MistakenWalk.ByHighestBit },
        Bad("next-order-from-ffs", "aligned-disjoint-enabled",
            "the correction taken literally: ffs() counts bits from 1") with { Walk = MistakenWalk.ByFfs },
        Bad("order-kept-after-advance", "buddy-tree",
            "mm/khugepaged.c:mthp_collapse recomputes it from the offset") with { Walk = MistakenWalk.KeepingOrder },
        Bad("restart-from-the-top", "aligned-disjoint-enabled",
            "mm/khugepaged.c:mthp_collapse starts at the offset's alignment") with { Walk = MistakenWalk.FromTop },
        Bad("right-half-before-left", "buddy-tree",
            "v17 patch 11 pushes the right half first, so that the left pops first") with { Walk = MistakenWalk.RightFirst },
        Bad("more-than-needed", "buddy-tree",
            "'>' for '>='; v2's chunk test was strict") with { Candidate = Candidate with { IsStrict = true } },
        Bad("disabled-orders-tried", "buddy-tree",
            "B. Wang on v5 patch 6: the PMD tried though disabled") with { Candidate = Candidate with { TestsEnabled = false } },
        Bad("occupancy-ignored", "buddy-tree", "v1 to v10: sizes set to always skipped the test") with { Candidate = CandidateRule.None },
        Bad("swap-counted-at-every-order", "buddy-tree",
            "L. Yang, D. Hildenbrand, 2026-06-06 and 08, on v19") with { Candidate = Candidate with { Swap = SwapCounts.Everywhere } },
        Bad("swap-counted-nowhere", "buddy-tree",
            "L. Yang, 2026-06-06, on v19") with { Candidate = Candidate with { Swap = SwapCounts.Nowhere } },
        Bad("success-descends", "buddy-tree",
            "mm/khugepaged.c:mthp_collapse: success is done with") with { Retry = Retry.Moving(ScanResult.Succeed, WalkVerdict.Lower) },
        Bad("success-advances-by-the-minimum", "buddy-tree",
            "mm/khugepaged.c:mthp_collapse goes on by the window") with { Sabotage = new SuccessAdvancesByTheMinimum() },
        Bad("advance-by-the-mapped-folio", "buddy-tree",
            "mm/khugepaged.c:mthp_collapse goes on by the window") with { Sabotage = new AdvanceByTheMappedFolio() },
        Bad("mapped-hugepage-descends", "buddy-tree",
            "v17 patch 11 without patch 12") with { Retry = Retry.Moving(ScanResult.PteMappedHugepage, WalkVerdict.Lower) },
        Bad("every-failure-descends", "buddy-tree",
            "v17 patch 11 as posted: no result ends the walk, none but success is done with") with { Retry = RetryTable.AllFailuresLower },
        Bad("failure-advances", "buddy-tree",
            "v17 patch 12: which results descend") with { Retry =
            Retry with { Advances = Retry.Advances | Retry.Lowers, Lowers = default } },
        Bad("abort-goes-on", "buddy-tree",
            "v19 patch 12: which results end the walk") with { Retry = RetryTable.AllFailuresLower with { Advances = Retry.Advances } },
        Bad("allocation-failure-aborts", "buddy-tree",
            "v19 patch 11: it descends") with { Retry = Retry.Moving(ScanResult.AllocHugePageFail, WalkVerdict.Stop) },
        Bad("allocation-failure-lost", "result-by-priority",
            "L. Yang on v18: khugepaged never sleeps") with { Visit = VisitResult.CollapsedOrFail },
        Bad("last-attempt-reported", "result-by-priority",
            "v19 patch 11: an earlier success counts") with { Visit = VisitResult.LastAttempt },

        // The limits.
        Bad("limits-scaled", "no-none-creep", "creep: L. Stoakes, 2025-08-21, on v10") with { NoneLimit = NoneLimit.Scaled },
        Bad("limits-capped", "no-none-creep",
            "the silent cap: L. Stoakes, 2025-10-27, on v12") with { NoneLimit = NoneLimit.ScaledAndCapped },
        Bad("limits-unscaled", "holes-below-pmd", "the sysctl as it is at every order") with { NoneLimit = NoneLimit.Unscaled },
        Bad("none-limit-forgotten", "uffd-keeps-holes",
            "isolation forgets max_ptes_none") with { BlindAtIsolation = new() { Limits = Limits.MaxPtesNone } },
        Bad("swap-allowed-below-pmd", "no-mthp-over-swap-or-shared", "v5 patch 7: no swap-in below the PMD order") with
        {
            SwapBelowPmd = BelowPmd.AsAtPmd,
            Candidate = Candidate with { Swap = SwapCounts.Everywhere },
        },
        Bad("shared-allowed-below-pmd", "no-mthp-over-swap-or-shared",
            "v5 patch 7: no shared page below the PMD order") with { SharedBelowPmd = BelowPmd.AsAtPmd },
        Bad("swap-limit-scaled", "no-mthp-over-swap-or-shared",
            "v5 patch 7: would scaled limits creep? They promote, and never past max_ptes_swap") with
        {
            SwapBelowPmd = BelowPmd.Scaled,
            Candidate = Candidate with { Swap = SwapCounts.InWindow },
        },
        Bad("shared-limit-scaled", "no-mthp-over-swap-or-shared",
            "v5 patch 7: would scaled limits creep? They promote, and never past max_ptes_shared") with
        {
            SharedBelowPmd = BelowPmd.Scaled,
        },
        Bad("swap-bail-keeps-lock", "no-lock-left", "H. Dickins, 2025-05, on v5 patch 5") with { SwapBailKeepsLock = true },
        Bad("shared-limit-forgotten", "pmd-limits",
            "scan and isolation forget max_ptes_shared") with { BlindAtScan = new() { Limits = Limits.MaxPtesShared },
            BlindAtIsolation = new() { Limits = Limits.MaxPtesShared } },
        Bad("swap-limit-forgotten", "pmd-limits",
            "the scan forgets max_ptes_swap") with { BlindAtScan = new() { Limits = Limits.MaxPtesSwap } },

        // userfaultfd.
        Bad("uffd-not-rechecked", "uffd-keeps-holes",
            "the fixup of 2026-05-25 relies on isolation") with { BlindAtIsolation = new() { Vma = true } },
        Bad("uffd-checked-in-walk-only", "uffd-keeps-holes", "where to check: W. Yang, N. Pache, 2026-05, on v18") with
        {
            BlindAtIsolation = new() { Vma = true },
            Candidate = Candidate with { SeesVma = true },
        },
        Bad("uffd-wp-forgotten", "odd-ptes-stay",
            "P. Xu, 2023-04-05: check again at isolation") with { BlindAtScan = new() { PteFlags = PteFlags.UffdWp },
            BlindAtIsolation = new() { PteFlags = PteFlags.UffdWp } },

        // The pages.
        Bad("larger-folio-demoted", "no-demotion",
            "isolation skips folios of the order or larger") with { BlindAtIsolation = new() { Limits = Limits.MappedOrder } },
        Bad("pins-forgotten", "odd-ptes-stay", "scan and isolation forget the refcount") with { BlindAtScan = new() { References = true },
            BlindAtIsolation = new() { References = true } },
        Bad("locks-forgotten", "odd-ptes-stay",
            "scan and isolation forget the folio lock") with { BlindAtScan = new() { FolioFlags = FolioFlags.Locked },
            BlindAtIsolation = new() { FolioFlags = FolioFlags.Locked } },
        Bad("lazyfree-forgotten", "odd-ptes-stay",
            "scan and isolation forget lazyfree pages") with { BlindAtScan = new() { FolioFlags = FolioFlags.LazyFree },
            BlindAtIsolation = new() { FolioFlags = FolioFlags.LazyFree } },
        Bad("referenced-forgotten", "referenced",
            "windows that nobody referenced are collapsed") with { BlindAtIsolation = new() { Limits = Limits.Referenced } },

        // Copy, rollback, installation, counters.
        Bad("holes-not-cleared", "contents-preserved",
            "a zero page becomes whatever was in the new page") with { Sabotage = new HolesNotCleared() },
        Bad("copied-from-the-wrong-page", "contents-preserved",
            "an index slip in the copy loop") with { Sabotage = new CopiedFromTheWrongPage() },
        Bad("last-page-not-copied", "contents-preserved", "a bound slip in the copy loop") with { Sabotage = new LastPageNotCopied() },
        Bad("rollback-leaves-one-out", "contents-preserved",
            "a failed attempt loses the first entry") with { Sabotage = new RollbackLeavesOneOut() },
        Bad("rollback-forgets-the-pmd", "contents-preserved",
            "a failed attempt loses the table") with { Sabotage = new RollbackForgetsThePmd() },
        Bad("one-pte-too-few", "one-whole-folio", "a bound slip in the installation") with { Sabotage = new OnePteTooFew() },
        Bad("one-pte-too-many", "neighbours-preserved", "a bound slip in the installation") with { Sabotage = new OnePteTooMany() },
        Bad("mapped-old", "one-whole-folio", "new PTEs without the accessed bit") with { Sabotage = new MappedOld() },
        Bad("allocations-counted-twice", "statistics-add-up",
            "collapse_alloc once per allocation") with { Sabotage = new AllocationsCountedTwice() },
        Bad("pages-collapsed-by-folio", "statistics-add-up",
            "pages_collapsed counts PMD ranges") with { Sabotage = new PagesCollapsedByFolio() },
        Bad("events-at-every-order", "statistics-add-up",
            "mm/vmstat.c: these are for the PMD order") with { Sabotage = new EventsAtEveryOrder() },
        Bad("limits-not-counted", "statistics-add-up",
            "transhuge.rst: each size has its own counters") with { Sabotage = new LimitsNotCounted() },
    ];

    /// <summary>
    /// What looks like a mistake and makes no difference: the walks visit the same windows in the same order. The stack's top
    /// after a window is the right sibling of its lowest left ancestor-or-self, and that begins where the offset walk goes on, at
    /// the order its offset is aligned to; a window of a disabled order is never tried; and no offset inside the range is aligned
    /// to more than half of it, so bounding the order does nothing.
    /// </summary>
    public static ImmutableArray<KhugepagedVersion> Harmless { get; } =
    [
        Same("stack-walk", "v18 patch 11: is it the same? (L. Stoakes, 2026-06-04)") with { Walk = OrderWalk.Stack },
        Same("stack-to-full-depth", "v17 patch 11: halves are pushed though no lower order is enabled") with { Walk = OrderWalk.FullStack },
        Same("order-unbounded", "the order after a window is not bounded by the PMD's") with { Walk = MistakenWalk.Unbounded },
    ];

    private static KhugepagedVersion Bad(string name, string madeFor, string source) => Same(name, source) with { MadeFor = madeFor };

    private static KhugepagedVersion Same(string name, string source) =>
        Catalogue.Linux72 with { Name = name, Source = source, VariantOf = Catalogue.Linux72.Name, Releases = null };
}
