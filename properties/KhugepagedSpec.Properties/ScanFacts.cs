using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Properties;

public sealed class ScanFacts
{
    [Theory]
    [InlineData("p", ScanResult.PageCount)]
    [InlineData("t", ScanResult.PageLock)]
    [InlineData("u", ScanResult.PageLru)]
    [InlineData("l", ScanResult.PageLazyFree)]
    [InlineData("w", ScanResult.PteUffdWp)]
    [InlineData("W", ScanResult.PteUffdWp)]
    [InlineData("S", ScanResult.PteUffdWp)]
    [InlineData("a", ScanResult.PageAnon)]
    [InlineData("v", ScanResult.PageNull)]
    [InlineData("D", ScanResult.PageNull)]
    [InlineData("h*257", ScanResult.ExceedSharedPte)]
    [InlineData("s*65", ScanResult.ExceedSwapPte)]
    [InlineData("i*65", ScanResult.ExceedSwapPte)]
    [InlineData("e*65", ScanResult.ExceedSwapPte)]
    [InlineData("d*65", ScanResult.ExceedSwapPte)]
    [InlineData("b*65", ScanResult.ExceedSwapPte)]
    [InlineData("g*65", ScanResult.ExceedSwapPte)]
    [InlineData("k*65", ScanResult.ExceedSwapPte)]
    public void One_odd_pte_ends_the_scan_for_every_order(string odd, ScanResult result)
    {
        var run = Given.Khugepaged($"x*200 {odd}", Given.Orders(2, 4), 511).Run();
        Assert.Equal((result, ""), (run.Status(), run.Windows()));
    }

    [Theory]
    [InlineData("L")]
    [InlineData("q")]
    [InlineData("K*256")]
    [InlineData("h*256")]
    [InlineData("s*64 x*100")]
    [InlineData("g*64 x*100")]
    [InlineData("o")]
    public void These_do_not_end_it(string cells) =>
        Assert.NotEmpty(Given.Khugepaged($"x*200 {cells}", Given.Orders(2, 4), 511).Run().Attempts());

    [Theory]
    [InlineData("0", ScanResult.NoPteTable)]
    [InlineData("m9", ScanResult.PmdMapped)]
    [InlineData("mi", ScanResult.PmdMapped)]
    [InlineData("mz", ScanResult.PmdMapped)]
    [InlineData("md", ScanResult.NoPteTable)]
    public void Without_a_pte_table_nothing_is_scanned(string table, ScanResult result)
    {
        var scenario = Given.Khugepaged(table, Given.Orders(2, 9), 511);
        var run = (scenario with { Vma = scenario.Vma with { HasAnonVma = true } }).Run();
        Assert.Equal(result, run.Status());
        Assert.Equal(1 + 1 + 1, run.Report.Progress + 1);
    }

    [Fact]
    public void With_an_mthp_size_enabled_the_scan_allows_all_but_one_pte_to_be_empty()
    {
        Assert.Equal(ScanResult.ExceedNonePte, Given.Khugepaged("x .*511", Given.Orders(9), 510).Run().Status());
        Assert.Equal(ScanResult.Fail, Given.Khugepaged("x .*511", Given.Orders(4), 510).Run().Status());
        var empty = Given.Khugepaged(".*512", Given.Orders(4), 510);
        Assert.Equal(ScanResult.ExceedNonePte, (empty with { Vma = empty.Vma with { HasAnonVma = true } }).Run().Status());
    }

    [Fact]
    public void With_only_the_pmd_size_enabled_a_uffd_armed_vma_may_have_no_empty_pte()
    {
        Assert.Equal(ScanResult.ExceedNonePte, Given.Khugepaged("x*511 .", Given.Orders(9), 511).WithVma(VmaFlags.UffdMissing).Run()
            .Status());
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("x*512", Given.Orders(9), 511).WithVma(VmaFlags.UffdRwp).Run().Status());
    }

    [Fact]
    public void Nothing_referenced_ends_the_scan_and_swap_asks_for_half_of_it()
    {
        Assert.Equal(ScanResult.LackReferencedPage, Given.Khugepaged("o*512", Given.Orders(4), 0).Run().Status());
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("o*500 x*12", Given.Orders(2), 0).Run().Status());
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("o*500 r*12", Given.Orders(2), 0).Run().Status());
        Assert.Equal(ScanResult.LackReferencedPage, Given.Khugepaged("s x*255 o*256", Given.Orders(4), 0).Run().Status());
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("s x*256 o*255", Given.Orders(4), 0).Run().Status());
    }

    [Fact]
    public void Droppable_memory_may_lose_its_lazyfree_pages() =>
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("l x*511", Given.Orders(9), 0).WithVma(VmaFlags.Droppable).Run().Status());

    [Fact]
    public void A_limit_exceeded_in_the_scan_is_counted_at_the_pmd_order_per_size_and_in_vmstat()
    {
        foreach (var (table, statistic, vmEvent) in new[]
        {
            (".*2 x*510", MthpStatistic.CollapseExceedNonePte, VmEvent.ThpScanExceedNonePte),
            ("s*65 x*447", MthpStatistic.CollapseExceedSwapPte, VmEvent.ThpScanExceedSwapPte),
            ("h*257 x*255", MthpStatistic.CollapseExceedSharedPte, VmEvent.ThpScanExceedSharePte),
        })
        {
            var added = Given.Khugepaged(table, Given.Orders(9), 1).Run().Report.Added;
            Assert.Equal((1, 1), (added[statistic, 9], added[vmEvent]));
            Assert.Single(added.Sizes());
            Assert.Single(added.Events());
        }
    }

    [Fact]
    public void Pages_on_nodes_too_far_apart_end_the_scan_and_the_fuller_node_gets_the_folio()
    {
        var scenario = Given.Khugepaged("f4@1*2 x*480", Given.Orders(9), 0);
        Assert.Equal(ScanResult.ScanAbort, (scenario with { Numa = NumaTopology.TwoFarNodes }).Run().Status());
        var near = scenario with { Numa = new NumaTopology(true, [[10, 20], [20, 10]]) };
        Assert.Equal(0, near.Run().After.Cells[0].Node);
        var mostlyOnNode1 = Given.Khugepaged("f8@1*2", Given.Orders(9), 0) with { Numa = near.Numa };
        Assert.Equal(1, mostlyOnNode1.Run().After.Cells[0].Node);
    }
}
