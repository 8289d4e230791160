namespace KhugepagedSpec.Walk;

/// <summary>At which orders a swap entry counts as occupied.</summary>
public enum SwapCounts
{
    /// <summary>At the PMD's order only (7.2; L. Yang, 2026-06-06).</summary>
    AtPmdOrder,

    /// <summary>Nowhere (v19 as posted, and before).</summary>
    Nowhere,

    /// <summary>A mistake: all of the table's, at every order.</summary>
    Everywhere,

    /// <summary>A mistake: the window's own, at every order.</summary>
    InWindow,
}

/// <summary>How a walk decides whether a window is worth a try.</summary>
/// <param name="Name">A short name for listings.</param>
public sealed record CandidateRule(string Name)
{
    /// <summary>Linux 7.2: occupied PTEs, swap entries counted at the PMD's order, at least what the limit asks for.</summary>
    public static CandidateRule Linux72 { get; } = new("pages >= needed");

    /// <summary>Up to 7.1: whatever the scan let pass.</summary>
    public static CandidateRule None { get; } = new("none") { TestsOccupancy = false };

    /// <summary>Where swap entries count.</summary>
    public SwapCounts Swap { get; init; }

    /// <summary>The limit is asked with the VMA in hand, though no lock protects it (v18: use after free).</summary>
    public bool SeesVma { get; init; }

    /// <summary>
    /// The scan remembers for the walk whether the VMA was armed by userfaultfd (W. Yang, 2026-05, on v18 patch 11). A design that no
    /// posting has.
    /// </summary>
    public bool RemembersUffd { get; init; }

    /// <summary>
    /// Chunks against a scaled threshold, and no test for sizes set to always or when only the PMD's is enabled (v5).
    /// </summary>
    public bool IsChunkThreshold { get; init; }

    /// <summary>False: no test of the occupancy.</summary>
    public bool TestsOccupancy { get; init; } = true;

    /// <summary>False, a mistake: disabled orders are tried too.</summary>
    public bool TestsEnabled { get; init; } = true;

    /// <summary>A mistake: more than needed instead of at least.</summary>
    public bool IsStrict { get; init; }
}
