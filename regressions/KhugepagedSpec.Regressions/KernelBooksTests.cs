using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Regressions;

/// <summary>What a guest's pages are counted as, without a guest.</summary>
public sealed class KernelBooksTests
{
    private const string Zones = "Node 0, zone      DMA\n  pagesets\n    cpu: 0\n              count:    17\n              high:     63\n";

    // Per-CPU lists are free memory too, and a stack counts in kB.
    [Theory]
    [InlineData("nr_free_pages", -512, "pages that nobody accounts for, after all processes have ended")]
    [InlineData("nr_inactive_anon", 8, "anonymous pages on the LRU lists, after all processes have ended")]
    [InlineData("nr_isolated_anon", 1, "nr_isolated_anon, after all processes have ended")]
    [InlineData("nr_mlock", 1, "nr_mlock, after all processes have ended")]
    public void What_a_batch_does_not_give_back_is_a_leak(string name, int more, string what)
    {
        var before = Levels.Of(VmStat(), Zones);
        Assert.Null(Levels.Of(VmStat(), Zones).Leaked(before, 3));
        var after = name == "nr_free_pages" ? VmStat((name, more)) : VmStat((name, more), ("nr_free_pages", -more));
        var leak = Levels.Of(after, Zones).Leaked(before, 3);
        Assert.Equal((3, what), (leak?.Pass, leak?.What));
    }

    [Fact]
    public void Memory_that_another_list_has_is_no_leak() => Assert.Null(Levels.Of(
            VmStat(("nr_free_pages", -40), ("nr_slab_unreclaimable", 30), ("nr_page_table_pages", 3), ("nr_kernel_stack", 8)),
            Zones.Replace("17", "22", StringComparison.Ordinal))
        .Leaked(Levels.Of(VmStat(), Zones), 1));

    private static string VmStat(params (string Name, int More)[] changed) => string.Join('\n', new[]
    {
        ("nr_free_pages", 200_000), ("nr_inactive_anon", 100), ("nr_active_anon", 5), ("nr_unevictable", 1), ("nr_isolated_anon", 0),
        ("nr_mlock", 0), ("nr_slab_unreclaimable", 2000), ("nr_slab_reclaimable", 900), ("nr_page_table_pages", 60),
        ("nr_kernel_stack", 800), ("nr_zspages", 10),
    }.Select(one => $"{one.Item1} {one.Item2 + changed.Where(change => change.Name == one.Item1).Sum(change => change.More)}"));
}
