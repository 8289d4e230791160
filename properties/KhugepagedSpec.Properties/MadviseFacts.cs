using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

public sealed class MadviseFacts
{
    [Theory]
    [InlineData("x .*511")]
    [InlineData("h*512")]
    [InlineData("s*512")]
    [InlineData("o*512")]
    [InlineData("l*512")]
    [InlineData("f9")]
    [InlineData("m9")]
    public void It_ignores_the_limits_the_sizes_and_the_use_of_the_pages(string table)
    {
        var scenario = Given.Madvise(table);
        var run = (scenario with
        {
            Settings = scenario.Settings.WithSizes(OrderSet.Empty,
            SizeEnabled.Never) with
            { Enabled = GlobalEnabled.Never, MaxPtesNone = 0, MaxPtesSwap = 0, MaxPtesShared = 0 }
        }).Run();
        Assert.Equal((0, Errno.None, PmdState.Huge), (run.Madvise!.Return, run.Madvise.Errno, run.After.Pmd));
    }

    [Fact]
    public void But_not_userfaultfd() =>
        Assert.Equal(Errno.EBUSY, Given.Madvise("x*511 .").WithVma(VmaFlags.UffdMissing).Run().Madvise!.Errno);

    [Theory]
    [InlineData("p x*511", "", Errno.EAGAIN)]
    [InlineData("t x*511", "", Errno.EAGAIN)]
    [InlineData("u x*511", "", Errno.EAGAIN)]
    [InlineData("x*512", "page-off-lru", Errno.EAGAIN)]
    [InlineData("x*512", "alloc-fails", Errno.ENOMEM)]
    [InlineData("x*512", "charge-fails", Errno.EBUSY)]
    [InlineData("w x*511", "", Errno.EINVAL)]
    [InlineData("g x*511", "", Errno.EINVAL)]
    [InlineData("z*512", "", Errno.EINVAL)]
    [InlineData("x*512", "vma-unmapped", Errno.EINVAL)]
    public void Errno_is_that_of_the_last_failure(string table, string fault, Errno errno)
    {
        var run = Given.Madvise(table).Failing(fault.Length > 0 ? [fault] : []).Run();
        Assert.Equal((-1, errno), (run.Madvise!.Return, run.Madvise.Errno));
    }

    [Theory]
    [InlineData(VmaFlags.NoHugePage)]
    [InlineData(VmaFlags.NoKhugepaged)]
    [InlineData(VmaFlags.TemporaryStack)]
    public void A_vma_that_is_not_for_thp_gives_EINVAL_without_a_scan(VmaFlags flags)
    {
        var run = Given.Madvise("x*512").WithVma(flags).Run();
        Assert.Equal((Errno.EINVAL, 0), (run.Madvise!.Errno, run.Report.Tables.Count));
    }

    [Theory]
    [InlineData(ThpDisable.Completely, Errno.EINVAL)]
    [InlineData(ThpDisable.ExceptAdvised, Errno.None)]
    public void A_process_may_refuse_all_thp_but_not_this_call_alone(ThpDisable disable, Errno errno)
    {
        var scenario = Given.Madvise("x*512");
        scenario = scenario with { ThpDisable = disable, Vma = scenario.Vma with { Flags = scenario.Vma.Flags & ~VmaFlags.HugePage } };
        Assert.Equal(errno, scenario.Run().Madvise!.Errno);
    }

    [Theory]
    [InlineData("p x*15", 3, Errno.EAGAIN)]
    [InlineData("x*15 g", 2, Errno.EINVAL)]
    public void After_a_passing_trouble_it_goes_on_with_the_next_range_after_others_it_returns(string second, int visited, Errno errno)
    {
        var geometry = new Geometry(4);
        var machine = new Machine(Catalogue.Linux72, ThpSettings.Defaults(geometry));
        var process = machine.AddProcess();
        var vma = Vma.ExactPmdRange(geometry) with { End = 48 };
        process.Add(vma);
        foreach (var (table, index) in new[] { "x*16", second, "x*16" }.Select((table, index) => (table, index)))
            TableImage.Place(machine, process, 16 * index, PageTable.Parse(table, geometry));
        var report = MadviseCollapse.Call(machine, process, vma, 0, 48);
        Assert.Equal((visited, errno, 0), (report.Report.Tables.Count, report.Errno, report.Report.Added.PagesCollapsed));
    }

    [Fact]
    public void Pages_that_hold_no_full_range_are_nothing_to_do()
    {
        var running = new RunningScenario(Given.Madvise("x*512"), Catalogue.Linux72);
        Assert.Equal(0, MadviseCollapse.Call(running.Machine, running.Process, running.Process.Vmas[0], 1, 511).Return);
    }
}
