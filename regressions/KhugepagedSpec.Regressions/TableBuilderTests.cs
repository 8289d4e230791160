using System.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Regressions;

/// <summary>The steps that build a table in a guest, in the words of its agent; addresses from where the table is to be.</summary>
public sealed class TableBuilderTests
{
    private const long Base = 1L << 44, Stamp = 1000;

    [Fact]
    public async Task One_of_everything()
    {
        const string pattern = "x1,o1,r1,h1,z1,q1,Z1,p1,l1,L1,w1,W1,g1,s1,S1,b1,k1,K1,.14,f4,.2,f4[8+3],.47,f9[50+20]";
        var input = Parse($"a o=4,9 flags=uffdm,mlock pat={pattern}");
        Assert.Empty(FolioPlan.Impossible(TableBuilder.Wish(input)));
        await Verifier.Verify(Steps(input, TableBuilder.Wish(input)));
    }

    [Fact]
    public async Task What_a_program_does_before_and_between_passes()
    {
        var input = Parse("a o=4 vma=low flags=nohuge,thpdis ops=D0+1,W2+3,H8+4 then=C4+2,P6+2,F1+1,G3+1,R0+1,N5+1 pat=x16");
        await Verifier.Verify(Steps(input, TableBuilder.Wish(input)));
    }

    // It is all that moving by less than a PMD range does to it.
    [Fact]
    public void A_whole_huge_page_is_split_by_a_move_unless_it_is_to_stay_huge()
    {
        Assert.Equal(3, Moves("pat=f9"));
        Assert.Equal(2, Moves("pat=m9"));

        static int Moves(string pattern) =>
            new TableBuilder(Parse($"a o=9 {pattern}"), Base, Stamp).Build().Split('\n')
                .Count(line => line.StartsWith("move ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("f9*2", "f9")]
    [InlineData("m9", "m9")]
    [InlineData("f4*40", "f4*32")]
    [InlineData("x3", "x*3 .*509")]
    public void Of_a_pattern_that_runs_past_the_table_what_fits_is_wished_for(string pattern, string table) =>
        Assert.Equal(table, TableNotation.Write(TableBuilder.Wish(Parse($"a o=9 pat={pattern}"))));

    [Fact]
    public void Contents_are_checked_where_they_are_known_and_can_be_read()
    {
        // What a program wrote or dropped is not followed.
        Assert.Equal("", new TableBuilder(Parse("a o=9 ops=D0+1 pat=x8"), Base, Stamp).Check(After("x*8 .*504")));
        Assert.Equal("", new TableBuilder(Parse("a o=9 then=D0+1 pat=x8"), Base, Stamp).Check(After("x*8 .*504")));
        // Stamps of what was written, zero of what was not; no hole, as reading fills it.
        Assert.Equal(
            "check +0 2 1000\ncheck +3 1 1003\ncheck +2 1 0\ncheck +4 1 0\n",
            Relative(new TableBuilder(Parse("a o=9 pat=x2,.1,s1,Z1,.1,K1"), Base, Stamp).Check(After("x*5 . x .*505"))));
        Assert.Equal("check +1 1 1001\n",
            Relative(new TableBuilder(Parse("a o=9 vma=short pat=x2"), Base, Stamp).Check(After("x*2 .*510"))));

        static PageTable After(string table) => PageTable.Parse(table, Geometry.X86);
    }

    private static string Steps(VectorInput input, PageTable after)
    {
        var builder = new TableBuilder(input, Base, Stamp);
        var text = new StringBuilder();
        foreach (var (part, steps) in new (string, Func<string>)[]
            { ("introduce", builder.Introduce), ("build", builder.Build), ("register", builder.Register), ("then", builder.Then),
                ("check", () => builder.Check(after)) })
            text.Append(part).Append('\n')
                .Append(string.Concat(Relative(steps()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"  {line}\n")));
        return text.ToString();
    }

    // Pages from the table's first.
    private static string Relative(string steps) =>
        string.Join('\n', steps.Split('\n').Select(line => string.Join(' ', line.Split(' ').Select(word =>
        long.TryParse(word, out long address) && address > Base / 2 ? $"{(address - Base) / 4096:+0;-0;+0}" : word))));

    private static VectorInput Parse(string text) => VectorInput.Parse(text, Geometry.X86);
}
