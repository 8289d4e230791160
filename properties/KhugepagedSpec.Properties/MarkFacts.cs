using FsCheck.Xunit;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Properties;

/// <summary>
/// Marks: every result that a scan or an attempt can have, and every row of the retry table, each with a scenario that reaches it,
/// seen in what khugepaged does and not in what the table says.
/// </summary>
[Cases]
public sealed class MarkFacts
{
    // The file path's, which is not modelled; no anonymous collapse has them.
    private static readonly ResultSet OfFiles = ResultSet.Of(
        ScanResult.PageCompound, ScanResult.Truncated, ScanResult.PageHasPrivate, ScanResult.StoreFailed, ScanResult.PageFilled,
            ScanResult.PageDirtyOrWriteback);

    public static TheoryData<ScanResult, string, string> Scans { get; } = new()
    {
        { ScanResult.Succeed, "x*512", "" },
        { ScanResult.NoPteTable, "0", "" },
        { ScanResult.PmdMapped, "m9", "" },
        { ScanResult.ExceedNonePte, ".*512", "" },
        { ScanResult.ExceedSwapPte, "s*65 x*447", "" },
        { ScanResult.ExceedSharedPte, "h*257 x*255", "" },
        { ScanResult.PteUffdWp, "w x*511", "" },
        { ScanResult.PageNull, "v x*511", "" },
        { ScanResult.LackReferencedPage, "o*512", "" },
        { ScanResult.ScanAbort, "x*511 f0@1", "far-nodes" },
        { ScanResult.PageCount, "p x*511", "" },
        { ScanResult.PageLru, "u x*511", "" },
        { ScanResult.PageLock, "t x*511", "" },
        { ScanResult.PageAnon, "a x*511", "" },
        { ScanResult.PageLazyFree, "l x*511", "" },
        { ScanResult.PteNonPresent, "g x*511", "nonswap" },
    };

    // At 0/4, with order 3 below it and 16/4 after it.
    public static TheoryData<ScanResult, WalkVerdict, string, string> Rows { get; } = new()
    {
        { ScanResult.Succeed, WalkVerdict.Advance, "x*512", "" },
        { ScanResult.PteMappedHugepage, WalkVerdict.Advance, "f4 x*496", "" },
        { ScanResult.AllocHugePageFail, WalkVerdict.Lower, "x*512", "alloc-fails@4#1" },
        { ScanResult.LackReferencedPage, WalkVerdict.Lower, "o*16 x*496", "" },
        { ScanResult.ExceedNonePte, WalkVerdict.Lower, "x*512", "page-zapped@4#1" },
        { ScanResult.ExceedSwapPte, WalkVerdict.Lower, "s x*511", "" },
        { ScanResult.PteNonPresent, WalkVerdict.Lower, "x*512", "page-swapped-out@4#1" },
        { ScanResult.ExceedSharedPte, WalkVerdict.Lower, "h x*511", "" },
        { ScanResult.PageLock, WalkVerdict.Lower, "x*512", "page-locked@4#1" },
        { ScanResult.PageCount, WalkVerdict.Lower, "x*512", "page-pinned/write@4#1" },
        { ScanResult.PageNull, WalkVerdict.Lower, "x*512", "page-turns-device@4#1" },
        { ScanResult.DelPageLru, WalkVerdict.Lower, "x*512", "page-off-lru@4#1" },
        { ScanResult.PteUffdWp, WalkVerdict.Lower, "x*512", "page-write-protected@4#1" },
        { ScanResult.PageLazyFree, WalkVerdict.Lower, "x*512", "page-freed@4#1" },
        { ScanResult.Fail, WalkVerdict.Stop, "x*512", "table-replaced/write@4#1" },
        { ScanResult.NoPteTable, WalkVerdict.Stop, "x*512", "table-freed@4#1" },
        { ScanResult.PmdMapped, WalkVerdict.Stop, "x*512", "pmd-turns-huge@4#1" },
        { ScanResult.CgroupChargeFail, WalkVerdict.Stop, "x*512", "charge-fails@4#1" },
        { ScanResult.AnyProcess, WalkVerdict.Stop, "x*512", "mm-exits@4#1" },
        { ScanResult.VmaNull, WalkVerdict.Stop, "x*512", "vma-unmapped@4#1" },
        { ScanResult.VmaCheck, WalkVerdict.Stop, "x*512", "size-turned-off@4#1" },
        { ScanResult.AddressRange, WalkVerdict.Stop, "x*512", "vma-shrinks@4#1" },
        { ScanResult.CopyMc, WalkVerdict.Stop, "x*512", "copy-fails@4#1" },
    };

    // A VMA that turned into a file's may have no order below the PMD's: SCAN_VMA_CHECK comes first.
    private static readonly ResultSet AtPmdOrderOnly = ResultSet.Of(ScanResult.PageAnon);

    [Theory]
    [MemberData(nameof(Scans))]
    public void A_scan_has_this_result(ScanResult result, string table, string with)
    {
        var scenario = Given.Khugepaged(table, Given.Orders(4, 9), 511);
        scenario = scenario with
        {
            Vma = scenario.Vma with { HasAnonVma = true },
            Numa = with == "far-nodes" ? NumaTopology.TwoFarNodes
            : scenario.Numa
        };
        var version = with == "nonswap" ? Versions.Catalogue.Linux72NonSwap : Subjects.Linux72;
        Assert.Equal(result, scenario.Run(version, 1)[0].Report.Tables[0].Scan.Result);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void After_this_result_the_walk_goes_there(ScanResult result, WalkVerdict verdict, string table, string fault)
    {
        // Under the limit 0 a window with a swap entry is not tried.
        var scenario = Given.Khugepaged(table, Given.Orders(3, 4), result == ScanResult.ExceedSwapPte ? 511 : 0)
            .Failing(fault.Length > 0 ? [fault] : []);
        var attempts = scenario.Run(Subjects.Linux72, 1)[0].Attempts();
        Assert.Equal((0, 4, result), (attempts[0].Offset, attempts[0].Order, attempts[0].Status));
        var next = attempts.Count > 1 ? ((int Offset, int Order)?)(attempts[1].Offset, attempts[1].Order) : null;
        (int, int)? expected = verdict switch
        {
            WalkVerdict.Advance => (16, 4),
            WalkVerdict.Lower => (0, 3),
            _ => null,
        };
        Assert.Equal(expected, next);
    }

    [Fact]
    public void Every_result_of_the_anonymous_path_and_every_row_of_the_retry_table_is_marked()
    {
        var scans = Results(Scans);
        var rows = Rows.ToDictionary(row => (ScanResult)row[0], row => (WalkVerdict)row[1]);
        foreach (var result in Enum.GetValues<ScanResult>())
        {
            Assert.True(scans.Contains(result) || rows.ContainsKey(result) || OfFiles.Contains(result)
                || result == ScanResult.PageRo, $"no mark for {result.KernelName()}");
            bool hasRow = RetryTable.Linux72.For(result) != WalkVerdict.Stop && !AtPmdOrderOnly.Contains(result);
            Assert.True(!hasRow || rows.ContainsKey(result), $"no mark for the row {result.KernelName()}");
        }
        Assert.All(rows, row => Assert.Equal(RetryTable.Linux72.For(row.Key), row.Value));
    }

    [Property]
    public void No_run_has_a_result_without_a_mark(Scenario scenario)
    {
        foreach (var table in scenario.Run(Subjects.Linux72, 2).SelectMany(run => run.Report.Tables))
        {
            Assert.Contains(table.Scan.Result, Results(Scans));
            Assert.All(table.Attempts,
                attempt => Assert.True(AtPmdOrderOnly.Contains(attempt.Status) || Results(Rows).Contains(attempt.Status),
                $"{attempt} has no mark"));
        }
    }

    private static HashSet<ScanResult> Results(IEnumerable<object[]> rows) => [.. rows.Select(row => (ScanResult)row[0])];
}
