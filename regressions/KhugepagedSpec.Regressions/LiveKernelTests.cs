using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Regressions;

/// <summary>A fact about a running kernel: skipped, and says why, unless KHUGEPAGEDSPEC_LIVE is set.</summary>
public sealed class LiveFactAttribute : FactAttribute
{
    /// <summary>Decides whether to skip.</summary>
    public LiveFactAttribute()
    {
        if (Environment.GetEnvironmentVariable("KHUGEPAGEDSPEC_LIVE") is null)
            Skip = "boots Linux 7.2 under QEMU: .ci/kernels does, or khugepaged-spec kernel fetch 7.2 && KHUGEPAGEDSPEC_LIVE=1 dotnet test --filter LiveKernelTests";
    }
}

/// <summary>A running kernel. It takes QEMU, a compiler and a kernel that was fetched.</summary>
[Collection("console")]
public sealed class LiveKernelTests
{
    [LiveFact]
    public void Fresh_scenarios_agree_with_a_running_kernel()
    {
        var (code, output, _) = Cli.Run("kernel", "compare", "--kernel", "7.2", "--count", "160", "--seed", "1");
        Assert.Equal(0, code);
        Assert.EndsWith("160 scenarios agree in every pass; the kernel keeps every invariant claimed of linux-7.2\n", output,
            StringComparison.Ordinal);
    }

    // What a CPU keeps for itself, and what kcompactd puts together, would be found after all.
    [LiveFact]
    public void Memory_that_is_to_be_short_of_large_blocks_is_short_of_them()
    {
        using var comparison = new LiveComparison(KernelCache.Find("7.2")!, model: null, guests: 1);
        int number = Enumerable.Range(0, 1000).First(LiveScenarios.IsShortOfBlocks);
        var results = new List<BatchResult>();
        comparison.Run(seed: 1, [number], results.Add, CancellationToken.None);
        var result = Assert.Single(results);
        Assert.False(result.IsBad, result.Differs);
        Assert.InRange(result.Scenarios, 15, 16);
        Assert.Equal((16, null), (result.Scenarios + result.NotShort, result.Disturbed));
    }

    // Only a comparison has a CPU for a thread that writes.
    [LiveFact]
    public void What_differs_where_khugepaged_runs_anywhere_can_be_recorded_there()
    {
        var (code, output, error) = Cli.Run("kernel", "record", "x*512", "--kernel", "7.2", "--cpus", "2", "--khugepaged-cpu", "any");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("\"snap\":\"F9\"", output, StringComparison.Ordinal);
    }

    [LiveFact]
    public void A_captured_process_becomes_what_whatif_predicted()
    {
        var (code, output, error) = Cli.Run("kernel", "predict", "--kernel", "7.2", "--count", "64", "--seed", "1");
        Assert.True(code == 0, output + error);
        var figures = Regex.Match(
            output, @"\n(\d+) folios predicted; 0 ranges became something else\npages added: (\d+) predicted, (\d+) seen; 0 VMAs differ from smaps; ");
        Assert.True(figures.Success, output);
        Assert.InRange(Figure(1), 20, int.MaxValue);
        Assert.InRange(Figure(2), 100, int.MaxValue);
        Assert.Equal(Figure(2), Figure(3));

        int Figure(int group) => int.Parse(figures.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }

    [LiveFact]
    public void A_wrong_model_predicts_wrongly()
    {
        var (code, output, _) = Cli.Run("kernel", "predict", "--kernel", "7.2", "--count", "160", "--seed", "3", "--model",
            "limits-unscaled");
        Assert.Equal(1, code);
        Assert.StartsWith("Linux 7.2", output, StringComparison.Ordinal);
        Assert.Contains("\nWRONG at ", output, StringComparison.Ordinal);
    }

    [LiveFact]
    public void A_race_is_recorded_without_loss_and_everybody_takes_part()
    {
        string folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName, trace = Path.Combine(folder, "trace");
        try
        {
            var (code, output, error) = Cli.Run("kernel", "race", "--kernel", "7.2", "--seconds", "3", "--seed", "1", "--json", "-o", trace,
                "--actors", "fault,dontneed,fork,reclaim,gup-fast,madv-collapse");
            Assert.Equal(0, code);
            // Emulation loses a guest now and then, which is said.
            Assert.All(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line =>
                Assert.StartsWith("khugepaged-spec: emulation lost the guest, which is run again: ", line, StringComparison.Ordinal));
            var summary = JsonDocument.Parse(output).RootElement;
            Assert.Equal((0, 0), (summary.GetProperty("lost").GetInt64(), summary.GetProperty("missing").GetArrayLength()));
            Assert.InRange(summary.GetProperty("attempts").GetInt64(), 1, long.MaxValue);
            foreach (var actor in summary.GetProperty("actors").EnumerateArray())
                Assert.InRange(summary.GetProperty("events").GetProperty(actor.GetString()!).GetInt64(), 1, long.MaxValue);
            Assert.Equal(
                ["== settings", "== threads", "== base", "== probes", "== trace", "== cpu0", "== cpu1", "== operations", "== end"],
                File.ReadLines(trace).Where(line => line.StartsWith("== ", StringComparison.Ordinal)));
            Assert.Equal([trace], Directory.GetFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [LiveFact]
    public void The_kernels_own_tests_come_out_as_on_the_model() => Assert.Equal(0, Cli.Run("kernel", "selftest", "--kernel", "7.2").Code);
}
