using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What Linux 7.2 does when others act between its steps. Source: <c>mm/khugepaged.c</c>.</summary>
public sealed class InterferenceFacts
{
    [Fact]
    public void Small_pages_that_became_one_folio_of_the_order_are_a_mapped_huge_page_and_the_walk_goes_on_behind_them()
    {
        var run = Given.Khugepaged("x*32", Given.Orders(2, 4), 0).Failing("pages-turn-folio@4#1").Run();
        Assert.Equal("0/4 16/4", run.Windows());
        Assert.Equal((ScanResult.PteMappedHugepage, ScanResult.Succeed), (run.Attempts()[0].Status, run.Attempts()[1].Status));
        Assert.Equal("f4 F4 .*480", run.After.ToString().Replace("F4*2", "f4 F4", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folio_in_part_of_the_window_is_large_enough_to_keep_it() =>
        Assert.Equal(ScanResult.PteMappedHugepage, Given.Khugepaged("x*4 .*12 x*16", Given.Orders(4), 511)
            .Failing("pages-turn-folio/write#1").Run().Attempts()[0].Status);

    [Fact]
    public void At_the_pmd_order_a_pte_mapped_folio_is_collapsed_all_the_same() =>
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("x*512", Given.Orders(9), 0).Failing("pages-turn-folio").Run().Status());

    [Fact]
    public void What_turns_into_a_folio_reads_as_before()
    {
        var history = History.Of(Given.Khugepaged("x*16 .*496", Given.Orders(4), 0).Failing("pages-turn-folio"), Catalogue.Linux72, 2);
        Assert.All(Contract.Invariants.Where(invariant => invariant.IsClaimedOf(Catalogue.Linux72)),
            invariant => Assert.Null(invariant.Check(history)));
    }

    [Theory]
    [InlineData("y*512", ScanResult.Succeed)]
    [InlineData("o*512", ScanResult.LackReferencedPage)]
    [InlineData("o*511 y", ScanResult.Succeed)]
    [InlineData("y*256 o*255 s", ScanResult.Succeed)]
    [InlineData("y*255 o*256 s", ScanResult.LackReferencedPage)]
    [InlineData("f9oy", ScanResult.Succeed)]
    [InlineData("f9o", ScanResult.LackReferencedPage)]
    public void A_page_young_in_a_secondary_mmu_only_counts_as_referenced(string table, ScanResult result)
    {
        // A folio of the PMD's order that fills the table is one that PTEs map.
        var run = Given.Khugepaged(table, Given.Orders(9), 0).Run();
        Assert.Equal(result, run.Status());
        Assert.Equal(table.Contains('y') ? Given.Table(table).Cells.Count(cell => cell.Has(CellFlags.SecondaryYoung))
            : 0, run.Report.Tables[0].Scan.Referenced);
    }

    [Fact]
    public void Isolation_asks_the_secondary_mmu_again()
    {
        var scenario = Given.Khugepaged("y*16 .*496", Given.Orders(4), 0);
        Assert.Equal(new IsolateReport(0, 16), scenario.Run().Attempts()[0].Isolate);
        Assert.Equal(ScanResult.LackReferencedPage, scenario.Failing("pages-age").Run().Attempts()[0].Status);
        Assert.Equal(new IsolateReport(0, 16), Given.Khugepaged("x*16 .*496", Given.Orders(4), 0).Failing("pages-used-elsewhere/write")
            .Run().Attempts()[0].Isolate);
    }

    // sysfs is written between the look at the VMA and the scan: the set that the scan captures is empty.
    [Theory]
    [InlineData("x*512")]
    [InlineData("x .*511")]
    public void A_walk_of_no_order_tries_nothing_and_returns_fail_with_the_lock_dropped(string table)
    {
        var scenario = Given.Khugepaged(table, Given.Orders(4, 9), 0).Failing("sizes-turned-off/scan");
        var run = scenario.Run();
        var visit = run.Report.Tables.Single();
        Assert.Equal((ScanResult.Succeed, ScanResult.Fail, OrderSet.Empty), (visit.Scan.Result, visit.Status, visit.Scan.Enabled));
        Assert.Empty(visit.Attempts);
        Assert.Equal(scenario.Table, run.After);

        // Had the lock been kept, the process would have been left in the same visit: one line of mm_khugepaged_scan, not two.
        Assert.Equal(2, scenario.Run(Catalogue.Linux72, 1, traced: true)[0].Trace.Count(line => line is TraceEvent.KhugepagedScan));
    }

    // With no order the scan is not the PMD's alone, so all PTEs but one may be empty, whatever max_ptes_none says.
    [Fact]
    public void A_scan_of_no_order_lets_all_ptes_but_one_be_empty()
    {
        Assert.Equal(ScanResult.ExceedNonePte, Given.Khugepaged("x .*511", Given.Orders(9), 0).Run().Report.Tables[0].Scan.Result);
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("x .*511", Given.Orders(9), 0).Failing("sizes-turned-off/scan")
            .Run().Report.Tables[0].Scan.Result);
        Assert.Equal(ScanResult.ExceedNonePte, WithAnonVma(Given.Khugepaged("z*512", Given.Orders(9), 0)).Failing("sizes-turned-off/scan")
            .Run().Report.Tables[0].Scan.Result);
    }

    [Fact]
    public void Up_to_7_1_the_scan_does_not_ask_again_and_the_attempt_finds_out()
    {
        var visit = Given.Khugepaged("x*512", Given.Orders(9), 0).Failing("sizes-turned-off/scan")
            .Run(Catalogue.Linux71, 1)[0].Report.Tables.Single();
        Assert.Equal(ScanResult.VmaCheck, visit.Attempts.Single().Status);
    }

    [Theory]
    [InlineData("sizes-turned-off")]
    [InlineData("sizes-turned-off/write")]
    public void Written_between_scan_and_attempts_the_first_attempt_ends_the_walk(string fault)
    {
        var run = Given.Khugepaged("x*512", Given.Orders(3, 4), 0).Failing(fault).Run();
        Assert.Equal((ScanResult.VmaCheck, 1L), (run.Attempts().Single().Status, run.Report.Added[MthpStatistic.CollapseAlloc, 4]));
    }

    [Fact]
    public void Madvise_collapse_does_not_ask_sysfs() =>
        Assert.Equal(ScanResult.Succeed, Given.Madvise("x*512").Failing("sizes-turned-off/scan").Run().Status());

    [Theory]
    [InlineData("uffd-registered")]
    [InlineData("uffd-registered/write")]
    public void A_vma_armed_after_the_scan_keeps_its_holes(string fault) =>
        Assert.Equal(ScanResult.ExceedNonePte, Given.Khugepaged("x*15 . x*496", Given.Orders(4), 511).Failing(fault).Run()
            .Attempts()[0].Status);

    [Fact]
    public void Between_passes_anything_may_happen_and_the_next_pass_finds_it()
    {
        var scenario = Given.Khugepaged("x*512", Given.Orders(4), 511).Failing("page-zapped/pass@4:32#1", "uffd-registered/pass#1");
        var history = History.Of(scenario, Catalogue.Linux72, 3);
        Assert.Equal((0, 1, 1), (Holes(0), Holes(1), Holes(2)));
        Assert.True(history.Runs[1].Vma.IsUffdArmed);
        Assert.False(history.Runs[0].Vma.IsUffdArmed);

        int Holes(int pass) => history.Runs[pass].After.Cells.Count(cell => cell.IsNoneOrZero);
    }

    [Theory]
    [InlineData("page-zapped/scan", "page-zapped cannot happen there: expected read or write or pass")]
    [InlineData("alloc-fails/pass", "alloc-fails cannot happen there: expected read")]
    [InlineData("page-zapped/noon", "unknown gap 'noon'")]
    public void A_fault_where_it_cannot_be_is_refused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => FaultInjection.Parse(text)).Message, StringComparison.Ordinal);

    private static Scenario WithAnonVma(Scenario scenario) => scenario with { Vma = scenario.Vma with { HasAnonVma = true } };
}
