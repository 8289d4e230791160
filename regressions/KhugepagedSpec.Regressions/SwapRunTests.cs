using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Regressions;

/// <summary>Where swap slots are asked for, and whether a guest gave them.</summary>
public sealed class SwapRunTests
{
    [Theory]
    [InlineData("s[77]", "0+1 at 0 of 1")]
    [InlineData("s[8+4]", "0+4 at 0 of 4")]
    [InlineData("x*3 s[6+4]", "3+4 at 6 of 16")]
    [InlineData("s[9+3] s[40+2]", "0+3 at 1 of 4, 3+2 at 0 of 2")]
    // Beyond a cluster nothing is aligned.
    [InlineData("s[1022+4]", "0+4 at 510 of 512")]
    [InlineData("s*4", "")]
    public void A_run_is_asked_for_by_its_place_in_the_smallest_aligned_stretch_that_holds_it(string table, string runs) =>
        Assert.Equal(runs, string.Join(", ", SwapRun.Of(PageTable.Parse($"{table} .*{512 - Pages(table)}", Geometry.X86).Cells.AsSpan())
            .Select(run => $"{run.At}+{run.Pages} at {run.Place} of {run.Stretch}")));

    // A cluster has 256 slots where a page has 16 KB: the kernel warns of more in a row, and does not bring them back.
    [Theory]
    [InlineData("s[1+256] .*1792", "0:1+256")]
    [InlineData("s[1+257] .*1791", "0:1+256")]
    [InlineData("s[1+600] x s[900+3] .*1444", "0:1+256 257:258+256 514:515+86 601:900+3")]
    public void No_run_is_longer_than_a_cluster_of_the_machine(string table, string slots)
    {
        var arm = KernelAbilities.FromGreeting("7.2.13 #1\nswap 1\nmachine aarch64\npagesize 16384\npmdorder 11\n");
        var scenario = Scenario.Of(PageTable.Parse(table, arm.Machine.Geometry));
        Assert.Equal(slots, TableNotation.WriteSlots(LiveInput.Fit(scenario, arm).Table));
    }

    [Theory]
    [InlineData("s[6+4]", null)]
    [InlineData("s[1030+4]", null)]
    [InlineData("s[7+4]", "PTE 0 has swap slot 7, not one at 6 of 16")]
    [InlineData("s[6+2] s[24+2]", "PTE 2 has swap slot 24, not one at 8 of 16")]
    [InlineData("s*4", "PTE 0 has swap slot 0, not one at 6 of 16")]
    public void A_guest_may_give_any_stretch_but_no_other_place_in_it(string built, string? said) =>
        Assert.Equal(said, BuiltOtherwise.Of(new RecordedVector
        {
            Input = VectorInput.Parse("a o=9 pat=s[6+4]", Geometry.X86),
            Before = PageTable.Parse($"{built} .*508", Geometry.X86),
            Passes = [],
        }));

    private static int Pages(string table) =>
        TableNotation.Parse(table, Geometry.X86, padWithNone: true).Cells.Count(cell => cell.Kind != PteKind.None);
}
