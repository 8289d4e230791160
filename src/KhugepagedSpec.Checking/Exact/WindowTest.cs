using System.Diagnostics;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>A version's test of a window, asked without a table; and whether its walk is the contract's buddy tree.</summary>
internal static class WindowTest
{
    /// <summary>
    /// A window of an enabled order with so many pages and nothing else is tried. Up to 7.1 the scan's limit is the test.
    /// </summary>
    public static bool IsTried(KhugepagedVersion version, Geometry geometry, int order, int limit, int pages) => version.IsPmdOnly
        ? geometry.Pages - pages <= limit
        : Ask(version, geometry, order, limit, new WindowCounts(pages), isArmed: false).IsPassed;

    /// <summary>
    /// The attempts are those of the contract's tree: the walk is the tree, each result leads where 7.2's does, and a window is tried if
    /// and only if it has as many pages as max_ptes_none asks for, what is not present counting at the PMD's order only.
    /// </summary>
    /// <param name="geometry">The geometry.</param>
    /// <param name="version">The version.</param>
    /// <param name="tree">What is known of its walk.</param>
    public static Claim IsBuddyTree(Geometry geometry, KhugepagedVersion version, Claim tree)
    {
        var clock = Stopwatch.StartNew();
        long cases = 0;
        string? wrong = tree.Refuted;
        foreach (var result in Enum.GetValues<ScanResult>())
        {
            cases++;
            var (right, verdict) = (RetryTable.Linux72.For(result), version.Retry.For(result));
            // What only kernels before 6.18 have, and what is of files only, comes of no attempt.
            bool canBe = ResultGlossary.Entries.Any(entry => entry.Result == result && entry.Next is not null);
            if (canBe && verdict != right)
                wrong ??= $"after {result.KernelName()} the walk has to {Name(right)}, and is told to {Name(verdict)}";
        }
        if (version.Candidate.IsChunkThreshold)
            wrong ??= "a window is tried by chunks, each judged by the empty PTEs of the chunk before it";
        for (int limit = 0; limit <= geometry.MaxPtesLimit; limit++)
            for (int order = Geometry.MinOrder; order <= geometry.PmdOrder; order++)
            {
                int size = 1 << order;
                int allowed = order == geometry.PmdOrder ? limit : limit == geometry.MaxPtesLimit ? size - 1 : 0;
                // The test is a threshold: around it, and at the ends.
                foreach (int pages in (ReadOnlySpan<int>)[0, size - allowed - 1, size - allowed, size])
                    foreach (int unmapped in (ReadOnlySpan<int>)[0, 1])
                        foreach (bool isArmed in (ReadOnlySpan<bool>)[false, true])
                        {
                            if (pages < 0 || pages + (order == geometry.PmdOrder ? unmapped : 0) > size)
                                continue;
                            cases++;
                            bool isRight = pages + (order == geometry.PmdOrder ? unmapped : 0) >= size - allowed;
                            // In the window, so that it may count there too.
                            int inWindow = pages < size ? unmapped : 0;
                            if (Ask(version, geometry, order, limit, new WindowCounts(pages, unmapped, inWindow),
                                isArmed).IsPassed != isRight)
                                wrong ??= $"a window of order {order} with {pages} pages is {(isRight ? "not " : "")}tried"
                                    + $" under max_ptes_none {limit}{(unmapped > 0 ? ", 1 entry not present" : "")}"
                                    + (isArmed ? ", armed by userfaultfd" : "");
                        }
            }
        return new Claim(
            "buddy-tree",
            "Tried are the enabled and sufficiently occupied windows of the buddy tree, pruned and ended by results as in 7.2.",
            cases, wrong, clock.Elapsed);
    }

    private static CandidateTest Ask(KhugepagedVersion version, Geometry geometry, int order, int limit, WindowCounts counts, bool isArmed)
    {
        var settings = ThpSettings.Defaults(geometry) with { MaxPtesNone = limit };
        var vma = Vma.ExactPmdRange(geometry);
        if (isArmed)
            vma = vma with { Flags = vma.Flags | VmaFlags.UffdMissing };
        bool sees = version.Candidate.SeesVma || version.Candidate.RemembersUffd;
        int allowed = new CollapseMaxPtes(settings, CollapseKind.Khugepaged, version).None(order, sees ? vma : null);
        return version.Candidate.Test(settings, geometry.AnonOrders, order, allowed, counts);
    }

    private static string Name(WalkVerdict verdict) => verdict switch
    {
        WalkVerdict.Advance => "go on after the window",
        WalkVerdict.Lower => "go lower",
        _ => "stop",
    };
}
