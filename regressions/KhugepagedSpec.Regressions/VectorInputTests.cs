using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Regressions;

public sealed class VectorInputTests
{
    [Theory]
    [InlineData("linux-7.2.13.jsonl", 1945)]
    [InlineData("linux-7.3-rc7.jsonl", 261)]
    public void Every_recorded_input_is_read_back_as_it_was_written(string file, int vectors)
    {
        var inputs = Recordings.Read(file).Select(vector => vector.Input).ToList();
        Assert.Equal(vectors, inputs.Count);
        Assert.All(inputs, input =>
        {
            var again = Parse(input.ToString());
            Assert.Equal(input.Settings, again.Settings);
            Assert.Equal((input.Id, input.Kind, input.Shape, input.Passes, input.Shift),
                (again.Id, again.Kind, again.Shape, again.Passes, again.Shift));
            Assert.Equal<string>(input.Flags, again.Flags);
            Assert.Equal<VectorOperation>(input.Setup, again.Setup);
            Assert.Equal<VectorOperation>(input.Then, again.Then);
            Assert.Equal((input.Pattern, input.PatternText), (again.Pattern, again.PatternText));
        });
    }

    [Theory]
    [InlineData("a o= pat=x1")]
    [InlineData("a o=2,9 om=always g=always none=0 swap=1 shared=2 mode=c passes=1 vma=big3 flags=uffdm,mlock shift=8 ops=D0+4,H8+16 then=W1+2,N3+4 pat=f4[8+3],S2,q1,b1,k1,r1,K1,x3*2")]
    [InlineData("a o=4 om=inherit vma=shortend pat=M9")]
    public void What_has_its_default_is_left_out(string text) => Assert.Equal(text, Parse(text).ToString());

    [Theory]
    [InlineData("S2,q1,b3,k1,r1,K2", "SSqbbbkrKK")]
    [InlineData("f2,x1,f4[8+3],f9[511+1]", "ffffxffff")]
    [InlineData("m2,M2,f2[1+2]*2,z1*3", "mmmmMMMMffffzzz")]
    [InlineData("", "")]
    public void A_pattern_is_one_letter_a_pte(string pattern, string letters) =>
        Assert.Equal(letters.PadRight(512, '.'), Parse($"a o=9 pat={pattern}").Pattern);

    [Theory]
    [InlineData("x600")]
    [InlineData("x256*4")]
    [InlineData("f9*2,z1")]
    [InlineData("x600,.1")]
    [InlineData("x65536*65536")]
    public void A_pattern_may_run_past_the_table(string pattern) =>
        Assert.Equal(new string(pattern[0], 512), Parse($"a o=9 pat={pattern}").Pattern);

    [Theory]
    [InlineData("f4[8+3", "pat=f4[8+3 in 'in': expected f<order>[first+count]")]
    [InlineData("f4[8]", "pat=f4[8] in 'in': expected f<order>[first+count]")]
    [InlineData("f4[8+]", "pat= in 'in': expected a number")]
    [InlineData("f", "pat= in 'in': expected a number")]
    [InlineData("fx", "pat=x in 'in': expected a number")]
    [InlineData("x", "pat= in 'in': expected a number")]
    [InlineData("x-1", "pat=-1 in 'in': expected 0 to 16777216")]
    [InlineData("x1*", "pat= in 'in': expected a number")]
    [InlineData("*3", "pat=*3 in 'in': expected one of the kinds .xZzshmMolLpwWgfqSkbrK and a count")]
    [InlineData("D1", "pat=D1 in 'in': expected one of the kinds .xZzshmMolLpwWgfqSkbrK and a count")]
    public void A_bad_pattern_says_which_part_of_it(string pattern, string error) =>
        Assert.Equal(error, Assert.Throws<FormatException>(() => Parse($"a o=9 pat={pattern}")).Message);

    [Theory]
    [InlineData("", "'in' is empty: expected 'id key=value ... pat=...'")]
    [InlineData("a pat=x1 then=H0+1",
        "then=H in 'in': nothing can be shared with a child that was forked before; expected one of D W R C P F G N")]
    [InlineData("a pat=x1 ops=H+1", "ops=H+1 in 'in': expected <D|W|R|C|P|F|G|N|H><offset>+<length>")]
    [InlineData("a pat=x1 om=1", "om=1 in 'in': expected never, inherit, madvise, always")]
    public void A_bad_line_says_what_was_expected(string text, string error) =>
        Assert.Equal(error, Assert.Throws<FormatException>(() => Parse(text)).Message);

    [Fact]
    public void Sizes_are_set_to_what_om_says()
    {
        Assert.Equal((OrderSet.Of(4), OrderSet.Empty, OrderSet.Empty), Sizes("a o=4 pat=x1"));
        Assert.Equal((OrderSet.Empty, OrderSet.Of(4), OrderSet.Empty), Sizes("a o=4 om=always pat=x1"));
        Assert.Equal((OrderSet.Empty, OrderSet.Empty, OrderSet.Of(4)), Sizes("a o=4 om=inherit pat=x1"));

        static (OrderSet, OrderSet, OrderSet) Sizes(string text) => Of(Parse(text).Settings);
        static (OrderSet, OrderSet, OrderSet) Of(ThpSettings settings) => (settings.Madvise, settings.Always, settings.Inherit);
    }

    private static VectorInput Parse(string text) => VectorInput.Parse(text, Geometry.X86);
}
