using System.Text.Json.Nodes;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

[Trait("Form", "Long")]
public sealed class VectorWriterTests
{
    private const string WithEvents =
        """{"id":"a_1","in":"a_1 o=9 mode=c passes=1 pat=x1","pre":"x1 .511","pre_pmd_kb":0,"passes":[{"adv":0,"pc":0,"snap":"F9","pmd_kb":2048,"tries":["0/9:succeeded:n511:r0"],"scan":["succeeded ref=0 none=511 unm=0"],"events":{"thp_collapse_alloc":1},"ret":0,"errno":0}],"bad":2,"then":1}""";

    [Theory]
    [InlineData("linux-7.2.13.jsonl", 1945)]
    [InlineData("linux-7.3-rc7.jsonl", 261)]
    public void What_was_recorded_is_read_back_as_it_was_written(string file, int vectors)
    {
        var recorded = Recordings.Read(file);
        Assert.Equal(vectors, recorded.Count);
        Assert.All(recorded, vector => AssertSame(vector, Read(VectorWriter.Line(vector))));
    }

    [Theory]
    [InlineData("linux-7.2.13.jsonl")]
    [InlineData("linux-7.3-rc7.jsonl")]
    public void What_is_read_back_differs_where_it_differed(string file)
    {
        // One model that agrees everywhere, and one that does not.
        foreach (var (version, every) in new[] { (Catalogue.Linux72, Long.Of(4, 1)), (Catalogue.Linux72WithoutLruBatch, Long.Of(12, 1)) })
            Assert.All(Recordings.Read(file).Where((_, i) => i % every == 0),
                vector => AssertSame(Replay.Run(vector, version), Replay.Run(Read(VectorWriter.Line(vector)), version)));
    }

    [Fact]
    public void What_a_recorder_adds_is_written_and_read_back()
    {
        const string line =
            """{"id":"a_1","in":"a_1 o=9 passes=1 pat=x1","pre":"x1 .511","pre_pmd_kb":0,"passes":[{"adv":1,"pc":1,"snap":"F9","pmd_kb":2048,"tries":[],"scan":[],"trace":["mm_collapse_huge_page: mm=#1, isolated=1, status=succeeded"],"gauges":{"nr_anon.9":1,"nr_anon.4":-2},"memcg":1,"warned":true,"events":{}}],"bad":0}""";
        var pass = Read(line).Passes[0];
        Assert.Equal(["mm_collapse_huge_page: mm=#1, isolated=1, status=succeeded"], pass.Trace!.Value.AsEnumerable());
        Assert.Equal([("nr_anon", 9, 1L), ("nr_anon", 4, -2L)], pass.Counters.Gauges!.Value.AsEnumerable());
        Assert.Equal((1L, true), (pass.Counters.CgroupCollapseAllocs, pass.Counters.WarnedOfMaxPtesNone));
        Assert.Equal(line, VectorWriter.Line(Read(line)));
    }

    [Fact]
    public void A_line_is_written_in_one_form() => Assert.Equal(WithEvents, VectorWriter.Line(Read(WithEvents)));

    [Fact]
    public void The_first_line_describes_the_kernel()
    {
        string line = VectorWriter.Meta("7.2.13+deb14 #1 SMP");
        Assert.Equal("""{"meta":"Linux version 7.2.13+deb14 #1 SMP"}""", line);
        Assert.Equal(new VectorLine(1, null, "Linux version 7.2.13+deb14 #1 SMP", null, line.Length + 1),
            VectorReader.ReadLine(line, 1, Geometry.X86));
    }

    [Fact]
    public void Without_statistics_of_sizes_events_are_compared_all_the_same()
    {
        var counters = Read(WithEvents).Passes[0].Counters;
        Assert.Null(counters.Statistics);
        Assert.Equal<(string, long)>([("thp_collapse_alloc", 1)], counters.Events!.Value);
        Assert.Null(Differing(WithEvents));
        Assert.Equal(("vmstat", "thp_collapse_alloc=2", "thp_collapse_alloc=1"),
            Differing(Changed(events => events["thp_collapse_alloc"] = 2)));
        Assert.Equal(("vmstat", "", "thp_collapse_alloc=1"), Differing(Changed(events => events.Remove("thp_collapse_alloc"))));
        Assert.Equal(("vmstat", "thp_split=1", "not modelled"), Differing(Changed(events => events.Insert(0, "thp_split", 1))));
    }

    [Fact]
    public void Statistics_of_sizes_that_did_not_move_are_not_those_of_a_kernel_without_any()
    {
        var line = JsonNode.Parse(WithEvents)!;
        line["passes"]![0]!["stats"] = new JsonObject();
        Assert.Equal(("statistics", "", "collapse_alloc.9=1"), Differing(line.ToJsonString()));
        Assert.Empty(Read(line.ToJsonString()).Passes[0].Counters.Statistics!.Value);
        line["passes"]![0]!.AsObject().Remove("events");
        line["passes"]![0]!["stats"]!["collapse_alloc.9"] = 1;
        Assert.Null(Differing(line.ToJsonString()));
    }

    private static void AssertSame(RecordedVector expected, RecordedVector actual)
    {
        Assert.Equal((expected.Id, expected.Input.ToString(), expected.WrongPages, expected.ThenAfter),
            (actual.Id, actual.Input.ToString(), actual.WrongPages, actual.ThenAfter));
        Assert.Equal(expected.Before, actual.Before);
        Assert.Equal(expected.Passes.Length, actual.Passes.Length);
        foreach (var (one, other) in expected.Passes.Zip(actual.Passes))
        {
            Assert.Equal((one.PmdMappedKb, one.Return, one.Errno), (other.PmdMappedKb, other.Return, other.Errno));
            Assert.Equal(one.After, other.After);
            Assert.Equal<Attempt>(one.Attempts, other.Attempts);
            Assert.Equal<ScanLine>(one.Scans, other.Scans);
            Assert.Equal((one.Counters.FullScans, one.Counters.PagesCollapsed), (other.Counters.FullScans, other.Counters.PagesCollapsed));
            Assert.Equal(one.Counters.Statistics, other.Counters.Statistics, (a, b) => a.HasValue == b.HasValue
                && (a ?? []).SequenceEqual(b ?? []));
            Assert.Equal(one.Counters.Events, other.Counters.Events, (a, b) => a.HasValue == b.HasValue
                && (a ?? []).SequenceEqual(b ?? []));
        }
    }

    private static void AssertSame(Mismatch? expected, Mismatch? actual)
    {
        Assert.Equal((expected?.Pass, expected?.What, expected?.Kernel, expected?.Model),
            (actual?.Pass, actual?.What, actual?.Kernel, actual?.Model));
        Assert.Equal<string>(expected?.Agreed ?? [], actual?.Agreed ?? []);
    }

    private static (string What, string Kernel, string Model)? Differing(string line) =>
        Replay.Run(Read(line), Catalogue.Linux72) is { } mismatch ? (mismatch.What, mismatch.Kernel, mismatch.Model) : null;

    private static string Changed(Action<JsonObject> change)
    {
        var line = JsonNode.Parse(WithEvents)!;
        change(line["passes"]![0]!["events"]!.AsObject());
        return line.ToJsonString();
    }

    private static RecordedVector Read(string line) =>
        VectorReader.ReadLine(line, 1, Geometry.X86) is var read && read.Vector is { } vector ? vector
            : throw new FormatException(read.Error);
}
