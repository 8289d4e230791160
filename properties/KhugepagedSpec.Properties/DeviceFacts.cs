using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>
/// Collapse and a device that shares the memory (D. Hildenbrand, 2025-10-06, on "abort collapse scan on non-swap entries"): what collapse
/// took back at its swap-in, the next access of the device takes apart again.
/// </summary>
public sealed class DeviceFacts
{
    private static readonly Scenario Huge = Given.Khugepaged("x*512", Given.Orders(9), 511);

    [Fact]
    public void To_make_a_page_device_exclusive_a_huge_page_is_mapped_by_PTEs_and_stays_one_folio()
    {
        var passes = Huge.Failing("page-turns-exclusive/pass").Run(Catalogue.Linux72NonSwap, 2);
        Assert.Equal(["m9", "e f9[1+511]"], passes.Select(pass => pass.After.ToString().ToLowerInvariant()));
        Assert.Equal(ScanResult.PteNonPresent, passes[1].Status());
    }

    // Each pass allocates, copies all 512 pages, and ends the device's access; the next takes the PMD entry down again.
    [Fact]
    public void In_7_2_each_access_of_a_device_is_followed_by_a_collapse_that_undoes_it()
    {
        var passes = Huge.Failing("page-turns-exclusive/pass").Run(Catalogue.Linux72, 5);
        Assert.All(passes, pass => Assert.Equal("m9", pass.After.ToString().ToLowerInvariant()));
        var cost = CostSurvey.Of(Catalogue.Linux72, Huge.Failing("page-turns-exclusive/pass"), 5).Cost;
        Assert.Equal((5, 5, 5 * 512), (cost.Attempts, cost.PmdFlushes, cost.PagesCopied));
        Assert.Equal(1, CostSurvey.Of(Catalogue.Linux72NonSwap, Huge.Failing("page-turns-exclusive/pass"), 5).Cost.Attempts);
        Assert.Equal(1, CostSurvey.Of(Catalogue.Linux72, Huge, 5).Cost.Attempts);
    }

    [Fact]
    public void What_moves_to_device_memory_splits_the_folio_and_collapse_brings_it_back()
    {
        var passes = Huge.Failing("page-moves-to-device/pass").Run(Catalogue.Linux72NonSwap, 2);
        Assert.Equal("d x*511", passes[1].After.ToString());
        Assert.All(Huge.Failing("page-moves-to-device/pass").Run(Catalogue.Linux72, 4),
            pass => Assert.Equal("m9", pass.After.ToString().ToLowerInvariant()));
    }

    // A driver needs a writable VMA; a page that is shared becomes a page of its own.
    [Theory]
    [InlineData("x*512", VmaFlags.None, "e x*511")]
    [InlineData("f4*32", VmaFlags.None, "e f4[1+15] f4*31")]
    [InlineData("h x*511", VmaFlags.None, "e x*511")]
    [InlineData("s x*511", VmaFlags.None, "e x*511")]
    [InlineData("g x*511", VmaFlags.None, "g x*511")]
    public void What_a_device_takes_for_itself_is_faulted_in_for_writing(string table, VmaFlags flags, string after)
    {
        var scenario = Given.Khugepaged(table, Given.Orders(), 0).WithVma(flags).Failing("page-turns-exclusive/pass");
        Assert.Equal(after, scenario.Run(Catalogue.Linux72, 2)[1].After.ToString());
    }

    // Whatever gap it strikes in, on generated tables: what is claimed holds, and entries come to stand where pages were.
    [Theory]
    [InlineData("page-turns-exclusive")]
    [InlineData("page-moves-to-device")]
    public void Devices_break_nothing(string fault)
    {
        int struck = 0;
        foreach (var version in new[] { Catalogue.Linux72, Catalogue.Linux72NonSwap })
            foreach (var (scenario, index) in ScenarioMix.Random(61).Take(1200).Select((one, index) => (one, index)))
            {
                var other = scenario.Failing($"{fault}{(index % 3) switch { 0 => "/pass", 1 => "/write", _ => "" }}");
                var history = History.Of(other, version, Checker.Passes);
                struck += history.Runs.Any(run =>
                    run.After.Cells.Any(cell => cell.Kind is PteKind.DeviceExclusive or PteKind.DevicePrivate)) ? 1 : 0;
                foreach (var invariant in Contract.Invariants.Where(one => one.IsClaimedOf(version)))
                    Assert.True(invariant.Check(history) is not { } violation,
                        $"{version.Name} breaks {invariant.Name}: explain {other} {(invariant.Check(history) is { } why ? why : null)}");
            }
        Assert.InRange(struck, 100, int.MaxValue);
    }

    [Theory]
    [InlineData("migration", "i")]
    [InlineData("device-exclusive", "e")]
    [InlineData("device-private", "d")]
    public void Each_kind_of_entry_can_be_allowed_by_itself(string name, string letter)
    {
        var version = Composition.Of(Catalogue.Linux72NonSwap, [PolicyChange.Parse($"non-swap.allowed={name}")]);
        foreach (string other in new[] { "i", "e", "d", "b", "g", "k" })
        {
            var pass = Given.Khugepaged($"x*511 {other}", Given.Orders(9), 511).Run(version, 1)[0];
            Assert.Equal(other == letter ? ScanResult.Succeed : ScanResult.PteNonPresent, pass.Status());
        }
        foreach (var scenario in ScenarioMix.Random(67).Take(1500))
        {
            var history = History.Of(scenario, version, Checker.Passes);
            Assert.All(Contract.Invariants.Where(one => one.IsClaimedOf(version)), invariant => Assert.Null(invariant.Check(history)));
        }
    }
}
