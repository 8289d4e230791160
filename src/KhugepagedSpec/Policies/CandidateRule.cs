using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Policies;

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

    /// <summary>What the test comes to at one window.</summary>
    /// <param name="settings">The sysfs settings.</param>
    /// <param name="enabled">The orders that the scan found enabled.</param>
    /// <param name="order">The window's order.</param>
    /// <param name="allowed">Empty PTEs allowed in it, or <see cref="NoneLimit.Unsupported"/>.</param>
    /// <param name="counts">What it holds.</param>
    public CandidateTest Test(ThpSettings settings, OrderSet enabled, int order, int allowed, WindowCounts counts)
    {
        if (!TestsOccupancy)
            return new CandidateTest(0, 0) { IsUntested = true };
        var geometry = settings.Geometry;
        if (IsChunkThreshold)
        {
            // Source: v5 patch 7 (N. Pache, April 2025), khugepaged_scan_bitmap: orders counted in chunks of order 2.
            int threshold = (geometry.Pages - settings.MaxPtesNone - 1) >> (geometry.PmdOrder - (order - Geometry.MinOrder));
            return new CandidateTest(counts.Occupied, threshold + 1)
            {
                CountsChunks = true,
                IsUntested = enabled == OrderSet.Of(geometry.PmdOrder) || settings.Always.Contains(order),
            };
        }
        int notPresent = Swap switch
        {
            SwapCounts.Everywhere => counts.UnmappedInTable,
            SwapCounts.AtPmdOrder when order == geometry.PmdOrder => counts.UnmappedInTable,
            SwapCounts.InWindow => counts.UnmappedInWindow,
            _ => 0,
        };
        int pages = 1 << order;
        return new CandidateTest(counts.Occupied + notPresent, IsStrict ? pages - allowed + 1 : pages - allowed)
        {
            NotPresent = notPresent,
            IsUnsupported = allowed == NoneLimit.Unsupported,
        };
    }
}

/// <summary>What a window holds, for the test whether it is worth a try.</summary>
/// <param name="Occupied">Bits of the occupancy: PTEs with a usable page, or chunks.</param>
/// <param name="UnmappedInTable">Non-present PTEs that the scan saw in the whole table.</param>
/// <param name="UnmappedInWindow">Non-present PTEs in the window now.</param>
public readonly record struct WindowCounts(int Occupied, int UnmappedInTable = 0, int UnmappedInWindow = 0);

/// <summary>Whether a window is worth a try, and by which figures.</summary>
/// <param name="Occupied">What counts as occupied.</param>
/// <param name="Needed">How much of that is asked for.</param>
public readonly record struct CandidateTest(int Occupied, int Needed)
{
    /// <summary>The limit has no meaning at this order: the walk ends.</summary>
    public bool IsUnsupported { get; init; }

    /// <summary>The occupancy is not looked at.</summary>
    public bool IsUntested { get; init; }

    /// <summary>Both figures are chunks of order 2.</summary>
    public bool CountsChunks { get; init; }

    /// <summary>How many of the occupied are not present.</summary>
    public int NotPresent { get; init; }

    /// <summary>The window is tried.</summary>
    public bool IsPassed => IsUntested || (!IsUnsupported && Occupied >= Needed);
}
