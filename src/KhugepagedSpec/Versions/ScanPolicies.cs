using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Versions;

/// <summary>The scan, and what it does not see.</summary>
internal static class ScanPolicies
{
    private const string At = "mm/khugepaged.c:collapse_scan_pmd";

    private static readonly SightPolicies Sight = new("scan", "BlindAtScan", "the scan", At, version => version.BlindAtScan,
        (version, blindness) => version with { BlindAtScan = blindness });

    /// <summary>All of them.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
    [
        VersionPolicy.Of("scan.none-limit", "Scan.RelaxesNoneLimit", "how many empty PTEs the scan lets pass", At,
            version => version.Scan.RelaxesNoneLimit,
            (version, value) => version with { Scan = version.Scan with { RelaxesNoneLimit = value } },
            (true, new("relaxed", "all PTEs but one empty at the scan, where a smaller order is enabled")),
            (false, new("as-set", "max_ptes_none held by the scan whatever is enabled") { Source = "Linux 7.1 and before" })),
        VersionPolicy.Of("scan.uffd-holes", "Scan.EndsAtUffdHoles", "what an empty PTE of a VMA armed by userfaultfd does to the scan", At,
            version => version.Scan.EndsAtUffdHoles,
            (version, value) => version with { Scan = version.Scan with { EndsAtUffdHoles = value } },
            (false, new("pass", "empty PTEs of an armed VMA passed by the scan, where a smaller order is enabled")),
            (true, new("end", "the scan ended by an empty PTE of an armed VMA")
            {
                Source = "v5 patch 7; W. Yang, N. Pache, 2026-05, on v18 patch 11",
            })),
        VersionPolicy.Of("scan.occupancy", "Scan.OccupancyIsByChunk", "what a bit of the occupancy stands for", At,
            version => version.Scan.OccupancyIsByChunk,
            (version, value) => version with { Scan = version.Scan with { OccupancyIsByChunk = value } },
            (false, new("ptes", "a bit a PTE")),
            (true, new("chunks", "a bit a chunk of order 2, off by one") { Source = "v5 patch 7, as quoted by H. Dickins, 2025-05" })),
        VersionPolicy.Of("scan.non-swap", "Scan.EndsAtNonSwapEntries", "what a non-present PTE that is no swap entry does to the scan", At,
            version => version.Scan.EndsAtNonSwapEntries,
            (version, value) => version with { Scan = version.Scan with { EndsAtNonSwapEntries = value } },
            (false, new("count", "non-swap entries counted as swap entries by the scan")),
            (true, new("end", "the scan ended by a non-swap entry")
            {
                Source = "L. Yang, \"abort collapse scan on non-swap entries\", 2025-10-07",
            })),
        VersionPolicy.Of("scan.odd-ptes", "Scan.LeavesOddPtesOut", "what a PTE that no collapse can use does to the scan", At,
            version => version.Scan.LeavesOddPtesOut,
            (version, value) => version with { Scan = version.Scan with { LeavesOddPtesOut = value } },
            (false, new("end", "the scan ended by a PTE that no collapse can use")),
            (true, new("left-out", "a PTE that no collapse can use left out, and the PMD's order with it")
            {
                Source = PolicyTable.Rounds,
            })),
        VersionPolicy.Of("scan.pins", "Scan.LeavesReferencesToTheAttempt", "where references that mappings do not explain are met", At,
            version => version.Scan.LeavesReferencesToTheAttempt,
            (version, value) => version with { Scan = version.Scan with { LeavesReferencesToTheAttempt = value } },
            (false, new("asked-for", "pins met at the scan and in the attempt")),
            (true, new("at-the-attempt", "pins met in the attempt alone")
            {
                Source = PolicyTable.Rounds,
            })),
        Sight.Limit("max_ptes_swap", "max_ptes_swap", Limits.MaxPtesSwap),
        Sight.Limit("max_ptes_shared", "max_ptes_shared", Limits.MaxPtesShared),
        Sight.Flag("uffd-wp", "userfaultfd's write protection", PteFlags.UffdWp),
        Sight.Flag("young", "the accessed bit", PteFlags.Young),
        Sight.Flag("secondary-young", "accesses through a secondary MMU", PteFlags.SecondaryYoung),
        Sight.Flag("dirty", "the dirty bit", PteFlags.Dirty),
        Sight.Flag("locked", "the folio lock", FolioFlags.Locked),
        Sight.Flag("off-lru", "that a folio is on no LRU list", FolioFlags.OffLru),
        Sight.Flag("lazyfree", "that a folio is lazily freeable", FolioFlags.LazyFree),
        Sight.References("references that mappings do not explain"),
    ];
}
