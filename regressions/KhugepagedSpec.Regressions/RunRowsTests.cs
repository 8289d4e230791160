using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Two runs side by side.</summary>
public sealed class RunRowsTests
{
    // 7.2 makes a folio of 16 pages, and finds it again; 7.1 does not scan for it. Line by line the table stood beside the result.
    [Fact]
    public void What_stands_at_one_place_in_both_shares_a_row_and_what_one_alone_has_stands_alone()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*16 .*496", Geometry.X86));
        scenario = scenario with
        {
            Settings = scenario.Settings.WithSizes(OrderSet.Of(4) | OrderSet.Of(9), SizeEnabled.Madvise) with { MaxPtesNone = 0 },
        };
        var difference = VersionDiff.On(scenario, Catalogue.Linux71, Catalogue.Linux72)!;
        Assert.Equal(
            [
                ("pass 1", "pass 1"), ("scan exceed_none_pte", "scan succeeded"), (null, "0/4:succeeded:n0:r16"),
                ("result exceed_none_pte", "result succeeded"), ("table x*16 .*496", "table F4 .*496"),
                ("counts exceed_none_pte.9=1", "counts alloc.4=1"), ("pass 2", "pass 2"), ("scan exceed_none_pte", "scan succeeded"),
                (null, "0/4:pte_mapped_hugepage:n0:r0"), ("result exceed_none_pte", "result failed"),
                ("table x*16 .*496", "table f4 .*496"), ("counts exceed_none_pte.9=1", "counts alloc.4=1"),
            ],
            difference.Rows.Select(row => (row.First?.Text, row.Second?.Text)));
    }

    [Fact]
    public void Every_line_stands_in_one_row_in_its_order_and_the_first_row_that_differs_is_where_they_part()
    {
        int differences = 0, alone = 0, together = 0;
        var others = Catalogue.Versions.Where(version => version != Catalogue.Linux72).ToList();
        foreach (var (scenario, i) in ScenarioGenerator.Random(11, Geometry.X86).Take(300).Select((scenario, i) => (scenario, i)))
        {
            if (VersionDiff.On(scenario, others[i % others.Count], Catalogue.Linux72) is not { } difference)
                continue;
            differences++;
            var rows = difference.Rows;
            Assert.Equal(difference.First, rows.Select(row => row.First).OfType<RunLine>());
            Assert.Equal(difference.Second, rows.Select(row => row.Second).OfType<RunLine>());
            Assert.Equal(difference.DiffersAt, rows.TakeWhile(row => row.First?.Text == row.Second?.Text).Count());
            Assert.All(rows.Where(row => row is { First: not null, Second: not null }),
                row => Assert.Equal(row.First!.Place, row.Second!.Place));

            // A place that each has once, and no attempt: what is done about a pass comes in the same order.
            Assert.All(rows.Where(row => row.First is null || row.Second is null).Select(row => (row.First ?? row.Second)!.Place)
                .Where(place => place is "pass 1 " or "pass 2 " or "pass 1 table" or "pass 2 table"), place => Assert.Fail(place));
            alone += rows.Count(row => row.First is null || row.Second is null);
            together += rows.Count(row => row.First is not null && row.Second is not null && row.First.Text != row.Second.Text);
        }
        Assert.InRange(differences, 20, 300);
        Assert.InRange(alone, 20, int.MaxValue);
        Assert.InRange(together, 20, int.MaxValue);
    }
}
