namespace KhugepagedSpec.Policies;

/// <summary>What the versions' scans differ in.</summary>
/// <param name="Name">A short name for listings.</param>
public sealed record ScanRule(string Name)
{
    /// <summary>Linux 7.2.</summary>
    public static ScanRule Linux72 { get; } = new("per PTE");

    /// <summary>With any order but the PMD's enabled, all PTEs but one may be empty; else max_ptes_none holds (up to 7.1:
    /// always).</summary>
    public bool RelaxesNoneLimit { get; init; } = true;

    /// <summary>An empty PTE of a uffd-armed VMA ends the scan whatever is enabled (v5).</summary>
    public bool EndsAtUffdHoles { get; init; }

    /// <summary>
    /// The occupancy is one bit per order-2 chunk, set at the chunk's start by the empties of the chunk before (v5, as H. Dickins
    /// quoted it in May 2025); false: one bit per PTE.
    /// </summary>
    public bool OccupancyIsByChunk { get; init; }

    /// <summary>
    /// A non-present PTE that is no swap entry, a marker of userfaultfd too, ends the scan before it is counted as unmapped (L. Yang,
    /// 2025-10-07, "abort collapse scan on non-swap entries").
    /// </summary>
    public bool EndsAtNonSwapEntries { get; init; }

    /// <summary>
    /// A PTE that no collapse can use is left out of the occupancy and takes the PMD's order away, and so do too many empty PTEs and too
    /// few that are referenced; the scan goes on (rounds). False: it ends the scan for every order.
    /// </summary>
    public bool LeavesOddPtesOut { get; init; }

    /// <summary>References that mappings do not explain, as of GUP, are not asked for before the attempt (rounds).</summary>
    public bool LeavesReferencesToTheAttempt { get; init; }
}
