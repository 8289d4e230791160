using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Scan;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Versions;

/// <summary>Every version the threads discuss, oldest first.</summary>
public static class Catalogue
{
    /// <summary>Linux 7.2.13, as shipped.</summary>
    public static KhugepagedVersion Linux72 { get; } = new()
    {
        Name = "linux-7.2",
        Source = "Linux 7.2.13, mm/khugepaged.c",
    };

    /// <summary>Linux 7.2 with the non-swap-entry patch that was queued in October 2025 and is not in it.</summary>
    public static KhugepagedVersion Linux72NonSwap { get; } = Linux72 with
    {
        Name = "linux-7.2-nonswap",
        Source = "L. Yang, \"abort collapse scan on non-swap entries\", 2025-10-07, on Linux 7.2.13",
        Scan = ScanRule.Linux72 with { Name = "per PTE, ends at non-swap", EndsAtNonSwapEntries = true },
    };

    /// <summary>v19 as posted: swap entries are not counted at the PMD's order.</summary>
    public static KhugepagedVersion V19 { get; } = Linux72 with
    {
        Name = "v19",
        Source = "N. Pache, v19 00/14, 2026-06-05",
        Candidate = CandidateRule.Linux72 with { Name = "pages >= needed, no swap", Swap = SwapCounts.Nowhere },
    };

    /// <summary>v18 with the fixup of 2026-05-25: no VMA in the walk.</summary>
    public static KhugepagedVersion V18Fixup { get; } = V19 with
    {
        Name = "v18-fixup",
        Source = "N. Pache, \"fix potential use-after-free of vma in mthp_collapse()\", 2026-05-25, on v18",
        Walk = OrderWalk.Stack,
        Visit = VisitResult.CollapsedOrFail,
    };

    /// <summary>v18: stack, lower-order test, the VMA in the walk, a failed allocation lost.</summary>
    public static KhugepagedVersion V18 { get; } = V18Fixup with
    {
        Name = "v18",
        Source = "N. Pache, v18 patch 11, 2026-05-22",
        Candidate = V18Fixup.Candidate with { Name = "pages >= needed, VMA, no swap", SeesVma = true },
    };

    /// <summary>v17: an unsupported limit ends the walk, no VMA in the walk.</summary>
    public static KhugepagedVersion V17 { get; } = V18Fixup with
    {
        Name = "v17",
        Source = "N. Pache, v17 patches 11 and 12, 2026-05-11",
        Walk = OrderWalk.FullStack,
        NoneLimit = NoneLimit.ZeroOrMaximumOnly,
    };

    /// <summary>v12: scaled per PTE, silently capped.</summary>
    public static KhugepagedVersion V12 { get; } = V17 with
    {
        Name = "v12",
        Source = "N. Pache, v12 patch 2, 2025-10-22",
        Unverified = "that every failed attempt descends, and that SCAN_FAIL is reported if nothing collapsed",
        NoneLimit = NoneLimit.ScaledAndCapped,
        Retry = RetryTable.AllFailuresLower,
    };

    /// <summary>v5: a bitmap of order-2 chunks, off by one; a scaled threshold; no fullness test for sizes set to always.</summary>
    public static KhugepagedVersion V5 { get; } = V12 with
    {
        Name = "v5",
        Source = "N. Pache, v5 patch 7, April 2025, as quoted by H. Dickins",
        Unverified = "that a larger folio is never demoted, and that SCAN_FAIL is reported if nothing collapsed",
        Scan = new ScanRule("by chunk") { OccupancyIsByChunk = true, EndsAtUffdHoles = true },
        Candidate = new CandidateRule("chunks > threshold") { IsChunkThreshold = true, Swap = SwapCounts.Nowhere },
        NoneLimit = NoneLimit.Scaled,
        Isolation = IsolationRule.Linux72 with { SwapBailKeepsLock = true },
    };

    /// <summary>v17's patch 11 without patch 12, as posted: every failure descends, a mapped huge page too.</summary>
    public static KhugepagedVersion V17Patch11 { get; } = V17 with
    {
        Name = "v17-patch-11",
        Source = "N. Pache, v17 patch 11 without patch 12, 2026-05-11",
        VariantOf = V17.Name,
        Retry = RetryTable.AllFailuresLower,
    };

    /// <summary>
    /// 7.2 with userfaultfd looked at by the scan, too: an empty PTE of an armed VMA ends it. Isolation still looks, for the VMA that
    /// is armed after the scan.
    /// </summary>
    public static KhugepagedVersion UffdAtScan { get; } = Linux72 with
    {
        Name = "uffd-at-scan",
        Source = "where to check, (1): W. Yang, N. Pache, 2026-05, on v18 patch 11; never posted",
        VariantOf = Linux72.Name,
        Scan = ScanRule.Linux72 with { Name = "per PTE, ends at uffd holes", EndsAtUffdHoles = true },
    };

    /// <summary>7.2 with a flag that the scan sets for the walk: the VMA is armed. Isolation still looks.</summary>
    public static KhugepagedVersion UffdRemembered { get; } = Linux72 with
    {
        Name = "uffd-remembered",
        Source = "where to check, (2), by a remembered flag: W. Yang, 2026-05, on v18 patch 11; never posted",
        VariantOf = Linux72.Name,
        Candidate = CandidateRule.Linux72 with { Name = "pages >= needed, uffd remembered", RemembersUffd = true },
    };

    /// <summary>Patches of a series without those that were posted with them.</summary>
    public static ImmutableArray<KhugepagedVersion> InPart => [V17Patch11];

    /// <summary>Designs that were talked about and have no mistake.</summary>
    public static ImmutableArray<KhugepagedVersion> Designs => [UffdAtScan, UffdRemembered];

    /// <summary>Up to 7.1: the PMD's order only.</summary>
    public static KhugepagedVersion Legacy { get; } = Linux72 with
    {
        Name = "legacy",
        Source = "Linux up to 7.1, mm/khugepaged.c",
        IsPmdOnly = true,
        Scan = new ScanRule("max_ptes_none as set") { RelaxesNoneLimit = false },
        Walk = OrderWalk.PmdOnly,
        Candidate = CandidateRule.None,
        Visit = VisitResult.LastAttempt,
    };

    /// <summary>Linux 7.0: the PMD's order only, and no rule for lazyfree pages. Known by what it does, not read.</summary>
    public static KhugepagedVersion Linux70 { get; } = Legacy with
    {
        Name = "linux-7.0",
        Source = "Linux 7.0.13, as observed",
        Scan = Legacy.Scan with { Forgets = ResultSet.Of(ScanResult.PageLazyFree) },
        Isolation = Legacy.Isolation with { Forgets = ResultSet.Of(ScanResult.PageLazyFree) },
    };

    /// <summary>Linux 6.12: as 7.0, and not without a writable PTE. Known by what it does, not read.</summary>
    public static KhugepagedVersion Linux612 { get; } = Linux70 with { Name = "linux-6.12", Source = "Linux 6.12.107, as observed", NeedsWritablePte = true };

    /// <summary>Versions found by name only: no thread discusses them.</summary>
    public static ImmutableArray<KhugepagedVersion> Older => [Linux70, Linux612];

    /// <summary>
    /// Linux 7.2 with an LRU that takes pages back at once, as the source comments seem to assume. It never was: it shows which
    /// observations only the per-CPU batch explains.
    /// </summary>
    public static KhugepagedVersion Linux72WithoutLruBatch { get; } = Linux72 with
    {
        Name = "no-lru-batch",
        Source = "none: Linux 7.2.13 without mm/swap.c's lru_add batch",
        VariantOf = "linux-7.2",
        LruPutbackIsBatched = false,
    };

    /// <summary>All of them, oldest first.</summary>
    public static ImmutableArray<KhugepagedVersion> Versions { get; } =
        [Legacy, V5, V12, V17, V18, V18Fixup, V19, Linux72, Linux72NonSwap];

    /// <summary>All that can be run: the versions, the known-bad variants, and what has a name besides.</summary>
    public static IEnumerable<KhugepagedVersion> All => [.. Versions, .. KnownBad.Variants, .. KnownBad.Harmless, .. Designs, .. InPart, Linux72WithoutLruBatch, .. Older];

    /// <summary>The version or known-bad variant called <paramref name="name"/>; null if there is none.</summary>
    public static KhugepagedVersion? Find(string name) => All.FirstOrDefault(version => version.Name == name);
}
