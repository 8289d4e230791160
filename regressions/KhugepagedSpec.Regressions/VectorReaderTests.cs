using System.Text.Json.Nodes;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

public sealed class VectorReaderTests
{
    private const string Good =
        """{"id":"a_1","in":"a_1 o=4 none=0 pat=x16","pre":"x16 .496","pre_pmd_kb":0,"passes":[{"adv":1,"pc":1,"snap":"F4 .496","pmd_kb":0,"stats":{"collapse_alloc.4":1},"tries":["0/4:succeeded:n0:r16"],"scan":["succeeded ref=16 none=496 unm=0"]}]}""";

    [Fact]
    public void A_vector_that_the_kernel_could_have_recorded_agrees() => Assert.Null(Replay.Run(Read(Good).Vector!, Catalogue.Linux72));

    [Theory]
    [InlineData("\"F4 .496\"", "\"x16 .496\"", "table at 0")]
    [InlineData("\"F4 .496\"", "\"f4 .496\"", "table at 0")]
    [InlineData("\"pmd_kb\":0,\"stats\"", "\"pmd_kb\":2048,\"stats\"", "AnonHugePages")]
    [InlineData("collapse_alloc.4\":1", "collapse_alloc.4\":2", "statistics")]
    [InlineData("collapse_alloc.4", "nr_anon.4", "statistics")]
    [InlineData("\"pc\":1", "\"pc\":0", "pages_collapsed")]
    [InlineData("\"adv\":1", "\"adv\":2", "full_scans")]
    [InlineData(":n0:r16", ":n0:r15", "attempt 1")]
    [InlineData(":n0:r16", ":n0:r16:sw0/1", "attempt 1")]
    [InlineData("[\"0/4:succeeded:n0:r16\"]", "[]", "attempt 1")]
    [InlineData(":r16\"]", ":r16\",\"16/4:failed\"]", "attempt 2")]
    [InlineData("unm=0", "unm=1", "scan 1")]
    public void A_vector_that_differs_in_one_thing_is_told_by_that_thing(string good, string bad, string what) =>
        Assert.Equal(what, Replay.Run(Read(Good.Replace(good, bad, StringComparison.Ordinal)).Vector!, Catalogue.Linux72)?.What);

    [Theory]
    [InlineData("\"pre\":\"x16 .496\"", "\"pre\":\"x16 .495\"", "'pre': 511 cells: expected 512")]
    [InlineData("\"pre\":\"x16 .496\"", "\"pre\":\"j16 .496\"", "'pre': column 1: unknown kind 'j'")]
    [InlineData("o=4", "o=10", "o=10 in 'in': expected orders 2 to 9")]
    [InlineData("none=0", "none=512", "max_ptes_none is 512: expected 0 to 511")]
    [InlineData("none=0", "none=x", "none=x in 'in': expected a number")]
    [InlineData("none=0", "mode=q", "mode=q in 'in': expected k or c")]
    [InlineData("none=0", "vma=tiny", "vma=tiny in 'in': expected exact, big, big3, low, high, short, shortend")]
    [InlineData("none=0", "flags=loud", "flags=loud in 'in': expected uffdm, uffdw, uffdr, rdonly, mlock")]
    [InlineData("none=0", "then=X1+1", "then=X1+1 in 'in': expected <D|W|R|C|P|F|G|N|H>")]
    [InlineData("none=0", "colour=red", "unknown key 'colour' in 'in'")]
    [InlineData("none=0", "nonsense", "'nonsense' in 'in': expected key=value")]
    [InlineData("pat=x16", "pat=j16", "pat=j16 in 'in': expected one of the kinds")]
    [InlineData(" pat=x16", "", "no pat= in 'in'")]
    [InlineData("0/4:succeeded", "0/4:splendid", "unknown result 'splendid'")]
    [InlineData(":r16", ":q16", "expected offset/order:status")]
    [InlineData("ref=16", "rev=16", "expected status ref=R none=N unm=U")]
    [InlineData("collapse_alloc.4", "collapse_alloc", "expected <name>.<order>")]
    [InlineData("collapse_alloc.4", "collapse_alloc.40", "expected <name>.<order>, orders 0 to 9")]
    [InlineData("none=0", "then=H1+1", "then=H in 'in': nothing can be shared")]
    [InlineData("\"passes\"", "\"phases\"", "no key 'passes': expected a recorded vector")]
    public void A_bad_line_says_what_is_wrong_and_what_was_expected(string good, string bad, string error) =>
        Assert.Contains(error, Read(Good.Replace(good, bad, StringComparison.Ordinal)).Error, StringComparison.Ordinal);

    [Fact]
    public void A_torn_line_is_one_line_of_complaint() =>
        Assert.Matches("^torn or malformed JSON at byte [0-9]+: expected one object a line$", Read(Good[..100]).Error);

    [Fact]
    public void Lines_of_processes_that_never_asked_come_first_and_are_accounted_for()
    {
        var vector = JsonNode.Parse(Good)!;
        vector["in"] = "a_1 o=4 om=always none=0 pat=x16";
        var pass = vector["passes"]![0]!;
        pass["scan"]!.AsArray().Insert(0, "exceed_shared_pte ref=259 none=0 unm=0");
        Assert.Equal("statistics", Replay.Run(Read(vector.ToJsonString()).Vector!, Catalogue.Linux72)?.What);
        pass["stats"]!["collapse_exceed_shared_pte.9"] = 1;
        Assert.Null(Replay.Run(Read(vector.ToJsonString()).Vector!, Catalogue.Linux72));
    }

    private static VectorLine Read(string line) => VectorReader.ReadLine(line, 1, Geometry.X86);
}
