using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Regressions;

/// <summary>Scenarios that meet limits exactly, that must remember a failed allocation, and how small they get.</summary>
public sealed class LiveLimitsTests
{
    private static readonly KernelAbilities Linux72 = KernelAbilities.FromGreeting("7.2.13 #1\nkhugepaged 1\nswap 1\n");

    private static List<Scenario> All(int batches) =>
        [.. Enumerable.Range(0, 4).SelectMany(seed => Enumerable.Range(0, batches)
            .SelectMany(number => new LiveScenarios((ulong)seed, Linux72).Batch(number)))];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Each_limit_is_met_and_exceeded_by_one(int over)
    {
        var all = All(40);
        Assert.Contains(all, one => one.Settings.MaxPtesNone is > 0 and < 511
            && Count(one, cell => cell.IsNoneOrZero) == one.Settings.MaxPtesNone + over);
        Assert.Contains(all, one => one.Settings.MaxPtesShared is > 0 and < 511
            && Count(one, cell => cell.Has(CellFlags.Shared)) == one.Settings.MaxPtesShared + over);
        Assert.Contains(all, one => one.Settings.MaxPtesSwap is > 0 and < 511
            && Count(one, cell => cell.Kind == PteKind.Swap) == one.Settings.MaxPtesSwap + over);
        // One swap entry, and as many referenced as it takes.
        Assert.Contains(all, one => Count(one, cell => cell.Kind == PteKind.Swap) == 1
            && Count(one, cell => cell.Has(CellFlags.Young)) == 256 - over);
        // One block of an order that is enabled below the PMD's.
        Assert.Contains(all, one => one.Settings.MaxPtesNone == 511 && one.Settings.OrdersFor(advised: true).Orders().Any(order =>
            order < 9 && Blocks(one, order).Any(block => block.Count(cell => cell.IsNoneOrZero) == (1 << order) - 1 + over)));
    }

    [Fact]
    public void Where_blocks_are_short_lower_orders_fail_otherwise()
    {
        var batch = new LiveScenarios(1, Linux72).Batch(39);
        Assert.True(LiveScenarios.IsShortOfBlocks(39));
        Assert.Equal(LiveScenarios.Together, batch.Length);
        Assert.All(batch, one =>
        {
            int? from = Shortage.BlocksFrom(one.Faults, Geometry.X86);
            Assert.NotNull(from);
            Assert.True(one.Settings.OrdersFor(advised: true).Lowest < from);
            Assert.Contains(one.Table.Cells, cell => cell.Has(CellFlags.Shared));
        });
    }

    // max_ptes_shared one too low at isolation.
    [Fact]
    public void A_limit_is_raised_where_that_makes_the_table_smaller()
    {
        var found = Scenario.Of(PageTable.Parse("h*256 x*256", Geometry.X86)) with
        {
            Settings = ThpSettings.Defaults(Geometry.X86) with { MaxPtesNone = 0, MaxPtesShared = 256 },
        };
        Assert.True(Shows(found));
        Assert.Equal(512, Shrinker.Size(Shrinker.Shrink(found, Shows)));
        var smallest = LiveShrinker.Smallest(found, Shows);
        Assert.Equal((1, 1), (Shrinker.Size(smallest), smallest.Settings.MaxPtesShared));

        static bool Shows(Scenario one) => one.Table.Geometry == Geometry.X86
            && Count(one, cell => cell.IsNoneOrZero) <= one.Settings.MaxPtesNone
            && Count(one, cell => cell.Has(CellFlags.Shared)) is var shared && shared > 0 && shared == one.Settings.MaxPtesShared;
    }

    private static int Count(Scenario scenario, Func<Cell, bool> counts) => scenario.Table.Cells.Count(counts);

    private static IEnumerable<Cell[]> Blocks(Scenario scenario, int order) => scenario.Table.Cells.Chunk(1 << order);
}
