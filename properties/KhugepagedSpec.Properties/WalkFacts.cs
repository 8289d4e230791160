using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Properties;

public sealed class WalkFacts
{
    [Fact]
    public void Windows_are_aligned_enabled_and_each_visited_once_under_any_script_of_verdicts()
    {
        var random = new Random(1);
        for (int run = 0; run < 2000; run++)
        {
            var geometry = new Geometry(random.Next(2, 10));
            var enabled = new OrderSet((uint)random.Next(1 << 14)) & geometry.AnonOrders;
            var walker = OrderWalk.Offset.Begin(geometry, enabled);
            var seen = new HashSet<(int, int)>();
            int advancedTo = 0;
            while (!walker.IsDone)
            {
                Assert.True(seen.Add((walker.Offset, walker.Order)), "a window is visited twice");
                Assert.InRange(walker.Order, Geometry.MinOrder, geometry.PmdOrder);
                Assert.Equal(0, walker.Offset % (1 << walker.Order));
                Assert.True(walker.Offset + (1 << walker.Order) <= geometry.Pages, "a window runs past the table");
                Assert.True(walker.Offset >= advancedTo, "a window overlaps one that is done");
                if (random.Next(3) == 0)
                {
                    advancedTo = walker.Offset + (1 << walker.Order);
                    walker.Advance(1 << walker.Order);
                }
                else
                {
                    walker.Lower();
                }
            }
            Assert.Equal(geometry.Pages, walker.Offset);
        }
    }

    [Fact]
    public void Behind_a_window_the_walk_restarts_from_the_order_its_offset_is_aligned_to()
    {
        // L. Stoakes, 2026-06-04, on v18 patch 11: with the highest set bit instead of the lowest, PTE 12 would be tried at order 3.
        var run = Given.Khugepaged("h x*3 x*4 h x*3 x*4 .*496", Given.Orders(2, 3), 0).Run();
        Assert.Equal("0/3 0/2 4/2 8/3 8/2 12/2", run.Windows());
    }

    [Fact]
    public void A_window_is_tried_if_enough_of_it_is_occupied_and_not_otherwise()
    {
        Assert.Equal("0/4", Given.Khugepaged("x*16", Given.Orders(4), 0).Run().Windows());
        Assert.Equal("", Given.Khugepaged("x*15", Given.Orders(4), 0).Run().Windows());
        Assert.Equal("0/4", Given.Khugepaged("x", Given.Orders(4), 511).Run().Windows());
        Assert.Equal("16/4", Given.Khugepaged(".*16 x", Given.Orders(4), 511).Run().Windows());
    }

    [Fact]
    public void Swap_entries_count_as_occupied_at_the_pmd_order_only()
    {
        // L. Yang, 2026-06-06, on v19: one allowed swap entry must not keep a full table from collapsing.
        Assert.Equal("0/9", Given.Khugepaged("s x*511", Given.Orders(9), 0).Run().Windows());
        Assert.Equal(string.Join(' ', Enumerable.Range(1, 127).Select(i => $"{4 * i}/2")), Given.Khugepaged("s x*511", Given.Orders(2), 0)
            .Run().Windows());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(255, 0)]
    [InlineData(510, 0)]
    [InlineData(511, 15)]
    public void Below_the_pmd_order_only_0_and_the_maximum_mean_something(int maxPtesNone, int allowedOf16) =>
        Assert.Equal(allowedOf16, NoneLimit.ZeroOrMaximum.Below(4, maxPtesNone, 9));

    [Theory]
    [InlineData("scaled", 511, 15)]
    [InlineData("scaled", 255, 7)]
    [InlineData("scaled", 31, 0)]
    [InlineData("scaled, capped at half", 511, 7)]
    [InlineData("scaled, capped at half", 300, 7)]
    [InlineData("scaled, capped at half", 100, 3)]
    [InlineData("0 or max, else end", 511, 15)]
    [InlineData("0 or max, else end", 0, 0)]
    [InlineData("0 or max, else end", 510, NoneLimit.Unsupported)]
    [InlineData("unscaled", 511, 15)]
    [InlineData("unscaled", 3, 3)]
    public void Earlier_versions_allowed_other_numbers_of_empty_ptes_of_16(string limit, int maxPtesNone, int allowed)
    {
        var rules = new[] { NoneLimit.Scaled, NoneLimit.ScaledAndCapped, NoneLimit.ZeroOrMaximumOnly, NoneLimit.Unscaled };
        Assert.Equal(allowed, rules.Single(rule => rule.Name == limit).Below(4, maxPtesNone, 9));
    }

    [Theory]
    [InlineData(ScanResult.Succeed, WalkVerdict.Advance)]
    [InlineData(ScanResult.PteMappedHugepage, WalkVerdict.Advance)]
    [InlineData(ScanResult.AllocHugePageFail, WalkVerdict.Lower)]
    [InlineData(ScanResult.LackReferencedPage, WalkVerdict.Lower)]
    [InlineData(ScanResult.ExceedNonePte, WalkVerdict.Lower)]
    [InlineData(ScanResult.ExceedSwapPte, WalkVerdict.Lower)]
    [InlineData(ScanResult.ExceedSharedPte, WalkVerdict.Lower)]
    [InlineData(ScanResult.PageLock, WalkVerdict.Lower)]
    [InlineData(ScanResult.PageCount, WalkVerdict.Lower)]
    [InlineData(ScanResult.PageNull, WalkVerdict.Lower)]
    [InlineData(ScanResult.DelPageLru, WalkVerdict.Lower)]
    [InlineData(ScanResult.PteNonPresent, WalkVerdict.Lower)]
    [InlineData(ScanResult.PteUffdWp, WalkVerdict.Lower)]
    [InlineData(ScanResult.PageLazyFree, WalkVerdict.Lower)]
    [InlineData(ScanResult.Fail, WalkVerdict.Stop)]
    [InlineData(ScanResult.NoPteTable, WalkVerdict.Stop)]
    [InlineData(ScanResult.PmdMapped, WalkVerdict.Stop)]
    [InlineData(ScanResult.CgroupChargeFail, WalkVerdict.Stop)]
    [InlineData(ScanResult.AnyProcess, WalkVerdict.Stop)]
    [InlineData(ScanResult.VmaNull, WalkVerdict.Stop)]
    [InlineData(ScanResult.VmaCheck, WalkVerdict.Stop)]
    [InlineData(ScanResult.AddressRange, WalkVerdict.Stop)]
    [InlineData(ScanResult.PageAnon, WalkVerdict.Stop)]
    [InlineData(ScanResult.CopyMc, WalkVerdict.Stop)]
    public void The_retry_table_is_that_of_v19(ScanResult result, WalkVerdict verdict) =>
        Assert.Equal(verdict, RetryTable.Linux72.For(result));

    [Fact]
    public void Occupancy_counts_windows_inside_and_across_words()
    {
        var occupancy = new Occupancy(Geometry.X86);
        foreach (int bit in new[] { 0, 3, 4, 63, 64, 200, 511 })
            occupancy.Set(bit);
        Assert.Equal([2, 1, 1, 5, 0, 1, 7],
            new[] { (0, 2), (4, 2), (60, 2), (0, 7), (128, 5), (192, 5), (0, 9) }.Select(w => occupancy.Count(w.Item1, 1 << w.Item2)));
    }
}
