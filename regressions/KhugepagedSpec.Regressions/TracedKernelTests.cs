using System.Collections.Immutable;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Passes of seven releases with their trace lines, nr_anon, the memory cgroup's event and the log, recorded by
/// <c>kernel record --from</c> from the same scenarios.
/// </summary>
[Collection("console")]
public sealed class TracedKernelTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "traced");

    [Theory]
    [InlineData("linux-6.12.117", "linux-6.12", 31)]
    [InlineData("linux-6.17.13", "linux-6.17", 33)]
    [InlineData("linux-6.18.15", "linux-6.18", 33)]
    [InlineData("linux-7.0.13", "linux-7.0", 33)]
    [InlineData("linux-7.1.13", "linux-7.1", 33)]
    [InlineData("linux-7.2.13", "linux-7.2", 36)]
    [InlineData("linux-7.3.4", "linux-7.3", 34)]
    public void Every_release_prints_byte_by_byte_what_the_version_that_its_file_finds_prints(string file, string version, int vectors)
    {
        var (code, output, error) = Cli.Run("replay", Path.Combine(Folder, file + ".jsonl"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains($", against {version}\n", output, StringComparison.Ordinal);
        Assert.EndsWith($"\n{vectors} of {vectors} vectors agree in every pass, 0 differ\n", output, StringComparison.Ordinal);
        Assert.All(Read(file), vector => Assert.All(vector.Passes, pass => Assert.NotNull(pass.Trace)));
    }

    // mmap, advice and faults in their order; MADV_COLLAPSE of ranges without pages.
    [Theory]
    [InlineData("registration-7.2.13", "linux-7.2")]
    [InlineData("registration-7.3.4", "linux-7.3")]
    public void Who_is_known_to_khugepaged_and_what_becomes_of_ranges_without_pages_is_as_recorded(string file, string version)
    {
        var vectors = Read(file);
        Assert.All(vectors, vector => Assert.Null(Replay.Run(vector, Catalogue.Find(version)!)));
        Assert.Equal(
            ["reg_advised_first", "reg_always_64k"],
            vectors.Where(vector => vector.Id.StartsWith("reg_", StringComparison.Ordinal) && vector.Passes.All(pass => pass.Scans.IsEmpty))
                .Select(vector => vector.Id));
        Assert.Equal(
            [("col_empty_table", 0), ("col_huge_zero", 0), ("col_no_table", -1), ("col_zero_pages", 0)],
            vectors.Where(vector => vector.Passes[0].Return is not null).Select(vector => (vector.Id, vector.Passes[0].Return!.Value)));
    }

    [Theory]
    [InlineData("linux-6.17.13", "linux-6.18")]
    [InlineData("linux-6.18.15", "linux-6.17")]
    [InlineData("linux-6.18.15", "linux-7.0")]
    [InlineData("linux-7.0.13", "linux-6.18")]
    [InlineData("linux-7.0.13", "linux-7.1")]
    [InlineData("linux-7.1.13", "linux-7.0")]
    [InlineData("linux-7.1.13", "linux-7.2")]
    [InlineData("linux-7.2.13", "linux-7.1")]
    [InlineData("linux-7.2.13", "linux-7.3")]
    [InlineData("linux-7.3.4", "linux-7.2")]
    [InlineData("linux-7.3.4", "linux-7.3-rc")]
    public void No_release_is_taken_for_its_neighbour(string file, string neighbour) =>
        Assert.Contains(Read(file), vector => Replay.Run(vector, Catalogue.Find(neighbour)!) is not null);

    [Fact]
    public void A_change_of_any_byte_of_any_line_is_a_difference()
    {
        var lines = 0;
        foreach (var vector in Read("linux-7.2.13").Where(vector => vector.Passes.Sum(pass => pass.Trace!.Value.Length) < 40))
        {
            for (int pass = 0; pass < vector.Passes.Length; pass++)
            {
                for (int line = 0; line < vector.Passes[pass].Trace!.Value.Length; line++)
                {
                    string text = vector.Passes[pass].Trace!.Value[line];
                    int at = (7 * ++lines) % text.Length;
                    string other = text[..at] + (text[at] == '~' ? '#' : '~') + text[(at + 1)..];
                    var mismatch = Replay.Run(WithTrace(vector, pass, vector.Passes[pass].Trace!.Value.SetItem(line, other)),
                        Catalogue.Linux72)!;
                    Assert.Equal((pass + 1, $"trace line {line + 1}", other, text),
                        (mismatch.Pass, mismatch.What, mismatch.Kernel, mismatch.Model));
                }
            }
        }
        Assert.InRange(lines, 50, int.MaxValue);
    }

    [Fact]
    public void A_line_that_is_missing_or_too_many_is_a_difference()
    {
        var vector = Read("linux-7.3.4").First(vector => vector.Passes[0].Trace is { Length: > 1 });
        var trace = vector.Passes[0].Trace!.Value;
        Assert.Equal("none", Replay.Run(WithTrace(vector, 0, trace.RemoveAt(trace.Length - 1)), Catalogue.Linux73)!.Kernel);
        Assert.Equal("none", Replay.Run(WithTrace(vector, 0, trace.Add(trace[^1])), Catalogue.Linux73)!.Model);
        Assert.Null(Replay.Run(WithTrace(vector, 0, null), Catalogue.Linux73));
    }

    [Fact]
    public void Nr_anon_the_memory_cgroup_and_the_log_are_compared()
    {
        var vector = Read("linux-7.2.13").First(vector => vector.Passes[0].Counters.Gauges is { Length: > 0 });
        int last = vector.Passes.Length - 1;
        Assert.Equal("gauges", Differing(0, counters => counters with { Gauges = [] }));
        Assert.Equal("memory.stat thp_collapse_alloc",
            Differing(last, counters => counters with { CgroupCollapseAllocs = counters.CgroupCollapseAllocs + 1 }));
        Assert.Equal("warning about max_ptes_none",
            Differing(last, counters => counters with { WarnedOfMaxPtesNone = !(counters.WarnedOfMaxPtesNone ?? false) }));
        Assert.Null(Differing(0, counters => counters with { Gauges = null }));

        string? Differing(int pass, Func<PassCounters, PassCounters> change) => Replay.Run(
            vector with
            {
                Passes = vector.Passes.SetItem(pass,
                vector.Passes[pass] with { Counters = change(vector.Passes[pass].Counters) })
            }, Catalogue.Linux72)?.What;
    }

    [Fact]
    public void The_recorded_lines_show_swap_in_old_and_new_words_pages_and_none_folios_gained_and_lost()
    {
        var lines = Directory.GetFiles(Folder).SelectMany(file => Read(Path.GetFileNameWithoutExtension(file)))
            .SelectMany(vector => vector.Passes).ToList();
        foreach (string part in new[] { "_swapin: ", "=pmd_none,", "=no_pte_table,", "=no_writable_page", "writable=1,", "order=9",
            "pfn=@", "0xffffffffffffffff", "mm=#1,", "=page_lazyfree," })
            Assert.Contains(lines, pass => pass.Trace!.Value.Any(line => line.Contains(part, StringComparison.Ordinal)));
        Assert.Contains(lines, pass => pass.Counters.Gauges!.Value.Any(gauge => gauge is { Name: "nr_anon", Value: > 0 }));
        Assert.Contains(lines, pass => pass.Counters.Gauges!.Value.Any(gauge => gauge is { Name: "nr_anon", Value: < 0 }));
        Assert.Contains(lines, pass => pass.Counters.CgroupCollapseAllocs > 0);
    }

    [Fact]
    public void A_released_version_that_no_thread_discusses_breaks_only_what_it_is_known_to_break()
    {
        var names = Catalogue.Undiscussed.Select(version => version.Name).ToList();
        Assert.Equal(["linux-6.12.107", "linux-6.12", "linux-6.17", "linux-6.18", "linux-7.0", "linux-7.3-rc", "linux-7.3"], names);
        var (code, output, error) = Cli.Run(["check", "--count", "300", .. names.SelectMany(name => new[] { "--model", name })]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("\nlinux-6.17 breaks odd-ptes-stay: knows no rule for lazyfree pages\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("UNEXPECTED", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_a_kernel_that_nothing_models_is_refused_unless_a_version_is_named()
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, """{"meta":"Linux version 7.4.1 #1 SMP"}""" + "\n");
        var (code, output, error) = Cli.Run("replay", path);
        Assert.Equal((2, "", $"khugepaged-spec: {path}: Linux 7.4.1 is not modelled: expected Linux 6.12 to 7.3, or --model NAME\n"),
            (code, output, error));
        Assert.Equal((2, "", $"khugepaged-spec: {path}: no vector: expected at least one\n"),
            Cli.Run("replay", path, "--model", "linux-7.3"));
        File.Delete(path);
    }

    private static List<RecordedVector> Read(string file)
    {
        var lines = VectorReader.Read(Path.Combine(Folder, file + ".jsonl"), Geometry.X86).ToList();
        Assert.DoesNotContain(lines, line => line.Error is not null);
        return [.. lines.Where(line => line.Vector is not null).Select(line => line.Vector!)];
    }

    private static RecordedVector WithTrace(RecordedVector vector, int pass, ImmutableArray<string>? trace) =>
        vector with { Passes = vector.Passes.SetItem(pass, vector.Passes[pass] with { Trace = trace }) };
}
