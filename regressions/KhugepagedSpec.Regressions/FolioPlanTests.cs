using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Regressions;

/// <summary>In which order page faults can make the large folios of a table, if they can.</summary>
public sealed class FolioPlanTests
{
    [Theory]
    // Its page lies where the second folio must be empty, so that one is first.
    [InlineData(".8 f4[8+1] .11 f4[12+1] .491", "4@8:20 4@0:8")]
    // A huge page first of all, then by shift and order: least is moved and set.
    [InlineData("f2 .4 f2[2+2] f3 .492 f9[510+2]", "9@0:510,511 2@0:0,1,2,3 2@6:8,9 3@10:10,11,12,13,14,15,16,17")]
    [InlineData("f2 f3[4+4] f2 f4[8+4] f2 .492", "4@4:12,13,14,15 3@0:4,5,6,7 2@0:0,1,2,3 2@8:8,9,10,11 2@16:16,17,18,19")]
    // A page below or above the table is a page of the folio all the same.
    [InlineData("f4[8+8] .496 f4[0+8]", "4@-8:0,1,2,3,4,5,6,7 4@504:504,505,506,507,508,509,510,511")]
    [InlineData("x512", "")]
    public void A_folio_is_made_while_its_window_is_empty(string table, string plan)
    {
        var impossible = new List<PlannedFolio>();
        Assert.Equal(plan, Text(FolioPlan.Of(Parse(table), impossible)));
        Assert.Empty(impossible);
    }

    [Theory]
    // Each has a page in the other's window.
    [InlineData(".8 f4[8+1] f4[1+1] .502", "4@0:8", "4@8:9")]
    // Both would be made first.
    [InlineData("f9[0+1] . f9[1+1] .509", "9@0:0", "9@1:2")]
    // A child's page is there before all else.
    [InlineData(".8 f4[8+1] h .502", "", "4@0:8")]
    [InlineData("x f3[1+7] .504", "3@0:1,2,3,4,5,6,7", "")]
    public void What_no_page_fault_makes_is_told(string table, string plan, string impossible)
    {
        var left = new List<PlannedFolio>();
        Assert.Equal(plan, Text(FolioPlan.Of(Parse(table), left)));
        Assert.Equal(impossible, Text(left));
        Assert.Equal(impossible, Text(FolioPlan.Impossible(Parse(table))));
    }

    [Theory]
    [InlineData(4, 0, 0)]
    [InlineData(4, 32, 0)]
    [InlineData(4, 8, 8)]
    [InlineData(4, 42, 6)]
    [InlineData(4, -3, 3)]
    [InlineData(9, -510, 510)]
    public void The_shift_puts_it_on_its_boundary(int order, int first, int shift)
    {
        Assert.Equal(shift, new PlannedFolio(order, first).Shift);
        Assert.Equal(0, (first + shift) & ((1 << order) - 1));
    }

    private static string Text(List<PlannedFolio> plan) =>
        string.Join(' ', plan.Select(folio => $"{folio.Order}@{folio.First}:{string.Join(',', folio.Kept)}"));

    private static PageTable Parse(string table) => TableNotation.Parse(table, Geometry.X86, padWithNone: false);
}
