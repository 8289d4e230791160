using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Scan;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Versions;

/// <summary>
/// The mistakes the threads feared, and some that any reviewer would: each Linux 7.2 with one thing wrong. A checker that does
/// not find them is no checker.
/// </summary>
public static class KnownBad
{
    private static readonly ScanRule Scan = ScanRule.Linux72;
    private static readonly IsolationRule Isolation = IsolationRule.Linux72;
    private static readonly CandidateRule Candidate = CandidateRule.Linux72;
    private static readonly RetryTable Retry = RetryTable.Linux72;

    /// <summary>All of them.</summary>
    public static ImmutableArray<KhugepagedVersion> Variants { get; } =
    [
        // The walk.
        Bad("next-order-from-highest-bit", "L. Stoakes, 2026-06-04, on v18 patch 11, and corrected there") with { Walk = OrderWalk.OffsetByHighestBit },
        Bad("order-kept-after-advance", "mm/khugepaged.c:mthp_collapse recomputes it from the offset") with { Walk = OrderWalk.OffsetKeepingOrder },
        Bad("restart-from-the-top", "mm/khugepaged.c:mthp_collapse starts at the offset's alignment") with { Walk = OrderWalk.OffsetFromTop },
        Bad("right-half-before-left", "v17 patch 11 pushes the right half first, so that the left pops first") with { Walk = OrderWalk.StackRightFirst },
        Bad("more-than-needed", "'>' for '>='; v2's chunk test was strict") with { Candidate = Candidate with { IsStrict = true } },
        Bad("disabled-orders-tried", "B. Wang on v5 patch 6: the PMD tried though disabled") with { Candidate = Candidate with { TestsEnabled = false } },
        Bad("occupancy-ignored", "v1 to v10: sizes set to always skipped the test") with { Candidate = CandidateRule.None },
        Bad("swap-counted-at-every-order", "L. Yang, D. Hildenbrand, 2026-06-06 and 08, on v19") with { Candidate = Candidate with { Swap = SwapCounts.Everywhere } },
        Bad("swap-counted-nowhere", "L. Yang, 2026-06-06, on v19") with { Candidate = Candidate with { Swap = SwapCounts.Nowhere } },
        Bad("success-descends", "mm/khugepaged.c:mthp_collapse: success is done with") with { Retry = Retry.Moving(ScanResult.Succeed, WalkVerdict.Lower) },
        Bad("success-advances-by-the-minimum", "mm/khugepaged.c:mthp_collapse goes on by the window") with { Advance = AdvanceRule.ByMinimumAfterSuccess },
        Bad("advance-by-the-mapped-folio", "mm/khugepaged.c:mthp_collapse goes on by the window") with { Advance = AdvanceRule.ByMappedFolio },
        Bad("mapped-hugepage-descends", "v17 patch 11 without patch 12") with { Retry = Retry.Moving(ScanResult.PteMappedHugepage, WalkVerdict.Lower) },
        Bad("failure-advances", "v17 patch 12: which results descend") with { Retry = Retry with { Advances = Retry.Advances | Retry.Lowers, Lowers = default } },
        Bad("abort-goes-on", "v19 patch 12: which results end the walk") with { Retry = RetryTable.AllFailuresLower with { Advances = Retry.Advances } },
        Bad("allocation-failure-aborts", "v19 patch 11: it descends") with { Retry = Retry.Moving(ScanResult.AllocHugePageFail, WalkVerdict.Stop) },
        Bad("allocation-failure-lost", "L. Yang on v18: khugepaged never sleeps") with { Visit = VisitResult.CollapsedOrFail },
        Bad("last-attempt-reported", "v19 patch 11: an earlier success counts") with { Visit = VisitResult.LastAttempt },

        // The limits.
        Bad("limits-scaled", "creep: L. Stoakes, 2025-08-21, on v10") with { NoneLimit = NoneLimit.Scaled },
        Bad("limits-capped", "the silent cap: L. Stoakes, 2025-10-27, on v12") with { NoneLimit = NoneLimit.ScaledAndCapped },
        Bad("limits-unscaled", "the sysctl as it is at every order") with { NoneLimit = NoneLimit.Unscaled },
        Bad("none-limit-forgotten", "isolation forgets max_ptes_none") with { Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.ExceedNonePte) } },
        Bad("swap-allowed-below-pmd", "v5 patch 7: no swap-in below the PMD order") with
        {
            Isolation = Isolation with { SwapsInAtEveryOrder = true },
            Candidate = Candidate with { Swap = SwapCounts.Everywhere },
        },
        Bad("shared-allowed-below-pmd", "v5 patch 7: no shared page below the PMD order") with { Isolation = Isolation with { TakesSharedAtEveryOrder = true } },
        Bad("shared-limit-forgotten", "scan and isolation forget max_ptes_shared") with
        {
            Scan = Scan with { Forgets = ResultSet.Of(ScanResult.ExceedSharedPte) },
            Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.ExceedSharedPte) },
        },
        Bad("swap-limit-forgotten", "the scan forgets max_ptes_swap") with { Scan = Scan with { Forgets = ResultSet.Of(ScanResult.ExceedSwapPte) } },

        // userfaultfd.
        Bad("uffd-not-rechecked", "the fixup of 2026-05-25 relies on isolation") with { Isolation = Isolation with { SeesVma = false } },
        Bad("uffd-checked-in-walk-only", "where to check: W. Yang, N. Pache, 2026-05, on v18") with
        {
            Isolation = Isolation with { SeesVma = false },
            Candidate = Candidate with { SeesVma = true },
        },
        Bad("uffd-wp-forgotten", "P. Xu, 2023-04-05: check again at isolation") with
        {
            Scan = Scan with { Forgets = ResultSet.Of(ScanResult.PteUffdWp) },
            Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.PteUffdWp) },
        },

        // The pages.
        Bad("larger-folio-demoted", "isolation skips folios of the order or larger") with { Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.PteMappedHugepage) } },
        Bad("pins-forgotten", "scan and isolation forget the refcount") with
        {
            Scan = Scan with { Forgets = ResultSet.Of(ScanResult.PageCount) },
            Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.PageCount) },
        },
        Bad("locks-forgotten", "scan and isolation forget the folio lock") with
        {
            Scan = Scan with { Forgets = ResultSet.Of(ScanResult.PageLock) },
            Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.PageLock) },
        },
        Bad("lazyfree-forgotten", "scan and isolation forget lazyfree pages") with
        {
            Scan = Scan with { Forgets = ResultSet.Of(ScanResult.PageLazyFree) },
            Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.PageLazyFree) },
        },
        Bad("use-forgotten", "windows that nobody used lately are collapsed") with { Isolation = Isolation with { Forgets = ResultSet.Of(ScanResult.LackReferencedPage) } },

        // Copy, rollback, installation, counters.
        Bad("holes-not-cleared", "a zero page becomes whatever was in the new page") with { Copy = CopyRule.HolesNotCleared },
        Bad("copied-from-the-wrong-page", "an index slip in the copy loop") with { Copy = CopyRule.FromTheWrongPage },
        Bad("last-page-not-copied", "a bound slip in the copy loop") with { Copy = CopyRule.LastPageForgotten },
        Bad("rollback-leaves-one-out", "a failed attempt loses the first entry") with { Rollback = RollbackRule.LeavesOneOut },
        Bad("rollback-forgets-the-pmd", "a failed attempt loses the table") with { Rollback = RollbackRule.ForgetsPmd },
        Bad("one-pte-too-few", "a bound slip in the installation") with { Install = InstallRule.OneTooFew },
        Bad("one-pte-too-many", "a bound slip in the installation") with { Install = InstallRule.OneTooMany },
        Bad("mapped-old", "new PTEs without the accessed bit") with { Install = InstallRule.NotYoung },
        Bad("allocations-counted-twice", "collapse_alloc once per allocation") with { Accounting = AccountingRule.AllocationsTwice },
        Bad("pages-collapsed-by-folio", "pages_collapsed counts PMD ranges") with { Accounting = AccountingRule.PagesCollapsedByFolio },
        Bad("events-at-every-order", "mm/vmstat.c: these are for the PMD order") with { Accounting = AccountingRule.EventsAtEveryOrder },
        Bad("limits-not-counted", "transhuge.rst: each size has its own counters") with { Accounting = AccountingRule.LimitsAtPmdOrderOnly },
    ];

    /// <summary>
    /// What looks like a mistake and makes no difference: the walks visit the same windows in the same order. The stack's top
    /// after a window is the right sibling of its lowest left ancestor-or-self, and that begins where the offset walk goes on, at
    /// the order its offset is aligned to; a window of a disabled order is never tried; and no offset inside the range is aligned
    /// to more than half of it, so bounding the order does nothing.
    /// </summary>
    public static ImmutableArray<KhugepagedVersion> Harmless { get; } =
    [
        Bad("stack-walk", "v18 patch 11: is it the same? (L. Stoakes, 2026-06-04)") with { Walk = OrderWalk.Stack },
        Bad("stack-to-full-depth", "v17 patch 11: halves are pushed though no lower order is enabled") with { Walk = OrderWalk.FullStack },
        Bad("order-unbounded", "the order behind a window is not bounded by the PMD's") with { Walk = OrderWalk.OffsetUnbounded },
    ];

    private static KhugepagedVersion Bad(string name, string source) =>
        Catalogue.Linux72 with { Name = name, Source = source, VariantOf = Catalogue.Linux72.Name, Releases = null };
}
