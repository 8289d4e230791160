using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
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
        Releases = new((7, 2), (7, 2)),
    };

    /// <summary>Linux 7.2 with the first version of the non-swap-entry patch: the scan looks for them, the swap-in step does not.</summary>
    public static KhugepagedVersion Linux72NonSwapScanOnly { get; } = Linux72 with
    {
        Name = "linux-7.2-nonswap-scan-only",
        Source = "L. Yang, v2 \"abort collapse scan on non-swap entries\", 2025-10-01, on Linux 7.2.13",
        Releases = null,
        Scan = ScanRule.Linux72 with { Name = "per PTE, ends at non-swap", EndsAtNonSwapEntries = true },
    };

    /// <summary>Linux 7.2 with the non-swap-entry patch that was queued in October 2025 and is not in it: scan and swap-in look.</summary>
    public static KhugepagedVersion Linux72NonSwap { get; } = Linux72NonSwapScanOnly with
    {
        Name = "linux-7.2-nonswap",
        Source = "L. Yang, \"abort collapse scan on non-swap entries\", 2025-10-07, on Linux 7.2.13",
        SwapinEndsAtNonSwapEntries = true,
    };

    /// <summary>v19 as posted: swap entries are not counted at the PMD's order.</summary>
    public static KhugepagedVersion V19 { get; } = Linux72 with
    {
        Name = "v19",
        Source = "N. Pache, v19 00/14, 2026-06-05",
        Releases = null,
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
        SwapBailKeepsLock = true,
    };

    /// <summary>v17's patch 11 without patch 12, as posted: every failure descends, a mapped huge page too.</summary>
    public static KhugepagedVersion V17Patch11 { get; } = V17 with
    {
        Name = "v17-patch-11",
        Source = "N. Pache, v17 patch 11 without patch 12, 2026-05-11",
        VariantOf = V17.Name,
        Retry = RetryTable.AllFailuresLower,
    };

    /// <summary>Patches of a series without those that were posted with them.</summary>
    public static ImmutableArray<KhugepagedVersion> InPart => [V17Patch11];

    /// <summary>Designs that were talked about or posted, and have no mistake.</summary>
    public static ImmutableArray<KhugepagedVersion> Designs => Proposed.All;

    /// <summary>Linux 7.3: read-write protection, a result with a new name, and a scan line that names a page only if that ended
    /// it.</summary>
    public static KhugepagedVersion Linux73 { get; } = Linux72 with
    {
        Name = "linux-7.3",
        Source = "Linux 7.3.4, mm/khugepaged.c",
        Releases = new((7, 3), (7, 3)),
        HasUffdRwp = true,
        Trace = TraceText.Linux73,
    };

    /// <summary>The release candidates of 7.3: their scan line is 7.2's.</summary>
    public static KhugepagedVersion Linux73Rc { get; } = Linux73 with
    {
        Name = "linux-7.3-rc",
        Source = "Linux 7.3-rc7, mm/khugepaged.c",
        Releases = new((7, 3), (7, 3), IsCandidate: true),
        Trace = TraceText.Linux73Rc,
    };

    /// <summary>Linux 7.1: the PMD's order only.</summary>
    public static KhugepagedVersion Linux71 { get; } = Linux72 with
    {
        Name = "linux-7.1",
        Source = "Linux 7.1, mm/khugepaged.c",
        Releases = new((7, 1), (7, 1)),
        IsPmdOnly = true,
        RepeatedAdviceAsks = true,
        Scan = new ScanRule("max_ptes_none as set") { RelaxesNoneLimit = false },
        Walk = OrderWalk.PmdOnly,
        Candidate = CandidateRule.None,
        Visit = VisitResult.LastAttempt,
        Trace = TraceText.Linux71,
    };

    /// <summary>Linux 6.19 and 7.0: no rule for lazyfree pages. Known by what they do, not read.</summary>
    public static KhugepagedVersion Linux70 { get; } = Linux71 with
    {
        Name = "linux-7.0",
        Source = "Linux 7.0.13 and 6.19.14, as observed",
        Releases = new((6, 19), (7, 0)),
        Scan = Linux71.Scan with { Name = "no lazyfree rule" },
        HasLazyFreeRule = false,
        Trace = TraceText.Linux70,
    };

    /// <summary>Linux 6.18: behaves as 7.0, and has other words and numbers for results. Known by what it does, not read.</summary>
    public static KhugepagedVersion Linux618 { get; } = Linux70 with
    {
        Name = "linux-6.18",
        Source = "Linux 6.18.15, as observed",
        Releases = new((6, 18), (6, 18)),
        Trace = TraceText.Linux618,
    };

    /// <summary>Linux 6.16 and 6.17: as 6.18, and not without a writable PTE. Known by what they do, not read.</summary>
    public static KhugepagedVersion Linux617 { get; } = Linux618 with
    {
        Name = "linux-6.17",
        Source = "Linux 6.16.12 and 6.17.13, as observed",
        Releases = new((6, 16), (6, 17)),
        Scan = Linux70.Scan with { Name = "no lazyfree rule, SCAN_PAGE_RO" },
        NeedsWritablePte = true,
        Trace = TraceText.Linux617,
    };

    /// <summary>
    /// Linux 6.12 up to 6.12.107: as 6.17, an emptied page table stays, and a huge zero page that is written to is split. Known by what it
    /// does, not read.
    /// </summary>
    public static KhugepagedVersion Linux612Before { get; } = Linux617 with
    {
        Name = "linux-6.12.107",
        Source = "Linux 6.12.43, 6.12.69, 6.12.86 and 6.12.107, as observed",
        Releases = new((6, 12), (6, 12), LastPatch: 107),
        KeepsEmptiedTables = true,
        WritesSplitHugeZero = true,
    };

    /// <summary>
    /// Linux 6.12 since a stable release after 6.12.107: repeated advice does not ask any more. Between the two nobody looked, so
    /// nothing models 6.12.108 to 6.12.116. Known by what it does, not read.
    /// </summary>
    public static KhugepagedVersion Linux612 { get; } = Linux612Before with
    {
        Name = "linux-6.12",
        Source = "Linux 6.12.117, as observed",
        Releases = new((6, 12), (6, 12), FirstPatch: 117),
        RepeatedAdviceAsks = false,
    };

    /// <summary>What was released, oldest first. Each is named after the last release that behaves so.</summary>
    public static ImmutableArray<KhugepagedVersion> Released { get; } =
        [Linux612Before, Linux612, Linux617, Linux618, Linux70, Linux71, Linux72, Linux73Rc, Linux73];

    /// <summary>
    /// Linux 7.2 with an LRU that takes pages back at once, as the source comments seem to assume. It never was: it shows which
    /// observations only the per-CPU batch explains.
    /// </summary>
    public static KhugepagedVersion Linux72WithoutLruBatch { get; } = Linux72 with
    {
        Name = "no-lru-batch",
        Source = "none: Linux 7.2.13 without mm/swap.c's lru_add batch",
        VariantOf = "linux-7.2",
        Releases = null,
        LruPutbackIsBatched = false,
    };

    /// <summary>What the threads discuss, oldest first.</summary>
    public static ImmutableArray<KhugepagedVersion> Versions { get; } =
        [Linux71, V5, V12, V17, V18, V18Fixup, V19, Linux72, Linux72NonSwapScanOnly, Linux72NonSwap];

    /// <summary>What was released and no thread discusses, oldest first.</summary>
    public static ImmutableArray<KhugepagedVersion> Undiscussed { get; } = [.. Released.Except(Versions)];

    /// <summary>All that can be run: the versions, the known-bad variants, and what has a name besides.</summary>
    public static IEnumerable<KhugepagedVersion> All =>
        [.. Versions, .. KnownBad.Variants, .. KnownBad.Harmless, .. Designs, .. InPart, Linux72WithoutLruBatch, .. Undiscussed];

    /// <summary>What is called so, by its name or by linux- and the number of any release of it; null if nothing is.</summary>
    public static KhugepagedVersion? Find(string name) =>
        All.FirstOrDefault(version => version.Name == name) ?? (ReleaseRange.IsName(name) ? ForRelease(name) : null);

    /// <summary>The releases that are modelled, in words.</summary>
    public static string ModelledReleases => $"Linux {new ReleaseRange(Released[0].Releases!.First, Released[^1].Releases!.Last)}";

    /// <summary>The version that models a kernel; null if none does, never the nearest.</summary>
    /// <param name="kernel">Its release, or release and version, as uname has them.</param>
    public static KhugepagedVersion? ForRelease(string kernel) => Released.FirstOrDefault(version => version.Releases!.Contains(kernel));
}
