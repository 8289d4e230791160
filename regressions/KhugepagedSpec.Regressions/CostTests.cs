using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Regressions.CaptureFolder;

namespace KhugepagedSpec.Regressions;

/// <summary>What versions gain and spend.</summary>
[Collection("console")]
public sealed class CostTests
{
    // Where userfaultfd is to be looked at (W. Yang, N. Pache, 2026-05, on v18 patch 11): "no correctness issue, only wasted cycles".
    // The waste is not at the PMD's order alone, and not all that is lost: what isolation refuses at a high order it poisons, by the
    // LRU batch, for the lower ones.
    [Fact]
    public async Task Where_userfaultfd_is_looked_at_decides_what_is_gained_and_what_is_spent()
    {
        string[] command = ["cost", "uffd-at-scan", "uffd-remembered", "linux-7.2", "--uffd", "--count", "500", "--seed", "41"];
        var (_, text, _) = Cli.Run(command);
        var costs = Costs([.. command, "--json"]);
        var (scan, remembered, late) = (costs[0], costs[1], costs[2]);
        Assert.True(remembered.Pages > late.Pages && late.Pages > scan.Pages, text);
        Assert.True(late.Attempts > 2 * remembered.Attempts && 10 * scan.Attempts < remembered.Attempts, text);
        await Verifier.Verify(text);
    }

    [Fact]
    public void With_the_PMDs_size_alone_7_2_costs_what_7_1_does_and_with_all_sizes_it_does_not()
    {
        var alone = Costs(["cost", "linux-7.1", "linux-7.2", "--enabled", "2M", "--count", "300", "--json"]);
        Assert.Equal(alone[0], alone[1]);
        var all = Costs(["cost", "linux-7.1", "linux-7.2", "--max-ptes-none", "0", "--count", "300", "--json"]);
        Assert.True(all[1].Pages > all[0].Pages && all[1].PmdFlushes > all[0].PmdFlushes);
    }

    [Fact]
    public void A_folio_is_copied_or_cleared_page_by_page_and_nothing_is_flushed_without_the_write_lock()
    {
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(Geometry.X86.AnonOrders, SizeEnabled.Madvise);
        long failedUnderLock = 0;
        foreach (var scenario in CostSurvey.Tables(settings, isArmed: false, seed: 7).Take(300))
        {
            var cost = CostSurvey.Of(Catalogue.Linux72, scenario, passes: 2).Cost;
            Assert.Equal(cost.PagesMapped, cost.PagesCopied + cost.PagesCleared);
            Assert.InRange(cost.PmdFlushes, cost.Attempts - cost.Failed, cost.WriteLocks);
            Assert.InRange(cost.WriteLocks, 0, cost.Attempts);
            failedUnderLock += cost.PmdFlushes - (cost.Attempts - cost.Failed);
        }
        Assert.InRange(failedUnderLock, 1, long.MaxValue);
    }

    // One table: what diff says of each side is what cost would count.
    [Fact]
    public void A_difference_says_what_each_side_gained_and_spent()
    {
        string[] command = ["diff", "uffd-remembered", "linux-7.2", "x*8 .*504", "--enabled", "2,3,4,5,6,7,8,9", "--uffd"];
        var (code, text, _) = Cli.Run(command);
        using var json = JsonDocument.Parse(Cli.Run([.. command, "--json"]).Output);
        var difference = json.RootElement.GetProperty("difference");
        Assert.Equal(
            [(1, 8L, 2L), (1, 0L, 18L)],
            new[] { "firstCost", "secondCost" }.Select(name => difference.GetProperty(name))
                .Select(cost => (code, cost.GetProperty("pages").GetInt64(), cost.GetProperty("pmdFlushes").GetInt64())));
        Assert.Matches(@"\ncost of 2 passes +pages +scans +attempts .*\nuffd-remembered +8 +2 .*\nlinux-7.2 +0 +2 ", text);
    }

    [Fact]
    public void What_a_case_costs_is_counted_over_the_scans_that_make_something_and_for_each_that_follows()
    {
        var capture = Captured(Always2M, "x*512", "x*300 .*212");
        var report = WhatIfReport.Of(capture, new WhatIfCase("2M", Catalogue.Linux72, Always2M));
        Assert.Equal(new CollapseCost(2, 2, 0, 2, 2, 812, 212, 1024), report.Cost);
        Assert.Equal(new CollapseCost(2, 0, 0, 0, 0, 0, 0, 0), report.CostAgain);
        Assert.Equal(report.Made.Values.Sum(), report.Cost.Attempts - report.Cost.Failed);

        using var folder = new CaptureFolder();
        string file = folder.SavedProcess();
        var (code, output, _) = Cli.Run("whatif", file, "--cost");
        Assert.Equal(0, code);
        Assert.Matches(@"\ncost, linux-7\.2 +pages +scans +attempts [^\n]*\npresent ", output);
        Assert.Matches(@"\nof each scan after +pages [^\n]*\npresent ", output);
        Assert.DoesNotContain("cost, ", Cli.Run("whatif", file).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Costs_of_two_visits_add_up()
    {
        var one = new CollapseCost(1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal(new CollapseCost(2, 4, 6, 8, 10, 12, 14, 16), one + one);
    }

    private static List<(long Pages, long Attempts, long PmdFlushes)> Costs(string[] command)
    {
        var (code, text, error) = Cli.Run(command);
        Assert.True(code == 0, error);
        using var json = JsonDocument.Parse(text);
        return [.. json.RootElement.GetProperty("costs").EnumerateArray().Select(one => (
            one.GetProperty("pages").GetInt64(), one.GetProperty("attempts").GetInt64(), one.GetProperty("pmdFlushes").GetInt64()))];
    }
}
