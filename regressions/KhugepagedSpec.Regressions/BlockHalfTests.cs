using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Regressions;

public sealed class BlockHalfTests
{
    [Fact]
    public void A_block_is_halved_in_its_place_and_every_size_with_it() =>
        Assert.Equal(
            ["x*4 .*508, 2,7", "x*3 h .*508, 2,7", "x*4 .*508, 2,7"],
            Halves("x*7 h .*504", OrderSet.Of(3).With(8)));

    [Fact]
    public void Halves_laid_upon_each_other_keep_what_only_one_of_them_has() =>
        Assert.Equal(".*8 x z*2 x .*500, 2", Halves(".*8 x . . x . z z x .*496", OrderSet.Of(2))[2]);

    [Theory]
    [InlineData(".*512")]
    [InlineData(".*4 x*4 .*504")]
    [InlineData("f3 .*504")]
    public void An_empty_table_a_smallest_window_and_large_folios_have_no_half(string table) => Assert.Empty(Halves(table, OrderSet.Of(3)));

    private static string[] Halves(string table, OrderSet orders)
    {
        var scenario = Scenario.Of(PageTable.Parse(table, Geometry.X86));
        return [.. BlockHalf.All(scenario with { Settings = scenario.Settings.WithSizes(orders, SizeEnabled.Madvise) })
            .Select(half => $"{half.Table}, {half.Settings.Madvise}")];
    }
}
