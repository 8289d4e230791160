using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What a collapse counts, logs and leaves besides: nr_anon, the memory cgroup's event, the one warning, the mmap lock.</summary>
public sealed class CountedFacts
{
    // Each was seen on Linux 7.2.13.
    [Theory]
    [InlineData("x*16 .*496", 4, 0, "nr_anon.4=1")]
    [InlineData("x*512", 9, 0, "nr_anon.9=1")]
    [InlineData("f4*4 x*64 .*384", 9, 511, "nr_anon.4=-4 nr_anon.9=1")]
    [InlineData("x*300 f5[3+20] .*192", 9, 511, "nr_anon.5=-1 nr_anon_partially_mapped.5=-1 nr_anon.9=1")]
    [InlineData("x*16 f4[8+3] x*29 .*464", 5, 511, "nr_anon.4=-1 nr_anon_partially_mapped.4=-1 nr_anon.5=2")]
    public void Nr_anon_grows_by_the_folio_made_and_falls_by_the_large_ones_that_are_freed(string table, int order, int maxPtesNone,
        string moved) =>
        Assert.Equal(moved, Given.Khugepaged(table, Given.Orders(order), maxPtesNone).Run().Report.Added.Gauges.ToString());

    [Theory]
    [InlineData("h*16 .*496", 4)]
    [InlineData("f4*32", 4)]
    [InlineData("x*512", 0)]
    public void A_pass_that_collapses_nothing_leaves_nr_anon_alone_though_it_allocates(string table, int order) =>
        Assert.Equal("", Given.Khugepaged(table, order == 0 ? OrderSet.Empty : Given.Orders(order), 0)
            .Run().Report.Added.Gauges.ToString());

    [Fact]
    public void A_large_folio_of_which_a_window_takes_a_part_counts_as_partially_mapped()
    {
        // A window of order 3 over pages 4 to 11 would be unaligned, so a folio of order 2 lies across two windows of order 4 by mremap.
        var run = Given.Khugepaged("x*14 f2[0+2] f2[2+2] x*14 .*480", Given.Orders(4), 0).Run();
        Assert.Equal("nr_anon.2=-1 nr_anon.4=2", run.Report.Added.Gauges.ToString());
        var half = Given.Khugepaged("x*14 f2[0+2] h x*495", Given.Orders(4), 0).Run();
        Assert.Equal("nr_anon.2=-1 nr_anon_partially_mapped.2=-1 nr_anon.4=31", half.Report.Added.Gauges.ToString());
    }

    [Theory]
    [InlineData("x*512", 9, "", 1)]
    [InlineData("x*511 h", 9, "", 1)]
    [InlineData("x*16 .*496", 4, "", 0)]
    [InlineData("x*512", 9, "alloc-fails", 0)]
    [InlineData("x*512", 9, "charge-fails", 0)]
    [InlineData("x*512", 9, "deferred-split-fails", 1)]
    [InlineData("x*512", 9, "copy-fails", 1)]
    public void The_memory_cgroup_counts_what_was_charged_at_the_pmd_order_and_used_or_not(string table, int order, string fault,
        long counted)
    {
        var scenario = Given.Khugepaged(table, Given.Orders(order), 0);
        scenario = (fault.Length > 0 ? scenario.Failing(fault)
            : scenario) with
        { Settings = scenario.Settings with { MaxPtesShared = 256 } };
        Assert.Equal(counted, scenario.Run().Report.Added.CgroupCollapseAllocs);
    }

    [Fact]
    public void Vmstat_counts_an_allocation_whose_charge_fails_and_the_memory_cgroup_does_not()
    {
        var added = Given.Khugepaged("x*512", Given.Orders(9), 0).Failing("charge-fails").Run().Report.Added;
        Assert.Equal((1, 0), (added[VmEvent.ThpCollapseAlloc], added.CgroupCollapseAllocs));
    }

    [Theory]
    [InlineData("linux-7.2", 100, "4", true)]
    [InlineData("linux-7.2", 100, "4,9", true)]
    [InlineData("linux-7.2", 0, "4", false)]
    [InlineData("linux-7.2", 511, "4", false)]
    [InlineData("linux-7.2", 100, "9", false)]
    [InlineData("linux-7.3", 510, "2", true)]
    [InlineData("linux-7.1", 100, "4,9", false)]
    [InlineData("v12", 100, "4", false)]
    [InlineData("v17", 100, "4", true)]
    public void An_unsupported_max_ptes_none_is_logged_when_a_window_below_the_pmd_order_asks_for_it(string version, int maxPtesNone,
        string orders, bool isLogged)
    {
        var scenario = Given.Khugepaged("x*15 .*497", Given.Orders([.. orders.Split(',').Select(int.Parse)]), maxPtesNone);
        Assert.Equal(isLogged, scenario.Run(Catalogue.Find(version)!, 1)[0].Report.Tables.Any(table => table.WarnedOfMaxPtesNone));
    }

    [Fact]
    public void It_is_logged_once_a_boot_whatever_the_value_becomes()
    {
        var running = new RunningScenario(Given.Khugepaged("x*16 .*496", Given.Orders(4), 100), Catalogue.Linux72);
        Assert.True(running.Pass().Report.Tables[0].WarnedOfMaxPtesNone);
        running.Machine.Settings = running.Machine.Settings with { MaxPtesNone = 200 };
        Assert.False(running.Pass().Report.Tables[0].WarnedOfMaxPtesNone);
        Assert.True(running.Machine.HasWarnedOfMaxPtesNone);
    }

    [Fact]
    public void A_scan_that_fails_and_MADV_COLLAPSE_log_nothing()
    {
        Assert.False(Given.Khugepaged("x*15 p .*496", Given.Orders(4), 100).Run().Report.Tables[0].WarnedOfMaxPtesNone);
        var madvise = Given.Madvise("x*16 .*496");
        Assert.False((madvise with { Settings = Given.Khugepaged("x", Given.Orders(4), 100).Settings })
            .Run().Report.Tables[0].WarnedOfMaxPtesNone);
    }

    [Theory]
    [InlineData("x*16 .*496", ScanResult.Succeed, true)]
    [InlineData("x*15 .*497", ScanResult.Fail, true)]
    [InlineData("x*15 p .*496", ScanResult.PageCount, false)]
    [InlineData("m9", ScanResult.PmdMapped, false)]
    [InlineData("o*16 .*496", ScanResult.LackReferencedPage, false)]
    public void The_mmap_lock_is_dropped_once_the_scan_succeeds_and_kept_if_it_fails(string table, ScanResult status, bool dropped)
    {
        var run = Given.Khugepaged(table, Given.Orders(4), 0).Run().Report.Tables.Single();
        Assert.Equal((status, dropped), (run.Status, run.LockDropped));
    }

    // The caller's VMA has lost its second range by the time that is reached: who does not look does not notice.
    [Theory]
    [InlineData("x*16", 1)]
    [InlineData("p x*15", 2)]
    public void MADV_COLLAPSE_looks_its_vma_up_again_only_if_the_last_visit_dropped_the_lock(string first, int visited)
    {
        var geometry = new Geometry(4);
        var machine = new Machine(Catalogue.Linux72, ThpSettings.Defaults(geometry));
        var process = machine.AddProcess();
        var vma = Vma.ExactPmdRange(geometry);
        process.Add(vma);
        TableImage.Place(machine, process, 0, PageTable.Parse(first, geometry));
        TableImage.Place(machine, process, 16, PageTable.Parse("x*16", geometry));
        var report = MadviseCollapse.Call(machine, process, vma with { End = 32 }, 0, 32);
        Assert.Equal((visited, visited == 1), (report.Report.Tables.Count, report.Report.Tables[0].LockDropped));
        Assert.Equal(-1, report.Return);
    }
}
