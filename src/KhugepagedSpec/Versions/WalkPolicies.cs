using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Mistakes;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Versions;

/// <summary>The walk over windows: the way through them, which are worth a try, limits below the PMD's order, what is reported.</summary>
internal static class WalkPolicies
{
    private const string At = "mm/khugepaged.c:mthp_collapse", Needed = "mm/khugepaged.c:collapse_max_ptes_none";

    /// <summary>All of them.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
    [
        VersionPolicy.Of("walk", "Walk", "the way through the windows", At,
            version => version.Walk, (version, value) => version with { Walk = value },
            (OrderWalk.Offset, new("offset", "a walk by offset and order")),
            (OrderWalk.Stack, new("stack", "a walk by a stack, down to the lowest enabled order")
            {
                Source = "N. Pache, v18 patch 11, 2026-05-22",
            }),
            (OrderWalk.FullStack, new("full-stack", "a walk by a stack, down to order 2")
            {
                Source = "N. Pache, v17 patch 11, 2026-05-11",
            }),
            (OrderWalk.PmdOnly, new("pmd-only", "one window, of the PMD's order") { Source = "Linux 7.1 and before" }),
            (MistakenWalk.ByHighestBit, new("highest-bit", "the next order taken from the highest set bit of the offset")
            {
                Source = "L. Stoakes, 2026-06-04, on v18 patch 11",
            }),
            (MistakenWalk.ByFfs, new("ffs", "the next order taken from ffs() of the offset, which counts from 1")),
            (MistakenWalk.Unbounded, new("unbounded", "the next order not bounded by the PMD's")),
            (MistakenWalk.KeepingOrder, new("order-kept", "the order kept after going on")),
            (MistakenWalk.FromTop, new("from-the-top", "each window begun at the PMD's order")),
            (MistakenWalk.RightFirst, new("right-first", "the right half taken before the left"))),
        VersionPolicy.Of("batch", "TriesInRounds", "when the windows are tried that the walk chooses", At,
            version => version.TriesInRounds, (version, value) => version with { TriesInRounds = value },
            (false, new("one-by-one", "each window tried as the walk comes to it")),
            (true, new("rounds", "windows chosen for a round and then tried, refused ones again before the walk goes on")
            {
                Source = PolicyTable.Rounds,
            })),
        VersionPolicy.Of("window.swap", "Candidate.Swap", "at which orders swap entries count as occupied", At,
            version => version.Candidate.Swap,
            (version, value) => version with { Candidate = version.Candidate with { Swap = value } },
            (SwapCounts.AtPmdOrder, new("at-pmd", "swap entries counted as occupied at the PMD's order")),
            (SwapCounts.Nowhere, new("nowhere", "swap entries counted as occupied nowhere") { Source = "N. Pache, v19 patch 11" }),
            (SwapCounts.Everywhere, new("table-at-every-order", "the table's swap entries counted as occupied at every order")
            {
                Source = "L. Yang, D. Hildenbrand, 2026-06-06 and 08, on v19",
            }),
            (SwapCounts.InWindow, new("window-at-every-order", "a window's own swap entries counted as occupied at every order"))),
        VersionPolicy.Of("window.vma", "Candidate.SeesVma", "whether the walk looks at the VMA for its limit", At,
            version => version.Candidate.SeesVma,
            (version, value) => version with { Candidate = version.Candidate with { SeesVma = value } },
            (false, new("not-seen", "the limit asked without the VMA in the walk")),
            (true, new("seen", "the limit asked with the VMA in hand, without its lock")
            {
                Source = "N. Pache, v18 patch 11, 2026-05-22",
            })),
        VersionPolicy.Of("window.uffd", "Candidate.RemembersUffd", "whether the scan remembers for the walk that the VMA is armed", At,
            version => version.Candidate.RemembersUffd,
            (version, value) => version with { Candidate = version.Candidate with { RemembersUffd = value } },
            (false, new("not-remembered", "nothing remembered of userfaultfd by the scan")),
            (true, new("remembered", "the scan remembering that the VMA is armed")
            {
                Source = "W. Yang, 2026-05, on v18 patch 11; never posted",
            })),
        VersionPolicy.Of("window.unit", "Candidate.IsChunkThreshold", "what is counted against what a window needs", At,
            version => version.Candidate.IsChunkThreshold,
            (version, value) => version with { Candidate = version.Candidate with { IsChunkThreshold = value } },
            (false, new("ptes", "occupied PTEs counted in a window")),
            (true, new("chunks", "chunks counted in a window, unless its size is set to always") { Source = "N. Pache, v5 patch 7" })),
        VersionPolicy.Of("window.occupancy", "Candidate.TestsOccupancy", "whether a window must be occupied enough to be tried", At,
            version => version.Candidate.TestsOccupancy,
            (version, value) => version with { Candidate = version.Candidate with { TestsOccupancy = value } },
            (true, new("tested", "only windows tried that are occupied enough")),
            (false, new("ignored", "windows tried whatever their occupancy") { Source = "N. Pache, v1 to v10, for sizes set to always" })),
        VersionPolicy.Of("window.disabled", "Candidate.TestsEnabled", "whether windows of disabled orders are tried", At,
            version => version.Candidate.TestsEnabled,
            (version, value) => version with { Candidate = version.Candidate with { TestsEnabled = value } },
            (true, new("skipped", "windows of disabled orders skipped")),
            (false, new("tried", "windows of disabled orders tried too") { Source = "B. Wang on v5 patch 6" })),
        VersionPolicy.Of("window.needed", "Candidate.IsStrict", "whether as much as is needed is enough", At,
            version => version.Candidate.IsStrict,
            (version, value) => version with { Candidate = version.Candidate with { IsStrict = value } },
            (false, new("at-least", "at least as many PTEs asked for as are needed")),
            (true, new("more", "more PTEs asked for than are needed") { Source = "N. Pache, v2, by chunks" })),
        VersionPolicy.Of("none-limit", "NoneLimit", "empty PTEs allowed below the PMD's order, by max_ptes_none", Needed,
            version => version.NoneLimit, (version, value) => version with { NoneLimit = value },
            (NoneLimit.ZeroOrMaximum, new("zero-or-max", "max_ptes_none taken for 0 below the PMD's order unless it is the maximum")),
            (NoneLimit.ZeroOrMaximumOnly, new("zero-or-max-else-end", "the walk ended by a max_ptes_none that is neither 0 nor the maximum")
            {
                Source = "N. Pache, v13 to v17",
            }),
            (NoneLimit.Scaled, new("scaled", "max_ptes_none scaled by order") { Source = "N. Pache, up to v10" }),
            (NoneLimit.ScaledAndCapped, new("scaled-capped", "max_ptes_none scaled by order, and capped at just under half")
            {
                Source = "N. Pache, 2025-10-22, v12 patch 2",
            }),
            (NoneLimit.Unscaled, new("unscaled", "max_ptes_none as it is at every order"))),
        VersionPolicy.Of("zero-filled", "CountsZeroFilledAsNone", "what a page that holds only zeroes counts as", Needed,
            version => version.CountsZeroFilledAsNone, (version, value) => version with { CountsZeroFilledAsNone = value },
            (false, new("as-pages", "pages of zeroes counted as pages")),
            (true, new("as-none", "pages of zeroes counted against max_ptes_none as empty PTEs are")
            {
                Source = PolicyTable.ZeroFilled,
            })),
        VersionPolicy.Of("uffd-holes", "KeepsHolesOfMissingOnly", "which registrations with userfaultfd keep empty PTEs empty", Needed,
            version => version.KeepsHolesOfMissingOnly, (version, value) => version with { KeepsHolesOfMissingOnly = value },
            (false, new("any", "empty PTEs kept for userfaultfd, however it is registered")),
            (true, new("missing", "empty PTEs kept for userfaultfd where it waits for missing pages, and not for write protection alone")
            {
                Source = PolicyTable.UffdFollowUp,
            })),
        Below("swap-limit", "SwapBelowPmd", "max_ptes_swap", "mm/khugepaged.c:collapse_max_ptes_swap", version => version.SwapBelowPmd,
            (version, value) => version with { SwapBelowPmd = value }),
        Below("shared-limit", "SharedBelowPmd", "max_ptes_shared", "mm/khugepaged.c:collapse_max_ptes_shared",
            version => version.SharedBelowPmd, (version, value) => version with { SharedBelowPmd = value }),
        VersionPolicy.Of("visit", "Visit", "what a visit of a PMD range reports", At,
            version => version.Visit, (version, value) => version with { Visit = value },
            (VisitResult.ByPriority, new("by-priority", "success reported, else a failed allocation, else the last failure")),
            (VisitResult.CollapsedOrFail, new("collapsed-or-fail", "success or SCAN_FAIL reported, a failed allocation lost")
            {
                Source = "N. Pache, v18; L. Yang on it",
            }),
            (VisitResult.LastAttempt, new("last-attempt", "the last attempt's result reported") { Source = "Linux 7.1 and before" }),
            (VisitResult.ByRound, new("by-round",
                "success reported, else a failed allocation of the smallest order, else why the PMD's went, else the last failure")
            {
                Source = PolicyTable.Rounds,
            })),
    ];

    private static VersionPolicy Below(string name, string member, string limit, string source, Func<KhugepagedVersion, BelowPmd> get,
        Func<KhugepagedVersion, BelowPmd, KhugepagedVersion> set) => VersionPolicy.Of(
            name, member, $"what {limit} allows below the PMD's order", source, get, set,
            (BelowPmd.None, new("none", $"nothing allowed by {limit} below the PMD's order")),
            (BelowPmd.Scaled, new("scaled", $"{limit} scaled by order") { Source = "asked on v5 patch 7" }),
            (BelowPmd.AsAtPmd, new("as-at-pmd", $"{limit} as it is at every order")));
}
