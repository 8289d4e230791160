using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Versions;

/// <summary>What was talked about, announced or posted, and is in no release.</summary>
public static class Proposed
{
    private const string FromTree = "not the buddy tree of 7.2: ";

    /// <summary>
    /// 7.2 with userfaultfd looked at by the scan, too: an empty PTE of an armed VMA ends it. Isolation still looks, for the VMA that
    /// is armed after the scan.
    /// </summary>
    public static KhugepagedVersion UffdAtScan { get; } = Catalogue.Linux72 with
    {
        Name = "uffd-at-scan",
        Source = "where to check, (1): W. Yang, N. Pache, 2026-05, on v18 patch 11; never posted",
        VariantOf = Catalogue.Linux72.Name,
        Releases = null,
        Scan = ScanRule.Linux72 with { Name = "per PTE, ends at uffd holes", EndsAtUffdHoles = true },
    };

    /// <summary>7.2 with a flag that the scan sets for the walk: the VMA is armed. Isolation still looks.</summary>
    public static KhugepagedVersion UffdRemembered { get; } = Catalogue.Linux72 with
    {
        Name = "uffd-remembered",
        Source = "where to check, (2), by a remembered flag: W. Yang, 2026-05, on v18 patch 11; never posted",
        VariantOf = Catalogue.Linux72.Name,
        Releases = null,
        Candidate = CandidateRule.Linux72 with { Name = "pages >= needed, uffd remembered", RemembersUffd = true },
    };

    /// <summary>
    /// Collapse rebuilt on migration entries: a PTE that cannot be used costs its windows and the PMD's order, and not the range; a VMA may
    /// be smaller than the range; nothing is written under the mmap lock. Its interleavings are the protocol of the same name.
    /// </summary>
    public static KhugepagedVersion Rounds { get; } = Catalogue.Linux72 with
    {
        Name = "rounds",
        Source = "K. Shutsemau, \"mm/collapse: rebuild collapse on migration primitives\", RFC of 2026-08-16, v4 of 2026-09",
        Unverified = "that what a round refused comes back last first, that the first miss of an allocation is counted, that a failed "
            + "attempt leaves nothing in an LRU batch, and that an entry that is neither page nor swap is left out like an odd page",
        Releases = null,
        Scan = new("odd PTEs left out") { LeavesOddPtesOut = true, LeavesReferencesToTheAttempt = true, EndsAtNonSwapEntries = true },
        Visit = VisitResult.ByRound,
        Retry = RetryTable.Linux72.Moving(ScanResult.PageAnon, WalkVerdict.Lower),
        TriesInRounds = true,
        TakesSmallerExtents = true,
        ReplacesPteByPte = true,
        LruPutbackIsBatched = false,
    };

    /// <summary>
    /// 7.2 with max_ptes_none scaled by order, and pages of zeroes counted as empty PTEs: what collapse filled does not count as occupied
    /// in the next pass, so no value of max_ptes_none creeps.
    /// </summary>
    public static KhugepagedVersion ZeroFilledAsNone { get; } = Catalogue.Linux72 with
    {
        Name = "zero-filled-as-none",
        Source = PolicyTable.ZeroFilled,
        Unverified = "that a limit between is scaled by order, as up to v10, and that pages are read at the scan and in isolation both",
        VariantOf = Catalogue.Linux72.Name,
        Releases = null,
        NoneLimit = NoneLimit.Scaled,
        CountsZeroFilledAsNone = true,
        KnownToBreak = ImmutableSortedDictionary.CreateRange<string, string>(
        [
            new("holes-below-pmd", "the limit is scaled to the order"),
            new("buddy-tree", FromTree + "limits are scaled, and pages of zeroes are no pages"),
            new("maximal", "a window with a page of zeroes is not full"),
        ]),
    };

    /// <summary>
    /// What is announced to come after 7.2 for userfaultfd: the scan remembers that the VMA is armed, and only a registration for missing
    /// pages counts.
    /// </summary>
    public static KhugepagedVersion UffdFollowUp { get; } = UffdRemembered with
    {
        Name = "uffd-follow-up",
        Source = PolicyTable.UffdFollowUp,
        Unverified = "all of it but two sentences; that write protection of unpopulated pages (WP_UNPOPULATED) counts as well, which no "
            + "flag of a VMA says: its markers are not empty PTEs, and stay in any case",
        KeepsHolesOfMissingOnly = true,
        KnownToBreak = ImmutableSortedDictionary.CreateRange<string, string>(
        [
            new("uffd-keeps-holes", "an empty PTE of a VMA that is armed for write protection alone is filled"),
            new("buddy-tree", FromTree + "an armed window with an empty PTE is left out"),
        ]),
    };

    /// <summary>All of them.</summary>
    public static ImmutableArray<KhugepagedVersion> All => [UffdAtScan, UffdRemembered, UffdFollowUp, ZeroFilledAsNone, Rounds];
}
