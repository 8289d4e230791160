using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>When khugepaged comes to know a process. Each was seen on Linux 7.2.13 and 7.3.4 (<c>registration-*.jsonl</c>).</summary>
public sealed class RegistrationFacts
{
    [Theory]
    [InlineData("mmap, madvise, touch", RegistrationOutcome.NoAnonVma)]
    [InlineData("mmap, madvise, touch, madvise", RegistrationOutcome.NoAnonVma)]
    [InlineData("mmap, read, madvise", RegistrationOutcome.NoAnonVma)]
    public void With_a_smaller_size_alone_advice_before_the_first_touch_registers_nobody(string program, RegistrationOutcome outcome)
    {
        var running = Run(program, Madvise64K);
        Assert.False(running.Process.IsRegistered);
        Assert.Equal([outcome], running.Process.RegistrationCalls.Select(call => call.Outcome));
        Assert.Empty(running.Pass().Report.Tables);
        Assert.Equal(0, running.Machine.Statistics.FullScans);
    }

    [Theory]
    [InlineData("mmap, touch, madvise", RegistrationSite.Madvise)]
    [InlineData("mmap, touch 511+1, madvise", RegistrationSite.Madvise)]
    [InlineData("mmap, madvise, touch, nohugepage, madvise", RegistrationSite.Madvise)]
    public void Advice_that_changes_a_vma_that_was_touched_registers_the_process(string program, RegistrationSite site)
    {
        var running = Run(program, Madvise64K);
        Assert.Equal((site, RegistrationOutcome.Registered), Registered(running));
        Assert.Single(running.Pass().Report.Tables);
    }

    [Fact]
    public void A_fault_of_the_pmds_size_registers_the_process() => Assert.Equal(
        (RegistrationSite.PmdFault, RegistrationOutcome.Registered),
        Registered(Run("mmap, madvise, touch", settings => Madvise64K(settings) with { Inherit = OrderSet.Of(9) })));

    // Seen on 6.12.43, 6.12.107, 6.16.12 to 7.1.13, and not on 6.12.117, 7.2.6, 7.2.13.
    [Theory]
    [InlineData("linux-6.12.107", true)]
    [InlineData("linux-6.12", false)]
    [InlineData("linux-6.17", true)]
    [InlineData("linux-6.18", true)]
    [InlineData("linux-7.0", true)]
    [InlineData("linux-7.1", true)]
    [InlineData("linux-7.2", false)]
    [InlineData("linux-7.3", false)]
    public void Advice_that_changes_nothing_asks_in_some_releases(string version, bool isRegistered) => Assert.Equal(
        isRegistered, Run("mmap, read 0+1, madvise, touch 0+16, madvise", settings => settings,
            Catalogue.Find(version)).Process.IsRegistered);

    // So that a fault after it is one of the PMD's size again. Seen on 6.12.117 and 6.16.12.
    [Theory]
    [InlineData("linux-6.12.107", "x*16 .*496")]
    [InlineData("linux-6.12", "x*16 .*496")]
    [InlineData("linux-6.17", "m9")]
    [InlineData("linux-7.2", "m9")]
    public void A_table_that_one_MADV_DONTNEED_empties_is_freed_since_6_16(string version, string table) =>
        Assert.Equal(table, Run("mmap, touch, dontneed, madvise, touch 0+16", settings => settings, Catalogue.Find(version)).Table.ToString(
            ));

    [Fact]
    public void A_read_fault_of_the_pmds_size_does_too_and_maps_the_huge_zero_page()
    {
        var running = Run("mmap, madvise, read 0+1", settings => settings);
        Assert.Equal((RegistrationSite.PmdFault, RegistrationOutcome.Registered), Registered(running));
        Assert.Equal("mz", running.Table.ToString());
        Assert.Equal("mz", running.Pass().After.ToString());
    }

    [Fact]
    public void Smaller_sizes_set_to_always_register_nobody_by_themselves() =>
        Assert.Empty(Run("mmap, touch", settings => settings.WithSizes(OrderSet.Of(4), SizeEnabled.Always)).Process.RegistrationCalls);

    [Fact]
    public void Two_vmas_that_become_one_register_the_process() => Assert.Equal(
        (RegistrationSite.Merge, RegistrationOutcome.Registered),
        Registered(Run("mmap, touch, mmap 512+512", settings => settings.WithSizes(OrderSet.Of(4), SizeEnabled.Always))));

    [Fact]
    public void Where_no_size_is_enabled_nobody_is_registered() => Assert.Equal(
        [RegistrationOutcome.DaemonOff],
        Run("mmap, touch, madvise",
            settings => settings.WithSizes(OrderSet.Empty, SizeEnabled.Madvise) with { Enabled = GlobalEnabled.Never })
            .Process.RegistrationCalls.Select(call => call.Outcome));

    [Fact]
    public void A_child_is_registered_if_its_parent_is()
    {
        foreach (bool isRegistered in new[] { true, false })
        {
            var running = Run(isRegistered ? "mmap, touch, madvise" : "mmap, madvise, touch", Madvise64K);
            var child = new UserProgram(running.Machine, running.Process).Fork(_ => false, flags => flags);
            Assert.Equal(isRegistered, child.IsRegistered);
        }
    }

    // Recorded on 6.12.107 and 6.12.117, and on 7.2.13.
    [Theory]
    [InlineData("linux-6.12", "x*16 z*496")]
    [InlineData("linux-6.12.107", "x*16 z*496")]
    [InlineData("linux-6.17", "m9")]
    [InlineData("linux-7.2", "m9")]
    public void A_write_to_the_huge_zero_page_gets_a_huge_page_since_6_16_and_splits_it_before(string version, string table) =>
        Assert.Equal(table, Run("mmap, madvise, read, touch 0+16", settings => settings, Catalogue.Find(version)).Table.ToString());

    [Theory]
    [InlineData("mmap, touch 0+16, madvise 0+8, read 16+4")]
    [InlineData("mmap -64+640, nohugepage, madvise, cold 1+2, pageout 3+4, free 5+6, dontneed 7+8, guard 9+10")]
    public void A_program_reads_back_as_it_was_written(string program) =>
        Assert.Equal(program, ProgramStep.Write(ProgramStep.Parse(program, Geometry.X86), Geometry.X86));

    [Theory]
    [InlineData("touch", "program step 'touch': expected mmap before it")]
    [InlineData("mmap, poke",
        "program step 'poke': expected one of mmap, madvise, nohugepage, touch, read, cold, pageout, free, dontneed, guard")]
    [InlineData("mmap, touch 0-16", "'0-16': expected pages as first+count")]
    [InlineData("mmap, mmap", "expected memory above page 511")]
    [InlineData("mmap, touch 500+13", "pages 500 to 512: expected pages that were mapped before")]
    public void What_is_no_program_is_refused_in_one_line(string program, string error)
    {
        var failure = Assert.Throws<FormatException>(() => ProgramStep.Parse(program, Geometry.X86));
        Assert.Contains(error, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    private static ThpSettings Madvise64K(ThpSettings settings) => settings.WithSizes(OrderSet.Of(4), SizeEnabled.Madvise);

    private static RunningScenario Run(string program, Func<ThpSettings, ThpSettings> change, KhugepagedVersion? version = null)
    {
        var scenario = Scenario.Of(ProgramStep.Parse(program, Geometry.X86), Geometry.X86);
        return new RunningScenario(scenario with { Settings = change(scenario.Settings) }, version ?? Subjects.Linux72);
    }

    private static (RegistrationSite, RegistrationOutcome) Registered(RunningScenario running)
    {
        Assert.True(running.Process.IsRegistered);
        var call = running.Process.RegistrationCalls.First(call => call.Outcome == RegistrationOutcome.Registered);
        return (call.Site, call.Outcome);
    }
}
