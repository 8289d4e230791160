using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Collapse;

/// <summary>What one scan of a PMD range found.</summary>
/// <param name="Result">How the scan ended; the walk begins only after <see cref="ScanResult.Succeed"/>.</param>
/// <param name="Enabled">The orders that were allowed when it began.</param>
/// <param name="NoneOrZero">Empty and zero-page PTEs seen.</param>
/// <param name="Unmapped">Non-present PTEs seen.</param>
/// <param name="Shared">PTEs seen whose folio may be mapped by another process.</param>
/// <param name="Referenced">PTEs seen that were referenced; 0 for MADV_COLLAPSE, which does not ask.</param>
/// <param name="LastPfn">The frame of the last folio looked at, -1 if none.</param>
/// <param name="Node">The NUMA node most pages are on: where to allocate.</param>
/// <param name="EndedAt">The PTE that ended the scan, from the start of the range; -1 if all were looked at, or none.</param>
public readonly record struct ScanReport(
    ScanResult Result,
    OrderSet Enabled = default,
    int NoneOrZero = 0,
    int Unmapped = 0,
    int Shared = 0,
    int Referenced = 0,
    int LastPfn = -1,
    int Node = 0,
    int EndedAt = -1)
{
    // What is wrong with a page, not with its entry.
    private static readonly ResultSet EndedByAPage = ResultSet.Of(
        ScanResult.PageLazyFree, ScanResult.PageAnon, ScanResult.ExceedSharedPte, ScanResult.ScanAbort, ScanResult.PageLru,
            ScanResult.PageLock,
        ScanResult.PageCount);

    /// <summary>What ended it; null after success.</summary>
    public Refusal? Why { get; init; }

    /// <summary>What took the PMD's order away from a scan that went on; null if nothing did, or nothing can.</summary>
    public ScanResult? PmdRefused { get; init; }

    /// <summary>A PTE was seen that can be written without a fault.</summary>
    public bool IsWritable { get; init; }

    /// <summary>The frame of the folio that ended the scan, -1 if it was not a folio that did.</summary>
    public int EndingPfn => EndedByAPage.Contains(Result) ? LastPfn : -1;
}
