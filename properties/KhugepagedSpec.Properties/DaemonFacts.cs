using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

public sealed class DaemonFacts
{
    private static readonly Geometry Small = new(4);

    [Fact]
    public void A_wake_up_stops_behind_pages_to_scan_and_the_next_goes_on_from_there()
    {
        var machine = Boot(pagesToScan: 20);
        Process(machine, "x*16", "x*16", "x*16");
        var khugepaged = new Khugepaged(machine);
        Assert.Equal([0L, 16], khugepaged.Pass().Tables.Select(table => table.Start));
        Assert.Equal(32, khugepaged.Cursor?.Page);
        Assert.Equal(0, machine.Statistics.FullScans);
        // The end of the list is one full scan; what is left of pages_to_scan goes into the next.
        Assert.Equal([32L, 0], khugepaged.Pass().Tables.Select(table => table.Start));
        Assert.Equal((16, 1), (khugepaged.Cursor?.Page, machine.Statistics.FullScans));
    }

    [Fact]
    public void Progress_counts_a_visit_of_the_process_and_every_pte_looked_at()
    {
        var machine = Boot();
        Process(machine, "x*16");
        // Visit and 16 PTEs; the lock was dropped, so one visit more finds the end.
        Assert.Equal(1 + 16 + 1, new Khugepaged(machine).Pass().Progress);
        machine = Boot();
        Process(machine, "x*4 p x*11");
        Assert.Equal(1 + 5, new Khugepaged(machine).Pass().Progress);
    }

    [Fact]
    public void Pages_collapsed_counts_tables_not_folios()
    {
        var machine = Boot(orders: Given.Orders(2));
        Process(machine, "x*16", "x*16", ".*16");
        var added = new Khugepaged(machine).Pass().Added;
        Assert.Equal((2, 8), (added.PagesCollapsed, added[MthpStatistic.CollapseAlloc, 2]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(20)]
    [InlineData(1_000_000)]
    public void Ranges_without_an_entry_cost_the_same_passed_by_together(long pagesToScan)
    {
        var random = new Random(3);
        int passedBy = 0;
        for (int i = 0; i < 100; i++)
        {
            // Two processes of 12 ranges, a quarter of which hold something.
            bool[] filled = [.. Enumerable.Range(0, 24).Select(_ => random.Next(4) == 0)];
            var (each, together) = (Daemon(filled, pagesToScan, together: false), Daemon(filled, pagesToScan, together: true));
            for (int wakeUp = 0; wakeUp < 30; wakeUp++)
            {
                var (one, other) = (each.Pass(), together.Pass());
                Assert.Equal((one.Progress, one.FullScanEnds.Count, each.Cursor?.Page),
                    (other.Progress, other.FullScanEnds.Count, together.Cursor?.Page));
                Assert.Equal(
                    one.Tables.Where(HasEntry).Select(table => (table.Mm, table.Start, table.Status)),
                    other.Tables.Select(table => (table.Mm, table.Start, table.Status)));
                passedBy += one.Tables.Count - other.Tables.Count;
            }
        }
        Assert.InRange(passedBy, 100, int.MaxValue);

        static bool HasEntry(TableRun table) => table.Scan.Result != ScanResult.NoPteTable;
    }

    private static Khugepaged Daemon(bool[] filled, long pagesToScan, bool together)
    {
        var machine = Boot(pagesToScan: pagesToScan);
        foreach (bool[] ranges in filled.Chunk(12))
        {
            var process = machine.AddProcess();
            process.Add(Vma.ExactPmdRange(Small) with { End = 12 * 16 });
            for (int i = 0; i < ranges.Length; i++)
                if (ranges[i])
                    TableImage.Place(machine, process, i * 16, PageTable.Parse("x*16", Small));
        }
        return new Khugepaged(machine) { PassesByEmptyRanges = together };
    }

    [Fact]
    public void Every_process_is_visited_and_one_that_exits_is_forgotten()
    {
        var machine = Boot();
        var first = Process(machine, "x*16");
        var second = Process(machine, "x*16");
        first.IsExiting = true;
        Assert.Equal([second.Id], new Khugepaged(machine).Pass().Tables.Select(table => table.Mm));
        Assert.Equal([second], machine.Processes);
    }

    [Fact]
    public void A_process_whose_mmap_lock_is_taken_is_passed_by_until_the_next_full_scan()
    {
        var machine = Boot();
        var first = Process(machine, "x*16");
        var second = Process(machine, "x*16");
        first.IsMmapLocked = true;
        var khugepaged = new Khugepaged(machine);
        Assert.Equal([second.Id], khugepaged.Pass().Tables.Select(table => table.Mm));
        first.IsMmapLocked = false;
        Assert.Equal([first.Id, second.Id], khugepaged.Pass().Tables.Select(table => table.Mm));
    }

    [Fact]
    public void Allocation_failure_makes_it_sleep_once_and_then_end_the_wake_up()
    {
        var machine = new Machine(Catalogue.Linux72, Settings(Given.Orders(4), 1_000_000), [FaultInjection.Parse("alloc-fails")]);
        Process(machine, "x*16", "x*16", "x*16");
        var report = new Khugepaged(machine).Pass();
        Assert.Equal((2, 1), (report.Tables.Count, report.AllocationSleeps));
        Assert.All(report.Tables, table => Assert.Equal(ScanResult.AllocHugePageFail, table.Status));
    }

    [Fact]
    public void Failure_to_allocate_at_a_high_order_does_not_hide_success_at_a_lower_one()
    {
        var run = Given.Khugepaged("x*512", Given.Orders(4, 9), 0).Failing("alloc-fails@9").Run();
        Assert.Equal((ScanResult.Succeed, 1, 0), (run.Status(), run.Report.Added.PagesCollapsed, run.Report.AllocationSleeps));
        Assert.Equal((1, 1), (run.Report.Added[MthpStatistic.CollapseAllocFailed, 9], run.Report.Added[VmEvent.ThpCollapseAllocFailed]));
    }

    [Fact]
    public void A_walk_that_stops_after_a_failed_allocation_still_reports_the_allocation() =>
        Assert.Equal(ScanResult.AllocHugePageFail, Given.Khugepaged("x*512", Given.Orders(4, 9), 0)
            .Failing("alloc-fails@9", "charge-fails@4").Run().Status());

    [Fact]
    public void A_failed_charge_ends_the_walk_at_once() =>
        Assert.Equal("0/9", Given.Khugepaged("x*512", Given.Orders(4, 9), 0).Failing("charge-fails").Run().Windows());

    [Fact]
    public void Vmas_without_a_full_pmd_range_or_without_any_size_cost_progress_only()
    {
        var machine = Boot();
        var process = machine.AddProcess();
        process.Add(new Vma(1, 16, Vma.ExactPmdRange(Small).Flags, true));
        process.Add(new Vma(16, 47, Vma.ExactPmdRange(Small).Flags | VmaFlags.NoHugePage, true));
        process.Add(new Vma(48, 64, Vma.ExactPmdRange(Small).Flags & ~VmaFlags.Anonymous, true));
        var report = new Khugepaged(machine).Pass();
        Assert.Empty(report.Tables);
        Assert.Equal(1 + 1 + 1 + 16, report.Progress);
    }

    [Fact]
    public void Without_processes_a_wake_up_does_nothing() => Assert.Equal(0, new Khugepaged(Boot()).Pass().Progress);

    [Fact]
    public void Repeated_passes_settle_and_then_only_allocate()
    {
        var machine = Boot(orders: Given.Orders(2, 3), maxPtesNone: 15);
        Process(machine, "x .*15", "x*8 h x*7");
        var khugepaged = new Khugepaged(machine);
        var reports = Enumerable.Range(0, 6).Select(_ => khugepaged.Pass()).ToList();
        Assert.NotEqual(0, reports[0].Added.PagesCollapsed);
        Assert.Equal(0, reports[^1].Added.PagesCollapsed);
        Assert.NotEqual(0, reports[^1].Added[MthpStatistic.CollapseAlloc, 3]);
    }

    [Fact]
    public void A_process_that_refuses_thp_between_two_vmas_is_left_at_once()
    {
        var settings = ThpSettings.Defaults(Small).WithSizes(Given.Orders(2), SizeEnabled.Madvise);
        var machine = new Machine(Catalogue.Linux72, settings, [FaultInjection.Parse("mm-exits")]);
        var process = machine.AddProcess();
        process.Add(new Vma(0, 16, Vma.ExactPmdRange(Small).Flags, true));
        process.Add(new Vma(16, 32, Vma.ExactPmdRange(Small).Flags, true));
        TableImage.Place(machine, process, 0, PageTable.Parse("x*16", Small));
        TableImage.Place(machine, process, 16, PageTable.Parse("x*16", Small));
        var report = new Khugepaged(machine).Pass();
        Assert.Equal([ScanResult.AnyProcess], report.Tables.Select(table => table.Status));
        Assert.Empty(machine.Processes);
    }

    [Fact]
    public void A_vma_that_ends_where_the_cursor_stands_is_behind_it()
    {
        var machine = Boot(orders: Given.Orders(2));
        var process = machine.AddProcess();
        process.Add(new Vma(0, 16, Vma.ExactPmdRange(Small).Flags, true));
        process.Add(new Vma(16, 32, Vma.ExactPmdRange(Small).Flags | VmaFlags.NoHugePage, true));
        TableImage.Place(machine, process, 0, PageTable.Parse("x*16", Small));
        var khugepaged = new Khugepaged(machine);
        var report = khugepaged.Pass();
        Assert.Single(report.Tables);
        Assert.Null(khugepaged.Cursor);
    }

    [Fact]
    public void A_page_shared_by_two_processes_that_both_are_scanned_is_shared_in_both()
    {
        var machine = Boot(orders: Given.Orders(2));
        var parent = Process(machine, "x*16");
        new UserSpace.UserProgram(machine, parent).Fork(page => page < 4, flags => flags);
        var tables = new Khugepaged(machine).Pass().Tables;
        Assert.Equal([ScanResult.ExceedSharedPte, ScanResult.Succeed, ScanResult.Succeed, ScanResult.Succeed],
            tables[0].Attempts.Select(attempt => attempt.Status));
        Assert.Equal([ScanResult.ExceedSharedPte], tables[1].Attempts.Select(attempt => attempt.Status));
    }

    [Fact]
    public void Trace_lines_have_the_kernels_form()
    {
        var run = Given.Khugepaged("s*4 x*508", Given.Orders(2, 9), 0).Run(Catalogue.Linux72, 1, traced: true)[0];
        Assert.Equal(
            [
                "mm_collapse_huge_page_swapin: mm=0000000000000001, swapped_in=4, referenced=508, ret=1, order=9",
                "mm_collapse_huge_page_isolate: scan_pfn=0x1ff, none_or_zero=0, referenced=512, status=succeeded, order=9",
                "mm_collapse_huge_page: mm=0000000000000001, isolated=1, status=succeeded, order=9",
                "mm_khugepaged_scan_pmd: mm=0000000000000001, scan_pfn=0x1ff, referenced=508, none_or_zero=0, status=succeeded, unmapped=4",
                "mm_khugepaged_scan: mm=0000000000000001, progress=513, full_scan_finished=0",
                "mm_khugepaged_scan: mm=0000000000000001, progress=1, full_scan_finished=1",
            ],
            run.Trace.Select(line => line.ToString()));
    }

    private static ThpSettings Settings(OrderSet orders, long pagesToScan, int maxPtesNone = 0) =>
        ThpSettings.Defaults(Small).WithSizes(orders, SizeEnabled.Madvise) with { PagesToScan = pagesToScan, MaxPtesNone = maxPtesNone };

    private static Machine Boot(long pagesToScan = 1_000_000, OrderSet? orders = null, int maxPtesNone = 0) =>
        new(Catalogue.Linux72, Settings(orders ?? Given.Orders(4), pagesToScan, maxPtesNone));

    // A process whose one VMA spans the given tables.
    private static AddressSpace Process(Machine machine, params string[] tables)
    {
        var process = machine.AddProcess();
        process.Add(Vma.ExactPmdRange(Small) with { End = 16 * tables.Length });
        for (int i = 0; i < tables.Length; i++)
            TableImage.Place(machine, process, 16 * i, PageTable.Parse(tables[i], Small));
        return process;
    }
}
