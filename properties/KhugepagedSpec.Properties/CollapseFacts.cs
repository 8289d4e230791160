using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

public sealed class CollapseFacts
{
    [Theory]
    [InlineData("x*512", "alloc-fails", ScanResult.AllocHugePageFail)]
    [InlineData("x*512", "charge-fails", ScanResult.CgroupChargeFail)]
    [InlineData("x*512", "deferred-split-fails", ScanResult.AllocHugePageFail)]
    [InlineData("x*512", "mm-exits", ScanResult.AnyProcess)]
    [InlineData("x*512", "mm-exits/write", ScanResult.AnyProcess)]
    [InlineData("x*512", "vma-unmapped", ScanResult.VmaNull)]
    [InlineData("x*512", "vma-unmapped/write", ScanResult.VmaNull)]
    [InlineData("x*512", "vma-shrinks", ScanResult.AddressRange)]
    [InlineData("x*512", "vma-shrinks/write", ScanResult.AddressRange)]
    [InlineData("x*512", "size-turned-off", ScanResult.VmaCheck)]
    [InlineData("x*512", "vma-turns-file", ScanResult.PageAnon)]
    [InlineData("x*512", "table-freed", ScanResult.NoPteTable)]
    [InlineData("x*512", "table-freed/write", ScanResult.NoPteTable)]
    [InlineData("x*512", "pmd-turns-huge", ScanResult.PmdMapped)]
    [InlineData("x*512", "table-replaced/write", ScanResult.Fail)]
    [InlineData("x*512", "page-locked", ScanResult.PageLock)]
    [InlineData("x*512", "page-off-lru", ScanResult.DelPageLru)]
    [InlineData("x*512", "copy-fails", ScanResult.CopyMc)]
    [InlineData("x*512", "page-zapped", ScanResult.ExceedNonePte)]
    [InlineData("x*512", "page-swapped-out", ScanResult.PteNonPresent)]
    [InlineData("x*512", "page-pinned/write", ScanResult.PageCount)]
    [InlineData("x*512", "page-freed", ScanResult.PageLazyFree)]
    [InlineData("x*512", "page-write-protected", ScanResult.PteUffdWp)]
    [InlineData("x*512", "page-turns-device", ScanResult.PageNull)]
    [InlineData("x*511 s", "swapin-retries", ScanResult.PageLock)]
    [InlineData("x*511 s", "swapin-fails", ScanResult.Fail)]
    [InlineData("x*511 g", "page-locked", ScanResult.Fail)]
    [InlineData("x*511 b", "page-locked", ScanResult.Fail)]
    [InlineData("x*511 k", "page-locked", ScanResult.Fail)]
    public void What_befalls_an_attempt_at_the_pmd_order_gives_its_result(string table, string fault, ScanResult result) =>
        Assert.Equal(result, Given.Khugepaged(table, Given.Orders(9), 0).Failing(fault).Run().Attempts().Single().Status);

    [Fact]
    public void An_injected_fault_is_written_as_it_is_read() =>
        Assert.All(
            FaultInjection.Names.SelectMany(pair => new[] { pair.Name, $"{pair.Name}/write@4:16#1", $"{pair.Name}@9", $"{pair.Name}#3" }),
            text => Assert.Equal(text, FaultInjection.Parse(text).ToString()));

    [Theory]
    [InlineData("h x*15", 0, ScanResult.ExceedSharedPte)]
    [InlineData("s x*15", 511, ScanResult.ExceedSwapPte)]
    [InlineData("g x*15", 511, ScanResult.ExceedSwapPte)]
    [InlineData("i x*15", 511, ScanResult.ExceedSwapPte)]
    [InlineData("o*16", 0, ScanResult.LackReferencedPage)]
    [InlineData("f4", 0, ScanResult.PteMappedHugepage)]
    [InlineData("f5[0+1] x*15", 0, ScanResult.PteMappedHugepage)]
    [InlineData("f3 x*8", 0, ScanResult.Succeed)]
    [InlineData("f3[0+1] x*15", 0, ScanResult.Succeed)]
    public void What_a_window_below_the_pmd_order_holds_gives_its_result(string window, int maxPtesNone, ScanResult result)
    {
        var run = Given.Khugepaged($"{window} x*496", Given.Orders(4), maxPtesNone).Run();
        Assert.Equal((0, 4, result), (run.Attempts()[0].Offset, run.Attempts()[0].Order, run.Attempts()[0].Status));
    }

    [Fact]
    public void A_uffd_armed_vma_is_found_out_by_isolation_only()
    {
        var run = Given.Khugepaged("x*15 . x*496", Given.Orders(4), 511).WithVma(VmaFlags.UffdWp).Run();
        Assert.Equal(ScanResult.ExceedNonePte, run.Attempts()[0].Status);
        Assert.Equal((32, 1), (run.Report.Added[MthpStatistic.CollapseAlloc, 4], run.Report.Added[MthpStatistic.CollapseExceedNonePte, 4]));
    }

    [Fact]
    public void A_failed_isolation_poisons_lower_orders_through_the_lru_batch()
    {
        var scenario = Given.Khugepaged("x*24 h x*7 .*480", Given.Orders(3, 5), 0);
        Assert.Equal([ScanResult.ExceedSharedPte, ScanResult.PageCount, ScanResult.PageCount, ScanResult.PageCount,
            ScanResult.ExceedSharedPte],
            scenario.Run().Attempts().Select(attempt => attempt.Status));
        Assert.Equal([ScanResult.ExceedSharedPte, ScanResult.Succeed, ScanResult.Succeed, ScanResult.Succeed, ScanResult.ExceedSharedPte],
            scenario.Run(Catalogue.Linux72WithoutLruBatch, 1)[0].Attempts().Select(attempt => attempt.Status));
    }

    [Fact]
    public void The_lru_batch_empties_at_31_pages()
    {
        // 30 pages put back stay; the 31st frees them all.
        Assert.Equal(ScanResult.PageCount, Given.Khugepaged("x*30 h x*33", Given.Orders(2, 6), 0).Run().Attempts()[1].Status);
        Assert.Equal(ScanResult.Succeed, Given.Khugepaged("x*31 h x*32", Given.Orders(2, 6), 0).Run().Attempts()[1].Status);
    }

    // 0/3 succeeds; 32/5 then fails at its 26th page and puts 25 back. If the eight sources of the success are still in the
    // batch, it fills up and empties on the way, and 40/3 finds its pages free.
    [Theory]
    [InlineData("x*8", VmaFlags.None, ScanResult.PageCount)]
    [InlineData("x*8", VmaFlags.Locked, ScanResult.Succeed)]
    [InlineData("f2*2", VmaFlags.Locked, ScanResult.PageCount)]
    public void A_success_empties_the_lru_batch_but_in_an_mlocked_vma_only_if_it_took_large_folios(string sources, VmaFlags flags,
        ScanResult later)
    {
        var run = Given.Khugepaged($"{sources} .*24 x*25 h x*6", Given.Orders(3, 5), 0).WithVma(flags).Run();
        Assert.Equal("0/3 32/5 32/3 40/3 48/3 56/3", run.Windows());
        Assert.Equal([ScanResult.Succeed, ScanResult.ExceedSharedPte, ScanResult.PageCount, later], run.Attempts().Take(4)
            .Select(attempt => attempt.Status));
    }

    [Fact]
    public void Swapped_in_pages_stay_even_if_the_attempt_fails()
    {
        var run = Given.Khugepaged("s*4 x*507 .", Given.Orders(4, 9), 511).WithVma(VmaFlags.UffdMissing).Run();
        Assert.Equal((ScanResult.ExceedNonePte, 4), (run.Attempts()[0].Status, run.Attempts()[0].Swapin!.Value.SwappedIn));
        Assert.DoesNotContain(run.After.Cells, cell => cell.Kind == PteKind.Swap);
    }

    [Theory]
    [InlineData('i')]
    [InlineData('e')]
    [InlineData('d')]
    public void At_the_pmd_order_a_fault_brings_back_what_is_elsewhere(char entry)
    {
        var run = Given.Khugepaged($"{entry} x*511", Given.Orders(9), 0).Run();
        Assert.Equal((ScanResult.Succeed, PmdState.Huge), (run.Status(), run.After.Pmd));
    }

    [Fact]
    public void A_read_only_vma_gets_a_clean_folio() =>
        Assert.False((Given.Khugepaged("x*16", Given.Orders(4), 0) is var s
            ? s with { Vma = s.Vma with { Flags = s.Vma.Flags & ~VmaFlags.Write } } : null)!
            .Run().After.Cells[0].Has(CellFlags.Dirty));

    [Fact]
    public void A_folio_that_a_window_takes_in_part_waits_on_the_deferred_split_list_once()
    {
        var added = Given.Khugepaged("x*4 f3 f4 x*484", Given.Orders(3), 0).Run().Report.Added;
        Assert.Equal(0, added[MthpStatistic.SplitDeferred, 4]);
        added = Given.Khugepaged("x*12 f3 x*492", Given.Orders(4), 0).Run().Report.Added;
        Assert.Equal(1, added[MthpStatistic.SplitDeferred, 3]);
        added = Given.Khugepaged("x*12 f3[0+7] x*493", Given.Orders(4), 0).Run().Report.Added;
        Assert.Equal(0, added[MthpStatistic.SplitDeferred, 3]);
    }

    [Fact]
    public void Whatever_is_collapsed_reads_as_before_and_nothing_outside_changes() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300),
            Prop.ForAll(Arb.From(Tables.Collapsible), Arb.From(Gen.Choose(0, int.MaxValue)), (table, seed) =>
        {
            var running = new RunningScenario(Random(table, seed), Catalogue.Linux72);
            for (int pass = 0; pass < 3; pass++)
            {
                var (before, contents) = (running.Table, Contents(running));
                var run = running.Pass();
                Assert.Equal(contents, Contents(running));
                CheckCells(before, run);
            }
        }));

    [Fact]
    public void At_the_limit_0_no_order_below_the_pmds_ever_fills_an_empty_pte() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300),
            Prop.ForAll(Arb.From(Tables.Collapsible), Arb.From(Gen.Choose(0, int.MaxValue)), (table, seed) =>
        {
            var scenario = Random(table, seed);
            scenario = scenario with { Settings = scenario.Settings with { MaxPtesNone = 0 } };
            foreach (var run in scenario.Run(Catalogue.Linux72, 3))
                for (int i = 0; i < table.Cells.Length; i++)
                    Assert.Equal(table.Cells[i].IsNoneOrZero, run.After.Cells[i].IsNoneOrZero);
        }));

    // Every cell that changed lies in a window that was collapsed; windows are aligned, disjoint, of an enabled order.
    private static void CheckCells(PageTable before, PassRun run)
    {
        var collapsed = run.Attempts().Where(attempt => attempt.Status == ScanResult.Succeed).ToList();
        int end = 0;
        foreach (var window in collapsed)
        {
            Assert.Equal(0, window.Offset % (1 << window.Order));
            Assert.True(window.Offset >= end);
            Assert.True(run.Report.Tables[0].Scan.Enabled.Contains(window.Order));
            end = window.Offset + (1 << window.Order);
        }
        for (int i = 0; i < before.Cells.Length; i++)
        {
            if (collapsed.Any(window => window.Offset <= i && i < window.Offset + (1 << window.Order)))
                continue;
            if (before.Cells[i].Kind != PteKind.Swap)
                Assert.Equal(before.Cells[i], run.After.Cells[i] with { Flags = run.After.Cells[i].Flags & ~CellFlags.New });
        }
    }

    private static long[] Contents(RunningScenario running) =>
        [.. Enumerable.Range(0, running.Machine.Geometry.Pages)
            .Select(page => TableImage.ReadContents(running.Machine, running.Process, page))];

    private static Scenario Random(PageTable table, int seed)
    {
        var random = new Random(seed);
        var scenario = Scenario.Of(table);
        var settings = scenario.Settings.WithSizes(new OrderSet((uint)random.Next(1 << 10)) & table.Geometry.AnonOrders,
            SizeEnabled.Madvise) with
        {
            MaxPtesNone = random.Next(2) * table.Geometry.MaxPtesLimit,
            MaxPtesShared = table.Geometry.MaxPtesLimit,
            MaxPtesSwap = table.Geometry.MaxPtesLimit,
        };
        var flags = random.Next(4) switch { 0 => VmaFlags.UffdMissing, 1 => VmaFlags.Locked, _ => VmaFlags.None };
        string[] faults = random.Next(3) == 0 ? ["alloc-fails#2", "copy-fails#1", "page-locked#3"] : [];
        return (scenario with { Settings = settings }).WithVma(flags).Failing(faults);
    }
}
