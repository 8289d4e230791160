using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

public sealed class UserProgramFacts
{
    [Theory]
    [InlineData("x*512", "x*4 .*8 x*500")]
    [InlineData("m9", "f9[0+4] .*8 f9[12+500]")]
    [InlineData("f3*64", "f3[0+4] .*8 f3[4+4] f3*62")]
    [InlineData("x*8 g*504", "x*4 .*4 g*504")]
    public void Dontneed_unmaps(string table, string after) => Assert.Equal(after, After(table, program => program.DontNeed(4, 8)));

    [Theory]
    [InlineData("x*512", "0")]
    [InlineData("m9", "0")]
    [InlineData("x*511 g", ".*511 g")]
    public void Dontneed_of_the_whole_range_frees_the_table_unless_a_guard_marker_stays(string table, string after) =>
        Assert.Equal(after, After(table, program => program.DontNeed(0, 512)));

    [Theory]
    [InlineData(".*512", "x .*511")]
    [InlineData("z*512", "x z*511")]
    [InlineData("h*512", "x h*511")]
    [InlineData("s*512", "x s*511")]
    [InlineData("l*512", "L l*511")]
    [InlineData("o*512", "x o*511")]
    [InlineData("g*512", "g*512")]
    [InlineData("m9", "m9")]
    public void A_write_leaves_a_private_dirty_page(string table, string after) =>
        Assert.Equal(after, After(table, program => program.Write(0, 1)));

    [Theory]
    [InlineData(".*512", "z .*511")]
    [InlineData("o*512", "x o*511")]
    [InlineData("m9", "m9")]
    public void A_read_maps_the_zero_page_or_marks_the_page_used(string table, string after) =>
        Assert.Equal(after, After(table, program => program.Read(0, 1)));

    [Fact]
    public void A_write_into_a_hole_takes_the_largest_enabled_size_that_fits_it()
    {
        Assert.Equal("x .*15 f4Z .*480", AfterWrite(20, "x .*511", Given.Orders(2, 4))
            .Replace("f4[0+4]Z f4[4+1] f4[5+11]Z", "f4Z", StringComparison.Ordinal));
        Assert.StartsWith("x .*3 f2", AfterWrite(4, "x .*511", Given.Orders(2, 4)), StringComparison.Ordinal);
        Assert.Equal("m9", AfterWrite(4, "0", Given.Orders(4, 9)));
        Assert.Equal(".*4 x .*507", AfterWrite(4, "0", OrderSet.Empty));
    }

    [Theory]
    [InlineData("x*512", "o*8 x*504")]
    [InlineData("f3*64", "f3o f3*63")]
    [InlineData("f2*128", "f2o*2 f2*126")]
    [InlineData("f4*32", "o*8 x*8 f4*31")]
    [InlineData("f4h*32", "f4h*32")]
    [InlineData("m9", "o*8 x*504")]
    [InlineData("h*512", "h*512")]
    public void Cold_pages_are_not_young_and_a_folio_covered_in_part_is_split(string table, string after) =>
        Assert.Equal(after, After(table, program => program.Cold(0, 8)));

    [Theory]
    [InlineData("x*512", "s[1+8] x*504")]
    [InlineData("f3*64", "s[8+8] f3*63")]
    [InlineData("f4*32", "s[1+8] x*8 f4*31")]
    [InlineData("p*512", "p*512")]
    [InlineData("l*512", ".*8 l*504")]
    [InlineData("L*512", "x*8 L*504")]
    [InlineData("l*4 L*4 x*504", ".*4 x*508")]
    public void Pageout_sends_pages_to_swap(string table, string after) =>
        Assert.Equal(after, After(table, program => program.PageOut(0, 8)));

    [Theory]
    [InlineData("x*512", "l*8 x*504")]
    [InlineData("f4*32", "l*8 x*8 f4*31")]
    [InlineData("s*512", ".*8 s*504")]
    public void Free_makes_pages_lazyfree(string table, string after) => Assert.Equal(after, After(table, program => program.Free(0, 8)));

    [Fact]
    public void Guard_and_pin() =>
        Assert.Equal("g*8 p x*503", After("x*512", program =>
        {
            program.Guard(0, 8);
            program.Pin(8, 1);
        }));

    [Fact]
    public void Madvise_leaves_mlocked_memory_alone()
    {
        var running = new RunningScenario(Given.Khugepaged("x*500 s*12", OrderSet.Empty, 0).WithVma(VmaFlags.Locked), Catalogue.Linux72);
        var program = new UserProgram(running.Machine, running.Process);
        foreach (var act in new Action<long, long>[] { program.DontNeed, program.Cold, program.PageOut, program.Free, program.Guard })
            act(0, 512);
        Assert.Equal("x*500 s*12", running.Table.ToString());
    }

    [Fact]
    public void Splitting_a_folio_gives_its_zero_pages_back_and_mlocked_folios_are_not_split()
    {
        var scenario = Given.Khugepaged("x*8 .*8 .*496", Given.Orders(4), 511);
        Assert.StartsWith("o x*7 z*8 ", AfterPass(scenario), StringComparison.Ordinal);
        Assert.StartsWith("f4", AfterPass(scenario.WithVma(VmaFlags.Locked)), StringComparison.Ordinal);

        static string AfterPass(Scenario scenario)
        {
            var running = new RunningScenario(scenario, Catalogue.Linux72);
            running.Pass();
            new UserProgram(running.Machine, running.Process).Cold(0, 1);
            return running.Table.ToString();
        }
    }

    [Fact]
    public void A_split_counts_once_and_a_pte_mapped_folio_waits_on_the_deferred_list_first()
    {
        var running = new RunningScenario(Given.Khugepaged("f4 x*496", OrderSet.Empty, 0), Catalogue.Linux72);
        new UserProgram(running.Machine, running.Process).Cold(3, 1);
        Assert.Equal([("split", 4, 1L), ("split_deferred", 4, 1L)], running.Machine.Statistics.Sizes());
        running = new RunningScenario(Given.Khugepaged("m9", OrderSet.Empty, 0), Catalogue.Linux72);
        new UserProgram(running.Machine, running.Process).Cold(3, 1);
        Assert.Equal([("split", 9, 1L)], running.Machine.Statistics.Sizes());
    }

    private static string After(string table, Action<UserProgram> act)
    {
        var running = new RunningScenario(Given.Khugepaged(table, OrderSet.Empty, 0), Catalogue.Linux72);
        act(new UserProgram(running.Machine, running.Process));
        return running.Table.ToString();
    }

    private static string AfterWrite(long page, string table, OrderSet orders)
    {
        var running = new RunningScenario(Given.Khugepaged(table, orders, 0), Catalogue.Linux72);
        new UserProgram(running.Machine, running.Process).Write(page, 1);
        return running.Table.ToString();
    }
}
