using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>Collapse as the rounds of August 2026 have it, where it is not 7.2's.</summary>
public sealed class RoundsFacts
{
    [Theory]
    [InlineData("x*100 w x*411")]
    [InlineData("x*100 p x*411")]
    [InlineData("x*100 t x*411")]
    [InlineData("x*100 u x*411")]
    [InlineData("x*100 a x*411")]
    public void One_odd_PTE_costs_its_smallest_window_and_the_PMDs_order_and_in_7_2_the_whole_range(string table)
    {
        var rounds = Visit(table, "rounds", 2, 9);
        Assert.Equal(ScanResult.Succeed, rounds.Status);
        Assert.Equal(127, rounds.Attempts.Count(attempt => attempt.Status == ScanResult.Succeed));
        Assert.DoesNotContain(rounds.Attempts, attempt => attempt is { Order: 9, Status: ScanResult.Succeed });
        var linux72 = Visit(table, "linux-7.2", 2, 9);
        Assert.NotEqual(ScanResult.Succeed, linux72.Status);
        Assert.Empty(linux72.Attempts);
    }

    [Fact]
    public void With_the_PMDs_size_alone_an_odd_PTE_ends_the_visit_with_its_own_result_in_both()
    {
        foreach (string version in new[] { "rounds", "linux-7.2" })
            Assert.Equal((ScanResult.PteUffdWp, 0), Result(Visit("x*100 w x*411", version, 9)));

        static (ScanResult, int) Result(TableRun run) => (run.Status, run.Attempts.Count);
    }

    [Theory]
    [InlineData("s x*511", ScanResult.ExceedSwapPte)]
    [InlineData("h x*511", ScanResult.ExceedSharedPte)]
    public void Too_many_swap_or_shared_PTEs_refuse_the_range_as_in_7_2(string table, ScanResult result)
    {
        var run = Visit(table, "rounds", scenario => scenario with { MaxPtesSwap = 0, MaxPtesShared = 0 }, 2, 9);
        Assert.Equal(result, run.Status);
        Assert.Empty(run.Attempts);
    }

    [Fact]
    public void An_allocation_that_fails_above_the_smallest_order_is_not_reported()
    {
        var large = Faulty("x*512", "rounds", "alloc-fails@4");
        Assert.Equal(ScanResult.Succeed, large.Status);
        var all = Faulty(".*12 x*4 .*496", "rounds", "alloc-fails@2");
        Assert.Equal(ScanResult.AllocHugePageFail, all.Status);
        var above = Faulty("w .*495 x*16", "rounds", "alloc-fails@4", "page-locked@2");
        Assert.Equal(ScanResult.PteUffdWp, above.Status);
    }

    // Chosen are 8 windows of order 4 behind a left one; what the round refused comes behind them, last first, at the next lower order.
    [Fact]
    public void A_refused_window_comes_back_after_its_round_at_the_next_lower_enabled_order()
    {
        var rounds = Faulty("w .*15 x*48 .*448", "rounds", "page-locked@4:16", "page-locked@4:48");
        Assert.Equal("16/4 32/4 48/4 48/2 52/2 56/2 60/2 16/2 20/2 24/2 28/2", Windows(rounds));
        var atOnce = Run(Of("w .*15 x*48 .*448", 2, 4, 9).Failing("page-locked@4:16", "page-locked@4:48"),
            Designs("rounds") with { TriesInRounds = false });
        Assert.Equal("16/4 16/2 20/2 24/2 28/2 32/4 48/4 48/2 52/2 56/2 60/2", Windows(atOnce));
    }

    [Fact]
    public void An_allocation_that_failed_is_tried_once_more_at_its_order_and_then_below_it()
    {
        Assert.Equal("0/4 0/4", Windows(Faulty("x*16 .*496", "rounds", "alloc-fails@4#1")));
        Assert.Equal("0/4 0/4 0/2 4/2 8/2 12/2", Windows(Faulty("x*16 .*496", "rounds", "alloc-fails@4")));
        Assert.Equal("0/4 0/2 4/2 8/2 12/2", Windows(Faulty("x*16 .*496", "linux-7.2", "alloc-fails@4#1")));
    }

    [Fact]
    public void The_PMDs_window_is_a_round_by_itself_and_a_round_has_as_many_windows_as_a_table_of_the_smallest()
    {
        Assert.Equal("0/9 0/4 16/4", Windows(Faulty("x*512", "rounds", "page-locked@9"))[..12]);
        var run = Visit("x*512", "rounds", 2);
        Assert.Equal(128, run.Attempts.Count);
        Assert.All(run.Attempts, attempt => Assert.Equal(ScanResult.Succeed, attempt.Status));
    }

    [Fact]
    public void A_result_that_ends_the_walk_ends_the_round_too_and_what_was_refused_before_is_not_tried_again() =>
        Assert.Equal("16/4 32/4", Windows(Faulty("w .*15 x*48 .*448", "rounds", "page-locked@4:16", "charge-fails@4:32")));

    // Not ascending, but all else that is asked of windows.
    [Fact]
    public void What_is_collapsed_is_aligned_disjoint_and_enabled_in_whatever_order()
    {
        int descending = 0;
        foreach (var scenario in ScenarioMix.Random(89).Take(3000))
            foreach (var table in scenario.Run(Designs("rounds"), 2).SelectMany(pass => pass.Report.Tables))
            {
                var made = table.Attempts.Where(attempt => attempt.Status == ScanResult.Succeed).ToList();
                var pages = made.SelectMany(attempt => Enumerable.Range(attempt.Offset, 1 << attempt.Order)).ToList();
                Assert.Equal(pages.Count, pages.Distinct().Count());
                Assert.All(made, attempt => Assert.True(attempt.Offset % (1 << attempt.Order) == 0
                    && table.Scan.Enabled.Contains(attempt.Order)));
                descending += made.Zip(made.Skip(1)).Count(pair => pair.First.Offset > pair.Second.Offset);
            }
        Assert.InRange(descending, 10, int.MaxValue);
    }

    // Undisturbed, in whatever order: the same windows, and so the same table.
    [Fact]
    public void Where_nothing_is_refused_rounds_collapse_what_one_by_one_does()
    {
        var oneByOne = Designs("rounds") with { TriesInRounds = false };
        foreach (var scenario in ScenarioMix.Random(83).Where(one => one.Faults.IsEmpty).Take(800))
        {
            var (ours, theirs) = (scenario.Run(Designs("rounds"), 1)[0], scenario.Run(oneByOne, 1)[0]);
            Assert.Equal(theirs.After, ours.After);
            Assert.Equal(theirs.Report.Tables.SelectMany(table => table.Attempts).Select(Name).Order(),
                ours.Report.Tables.SelectMany(table => table.Attempts).Select(Name).Order());
        }

        static string Name(Attempt attempt) => $"{attempt.Offset}/{attempt.Order} {attempt.Status}";
    }

    [Fact]
    public void What_the_VMA_covers_of_a_range_is_collapsed_and_no_more()
    {
        var scenario = Of("x*512", 4, 9);
        var inPart = scenario with { Vma = scenario.Vma with { Start = 20, End = 200 } };
        var run = inPart.Run(Catalogue.Find("rounds")!, 1)[0].Report.Tables.Single();
        Assert.Equal([.. Enumerable.Range(2, 10).Select(window => 16 * window)],
            run.Attempts.Where(attempt => attempt.Status == ScanResult.Succeed).Select(attempt => attempt.Offset));
        Assert.Empty(inPart.Run(Catalogue.Find("linux-7.2")!, 1)[0].Report.Tables);
    }

    [Fact]
    public void Limits_of_a_range_that_is_looked_at_in_part_are_that_parts()
    {
        var scenario = Of("s*40 x*472", 2);
        Assert.Equal(ScanResult.Succeed, StatusOf(0));
        Assert.Equal(ScanResult.ExceedSwapPte, StatusOf(256));

        // Of 64 for the whole range 32 are left for its first half.
        ScanResult StatusOf(int without) =>
            Run(scenario with { Vma = scenario.Vma with { End = 512 - without } }, "rounds").Status;
    }

    [Fact]
    public void Nothing_is_written_under_the_mmap_lock_and_no_PMD_entry_is_cleared()
    {
        Assert.Equal((0, 0), Locks(Visit("x*512", "rounds", 2)));
        Assert.Equal((128, 128), Locks(Visit("x*512", "linux-7.2", 2)));

        static (int, int) Locks(TableRun run) => (run.WriteLocks, run.PmdFlushes);
    }

    private static TableRun Faulty(string table, string version, params string[] faults) =>
        Run(Of(table, 2, 4, 9).Failing(faults), version);

    private static TableRun Visit(string table, string version, params int[] orders) => Run(Of(table, orders), version);

    private static TableRun Visit(string table, string version, Func<ThpSettings, ThpSettings> change, params int[] orders)
    {
        var scenario = Of(table, orders);
        return Run(scenario with { Settings = change(scenario.Settings) }, version);
    }

    private static TableRun Run(Scenario scenario, string version) => Run(scenario, Designs(version));

    private static TableRun Run(Scenario scenario, KhugepagedVersion version) => scenario.Run(version, 1)[0].Report.Tables.Single();

    private static KhugepagedVersion Designs(string name) => Catalogue.Find(name)!;

    private static string Windows(TableRun run) => string.Join(' ', run.Attempts.Select(attempt => $"{attempt.Offset}/{attempt.Order}"));

    private static Scenario Of(string table, params int[] orders) => Given.Khugepaged(table, Given.Orders(orders), 0);
}
