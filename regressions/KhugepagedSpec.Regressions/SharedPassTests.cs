using System.Collections.Immutable;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Two processes that khugepaged visited in the same pass: one LRU batch, one set of counters.</summary>
public sealed class SharedPassTests
{
    private const string Counted =
        "\"stats\":{\"collapse_alloc.3\":5,\"collapse_exceed_shared_pte.3\":2,\"collapse_alloc.4\":2,\"collapse_exceed_shared_pte.4\":2}";

    // A page shared with a child ends each attempt, and the 16 pages before it go back through the LRU batch.
    private const string First =
        """{"id":"a_1","in":"a_1 o=3,4 none=0 passes=1 pat=x15,h1,x1,h1,x6","pre":"x15 h1 x1 h1 x6 .488","pre_pmd_kb":0,"passes":[{"adv":1,"pc":1,"snap":"x15 h1 x1 h1 x6 .488","pmd_kb":0,COUNTED,"tries":["0/4:exceed_shared_pte:n0:r15","0/3:not_suitable_page_count:n0:r0","8/3:not_suitable_page_count:n0:r0","16/3:exceed_shared_pte:n0:r1"],"scan":["exceed_shared_pte ref=24 none=488 unm=0"]}]}""";

    // The batch holds 31: when all of these 15 have gone back it empties, and they can be isolated again.
    private const string Second =
        """{"id":"a_2","in":"a_2 o=3,4 none=0 passes=1 pat=x15,h1","pre":"x15 h1 .496","pre_pmd_kb":0,"passes":[{"adv":1,"pc":1,"snap":"F3 x7 h1 .496","pmd_kb":0,COUNTED,"tries":["0/4:exceed_shared_pte:n0:r15","0/3:succeeded:n0:r8","8/3:exceed_shared_pte:n0:r7"],"scan":["succeeded ref=16 none=496 unm=0"]}]}""";

    [Fact]
    public void What_the_first_leaves_in_the_lru_batch_decides_what_becomes_of_the_second()
    {
        Assert.Null(Run(First, Second));
        // Alone, or before the other one, it finds its own pages in the batch.
        Assert.Equal(("scan 1", "succeeded ref=16 none=496 unm=0", "not_suitable_page_count ref=16 none=496 unm=0"), Run(Second));
        string lastResult = Second.Replace("succeeded ref", "not_suitable_page_count ref", StringComparison.Ordinal);
        Assert.Equal(("attempt 2", "0/3:succeeded:n0:r8", "0/3:not_suitable_page_count:n0:r0"), Run(lastResult));
        Assert.Equal(("attempt 2, process 1", "0/3:succeeded:n0:r8", "0/3:not_suitable_page_count:n0:r0"), Run(lastResult, First));
    }

    [Fact]
    public void A_difference_names_the_process()
    {
        Assert.Equal(
            ("scan 1, process 2", "succeeded ref=17 none=496 unm=0", "succeeded ref=16 none=496 unm=0"),
            Run(First, Second.Replace("ref=16", "ref=17", StringComparison.Ordinal)));
        Assert.Equal(
            ("table at 0, process 2", "x15 h1 .496", "F3 x7 h1 .496"),
            Run(First, Second.Replace("F3 x7", "x15", StringComparison.Ordinal)));
        Assert.Equal(
            ("attempt 4, process 1", "none", "16/3:exceed_shared_pte:n0:r1"),
            Run(First.Replace(",\"16/3:exceed_shared_pte:n0:r1\"", "", StringComparison.Ordinal), Second));
    }

    [Fact]
    public void Counters_are_compared_once_for_all()
    {
        // Those of the second are the same ones, and are not looked at.
        Assert.Null(Run(First, Second.Replace("COUNTED", "\"stats\":{}", StringComparison.Ordinal)));
        Assert.Equal(
            ("statistics", "", "collapse_alloc.3=5 collapse_exceed_shared_pte.3=2 collapse_alloc.4=2 collapse_exceed_shared_pte.4=2"),
            Run(First.Replace("COUNTED", "\"stats\":{}", StringComparison.Ordinal), Second));
        Assert.Equal(("pages_collapsed", "2", "1"), Run(First.Replace("\"pc\":1", "\"pc\":2", StringComparison.Ordinal), Second));
        Assert.Equal(("full_scans", "2", "1"), Run(First.Replace("\"adv\":1", "\"adv\":2", StringComparison.Ordinal), Second));
    }

    [Fact]
    public void Others_may_do_something_between_passes_while_one_does_not()
    {
        const string counters = "\"adv\":1,\"pc\":0,\"pmd_kb\":0,\"stats\":{},\"tries\":[]";
        const string still = $$"""{"id":"a","in":"a o=4 none=0 passes=2 pat=x1","pre":"x1 .511","pre_pmd_kb":0,"passes":[{{{counters}},"snap":"x1 .511","scan":["failed ref=1 none=511 unm=0"]},{{{counters}},"snap":"x1 .511","scan":["failed ref=1 none=511 unm=0"]}]}""";
        const string busy = $$"""{"id":"b","in":"b o=4 none=0 passes=2 then=D1+1 pat=x2","pre":"x2 .510","pre_pmd_kb":0,"passes":[{{{counters}},"snap":"x2 .510","scan":["failed ref=2 none=510 unm=0"]},{{{counters}},"snap":"x1 .511","scan":["failed ref=1 none=511 unm=0"]}],"then":1}""";
        Assert.Null(Run(still, busy));
        Assert.Equal("scan 1, process 2", Run(still, busy.Replace("D1+1", "D0+2", StringComparison.Ordinal))?.What);
    }

    private static (string What, string Kernel, string Model)? Run(params ImmutableArray<string> together) =>
        Replay.Run([.. together.Select(line => Read(line.Replace("COUNTED", Counted, StringComparison.Ordinal)))],
            Catalogue.Linux72) is { } mismatch
            ? (mismatch.What, mismatch.Kernel, mismatch.Model)
            : null;

    private static RecordedVector Read(string line) =>
        VectorReader.ReadLine(line, 1, Geometry.X86) is var read && read.Vector is { } vector ? vector
            : throw new FormatException(read.Error);
}
