using System.Globalization;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Regressions;

/// <summary>What a guest's pages are counted as, without a guest.</summary>
public sealed class KernelBooksTests
{
    private const string Memory = "MemTotal: 1000000 kB\nHardwareCorrupted:     8 kB\nPercpu:      1024 kB\nHugePages_Total:       0\n";
    private const string Zones = "Node 0, zone      DMA\n  pagesets\n    cpu: 0\n              count:    17\n              high:     63\n";

    // Per-CPU lists are free memory too, and a stack counts in kB.
    [Theory]
    [InlineData("nr_free_pages", -512, "pages that nobody accounts for, after all processes have ended")]
    [InlineData("nr_inactive_anon", 8, "anonymous pages on the LRU lists, after all processes have ended")]
    [InlineData("nr_isolated_anon", 1, "nr_isolated_anon, after all processes have ended")]
    [InlineData("nr_mlock", 1, "nr_mlock, after all processes have ended")]
    [InlineData("nr_anon_pages", 3, "nr_anon_pages, after all processes have ended")]
    [InlineData("nr_page_table_pages", 9, "nr_page_table_pages, after all processes have ended")]
    [InlineData("nr_swapcached", 1, "nr_swapcached, after all processes have ended")]
    public void What_a_batch_does_not_give_back_is_a_leak(string name, int more, string what)
    {
        var before = Levels.Of(VmStat(), Zones, Memory);
        Assert.Null(Levels.Of(VmStat(), Zones, Memory).Leaked(before, 3));
        var after = name == "nr_free_pages" ? VmStat((name, more)) : VmStat((name, more), ("nr_free_pages", -more));
        var leak = Levels.Of(after, Zones, Memory).Leaked(before, 3);
        Assert.Equal((3, what), (leak?.Pass, leak?.What));
    }

    [Fact]
    public void Memory_that_another_list_has_is_no_leak() => Assert.Null(Levels.Of(
            VmStat(("nr_free_pages", -240), ("nr_slab_reclaimable", 200), ("nr_slab_unreclaimable", 30), ("nr_page_table_pages", 3),
                ("nr_kernel_stack", 8)),
            Zones.Replace("17", "20", StringComparison.Ordinal), Memory.Replace(" 8 kB", "16 kB", StringComparison.Ordinal))
        .Leaked(Levels.Of(VmStat(), Zones, Memory), 1));

    // Its buffers are written to by and by.
    [Fact]
    public void What_the_agent_has_more_of_its_own_is_no_leak()
    {
        var before = Levels.Of(VmStat(), Zones, Memory, "Name:\tinit\nRssAnon:\t    2064 kB\n");
        string more = VmStat(("nr_inactive_anon", 3), ("nr_anon_pages", 3), ("nr_free_pages", -3));
        Assert.Null(Levels.Of(more, Zones, Memory, "Name:\tinit\nRssAnon:\t    2076 kB\n").Leaked(before, 1));
        Assert.NotNull(Levels.Of(more, Zones, Memory, "Name:\tinit\nRssAnon:\t    2064 kB\n").Leaked(before, 1));
    }

    [Fact]
    public void Swap_slots_in_use_are_not_given_back()
    {
        const string swap = "SwapTotal:     4096 kB\nSwapFree:      4096 kB\n";
        var before = Levels.Of(VmStat(), Zones, Memory + swap);
        var after = Levels.Of(VmStat(), Zones, Memory + swap.Replace("Free:      4096", "Free:      4092", StringComparison.Ordinal));
        Assert.Equal("swap slots in use, after all processes have ended", after.Leaked(before, 1)?.What);
        // Where CPUs keep slots for themselves their number says nothing.
        Assert.Null(after.Leaked(before, 1, keepsSwapSlots: true));
    }

    // Few pages, and no two of them in one place of a small TLB, so that nothing but a flush makes it forget them.
    [Fact]
    public void A_writer_keeps_to_few_pages_that_are_written_to_already()
    {
        var written = new List<int>();
        for (int number = 0; number < 64; number++)
        {
            var batch = new LiveScenarios(1, KernelAbilities.FromGreeting("7.2.13 #1\nswap 1\n")).Batch(number);
            if (!LiveScenarios.HasWriter(number))
                continue;
            var input = LiveInput.Of("a", batch[0], LiveComparison.Passes, beside: true);
            var range = new GuestRange(batch[0].Table, 1L << 30, 1, input.Machine);
            WriterSteps.Start(range, input, batch[0].Table);
            string[] lines = range.Steps.Take().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            int[] pages = [.. lines.Where(line => line.StartsWith("along ", StringComparison.Ordinal))
                .Select(line => (int)((long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture) - (1L << 30)) / 4096))];
            Assert.Equal("start-writing", lines[^1]);
            Assert.InRange(pages.Length, 1, 8);
            Assert.Equal(pages.Length, pages.DistinctBy(page => page % 64).Count());
            Assert.All(pages, page => Assert.Equal(PteKind.Page, batch[0].Table.Cells[page].Kind));
            written.Add(pages.Length);
        }
        Assert.Equal(8, written.Count);
        Assert.Contains(8, written);
    }

    private static string VmStat(params (string Name, int More)[] changed) => string.Join('\n', new[]
    {
        ("nr_free_pages", 200_000), ("nr_inactive_anon", 100), ("nr_active_anon", 5), ("nr_unevictable", 1), ("nr_isolated_anon", 0),
        ("nr_mlock", 0), ("nr_anon_pages", 100), ("nr_swapcached", 0), ("nr_slab_unreclaimable", 2000), ("nr_slab_reclaimable", 900),
        ("nr_page_table_pages", 60), ("nr_kernel_stack", 800), ("nr_zspages", 10),
    }.Select(one => $"{one.Item1} {one.Item2 + changed.Where(change => change.Name == one.Item1).Sum(change => change.More)}"));
}
