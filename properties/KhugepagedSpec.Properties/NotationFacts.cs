using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Properties;

public sealed class NotationFacts
{
    [Fact]
    public void A_written_table_reads_back_as_itself() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500),
            Prop.ForAll(Arb.From(Tables.Any), table => PageTable.Parse(table.ToString(), table.Geometry).Equals(table)));

    [Fact]
    public void The_recorders_form_reads_back_as_itself() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(Arb.From(Tables.Any), table =>
            table.Pmd != PmdState.Table || PageTable.Parse(TableNotation.WriteRecorded(table), table.Geometry).Equals(table)));

    [Theory]
    [InlineData("x*16 .*4 x*100 .*392")]
    [InlineData("f9")]
    [InlineData("m9")]
    [InlineData("0")]
    [InlineData("mz")]
    [InlineData("mi")]
    [InlineData("md")]
    [InlineData("m9hwopt@1")]
    [InlineData("s[84+32] s[7] S[8+2] s*3 s[1000] x*473")]
    [InlineData("f4[8+3] z s*64 x*444")]
    [InlineData("f2h f2w f2l f2L f2o f2c f2r f2p f2t f2u f2a f2K f2Z f2@1 x*456")]
    [InlineData("f0hw f0op x*510")]
    [InlineData("F4 f4 x*480")]
    [InlineData("f4*3 f4[0+8]*2 x*448")]
    public void The_canonical_form_is_written_as_it_is_read(string text) =>
        Assert.Equal(text, PageTable.Parse(text, Geometry.X86).ToString());

    [Theory]
    [InlineData("x16 .4,x100 .392", "x*16 .*4 x*100 .*392")]
    [InlineData("m4*2 M9[0+480]", "f4*2 f9[0+480]")]
    [InlineData("xx.. x*508", "x*2 .*2 x*508")]
    [InlineData("M9", "f9")]
    public void Other_spellings_are_read_too(string text, string canonical) =>
        Assert.Equal(canonical, PageTable.Parse(text, Geometry.X86).ToString());

    [Fact]
    public void Every_letter_stands_for_one_cell_and_no_two_for_the_same()
    {
        Assert.Equal(TableNotation.Letters.Length, TableNotation.Letters.Select(letter => letter.Cell).Distinct().Count());
        Assert.Equal(TableNotation.Letters.Length, TableNotation.Letters.Select(letter => letter.Letter).Distinct().Count());
        Assert.All(TableNotation.Letters, letter => Assert.Equal(letter.Letter, TableNotation.LetterOf(letter.Cell)));
    }

    [Fact]
    public void Pieces_whose_pages_count_from_the_same_address_are_one_folio()
    {
        var run = Given.Khugepaged("f7[0+70] .*4 f7[74+54] x*384", Given.Orders(2), 0).Run();
        Assert.Equal("f7[0+70] .*4 f7[74+54]", run.After.ToString()[.."f7[0+70] .*4 f7[74+54]".Length]);
    }
}
