using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Cli.Commands;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Regressions.CaptureFolder;

namespace KhugepagedSpec.Regressions;

/// <summary>What became of processes between two captures, and what of the prediction came true.</summary>
[Collection("console")]
public sealed class OverTimeTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    [Theory]
    [InlineData("x*512", "x*512", "Stayed")]
    [InlineData("x*512", "o*512", "Stayed")]
    [InlineData("x*512", "m9", "Larger")]
    [InlineData("x*16 .*496", "f4 .*496", "Larger")]
    [InlineData("m9", "f9", "Otherwise")]
    [InlineData("m9", "x*512", "Smaller")]
    [InlineData("m9", "f9[0+500] .*12", "Smaller")]
    [InlineData("x .*511", "x*2 .*510", "Grew")]
    [InlineData("x*2 .*510", "x .*511", "Shrank")]
    [InlineData("x*512", "s x*511", "Shrank")]
    [InlineData("x*512", "h x*511", "Otherwise")]
    [InlineData("x . x*510", ". x*511", "Otherwise")]
    [InlineData(".*512", "x*512", "Came")]
    [InlineData("x*512", "0", "Gone")]
    public void Each_range_is_counted_once_by_what_became_of_it(string before, string after, string what)
    {
        var changes = Compare([before], [after]).Changes;
        Assert.Equal(1, changes.All);
        Assert.Equal(1L, typeof(RangeChanges).GetProperty(what)!.GetValue(changes));
    }

    [Fact]
    public void Ranges_that_changed_while_they_were_read_say_nothing()
    {
        var (earlier, later) = (Of(0, Always2M, "x*511 ."), Of(60, Always2M, "m9"));
        var vma = earlier.Processes[0].Vmas[0];
        earlier = earlier with
        {
            Processes = [earlier.Processes[0] with { Vmas = [vma with { Ranges = [vma.Ranges[0] with { Changed = true }] }] }],
        };
        var interval = Interval.Of(earlier, later, Catalogue.Linux72);
        Assert.Equal((1, 1, 0), (interval.Changes.Unsure, interval.Changes.All, interval.Prediction!.Predicted));
    }

    // Of four ranges that should have become huge one did, one stayed, one was worked on; one that should stay grew a folio.
    [Fact]
    public void A_prediction_came_true_where_the_range_became_just_what_was_predicted()
    {
        var check = Compare(["x*511 .", "x*511 .", "x*511 .", "x*511 .", "w x*511"], ["m9", "x*511 .", "x*510 .*2", "f9", "w x*495 f4"])
            .Prediction!;
        Assert.Equal((4, 1, 1, 2, 1), (check.Predicted, check.CameTrue, check.AsBefore, check.Otherwise, check.Unpredicted));
        Assert.Equal((6, 1), (check.Fit, check.Needed));
    }

    [Fact]
    public void What_a_version_does_not_do_is_not_predicted_by_it()
    {
        var settings = Always2M.WithSizes(OrderSet.Of(4), SizeEnabled.Always);
        var (earlier, later) = (Of(0, settings, "x*16 .*496"), Of(60, settings, "f4 .*496"));
        Assert.Equal((1, 0), Tallies(Catalogue.Linux72));
        Assert.Equal((0, 1), Tallies(Catalogue.Linux71));

        (long CameTrue, long Unpredicted) Tallies(Machines.KhugepagedVersion version) =>
            Interval.Of(earlier, later, version).Prediction is { } check ? (check.CameTrue, check.Unpredicted) : default;
    }

    [Fact]
    public void Nothing_is_held_against_a_prediction_where_the_settings_changed()
    {
        var interval = Interval.Of(Of(0, Always2M, "x*512"), Of(60, Always2M with { MaxPtesNone = 0 }, "x*512"), Catalogue.Linux72);
        Assert.Equal((1L, (PredictionCheck?)null), (interval.Changes.Stayed, interval.Prediction));
    }

    [Fact]
    public void A_process_of_the_same_number_that_began_later_is_another()
    {
        var (earlier, later) = (Of(0, Always2M, "x*512"), Of(60, Always2M, "x*512"));
        var other = later.Processes[0] with { Head = later.Processes[0].Head with { Started = 99 } };
        var interval = Interval.Of(earlier, later with { Processes = [other] }, Catalogue.Linux72);
        Assert.Equal((0, 1, 1, 0L), (interval.Same, interval.ProcessesCame, interval.ProcessesGone, interval.Changes.All));
    }

    [Fact]
    public void Captures_of_several_files_are_told_in_time_and_the_last_is_judged()
    {
        string late = folder.Saved("late.jsonl", Of(1200, Always2M, "m9", "x*512")), early = folder.Saved("early.jsonl",
            Of(0, Always2M, "x*512", "x*512"), Of(600, Always2M, "m9", "x*512"));
        var (code, output, error) = Cli.Run("whatif", late, early);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("before: 4,096 kB anonymous, 2,048 kB of it in large folios", output, StringComparison.Ordinal);
        Assert.Matches(@"\n  2026-11-21 12:10:00 +1 \+0 -0 +1 +1 +0 +0 ", output);
        Assert.Matches(@"\n  2026-11-21 12:20:00 +1 \+0 -0 +2 +0 +0 +0 ", output);
        Assert.Matches(@"\n  2026-11-21 12:10:00 linux-7.2 +60 +1 +2 +1 +1 +0 +0\n", output);
        using var json = JsonDocument.Parse(Cli.Run("whatif", early, late, "--json").Output);
        var second = json.RootElement.GetProperty("overTime")[1];
        Assert.Equal(("2026-11-21T12:20:00Z", 1, 1), (second.GetProperty("to").GetString(),
            second.GetProperty("prediction").GetProperty("predicted").GetInt32(),
            second.GetProperty("prediction").GetProperty("asBefore").GetInt32()));
        Assert.Equal(0, JsonDocument.Parse(Cli.Run("whatif", late, "--json").Output).RootElement.GetProperty("overTime").GetArrayLength());
    }

    [RootFact]
    public void Several_captures_go_into_one_file_and_an_interruption_keeps_what_is_whole()
    {
        using var sleep = Process.Start("sleep", "60");
        try
        {
            string file = folder["series.jsonl"];
            var (code, output, _) = Cli.Run("capture", "--pid", $"{sleep.Id}", "--every", "1s", "--count", "2", "-o", file);
            Assert.Equal(0, code);
            Assert.Equal(["1 of 2", "2 of 2", "2 of 2"], output.TrimEnd('\n').Split('\n').Select(line => line[..6]));
            Assert.Equal(2, CaptureFile.ReadAll(file).Length);
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            var clock = Stopwatch.StartNew();
            Assert.Equal(3, new CaptureSeries(new([sleep.Id], [], [], false), TimeSpan.FromMinutes(5), 6)
                .Run(OutputFile.Of("-o", file), soon.Token));
            Assert.InRange(clock.Elapsed.TotalSeconds, 1, 30);
            Assert.False(CaptureFile.ReadAll(file).Single().IsPartial);
        }
        finally
        {
            sleep.Kill();
        }
    }

    private static Interval Compare(string[] before, string[] after) =>
        Interval.Of(Of(0, Always2M, before), Of(60, Always2M, after), Catalogue.Linux72);

    private static MachineCapture Of(int seconds, ThpSettings settings, params string[] tables)
    {
        var capture = MachineCapture.Of(Captured(1, settings, tables));
        return capture with
        {
            Head = new MachineHead(capture.Head.Kernel, capture.Head.At.AddSeconds(seconds), capture.Head.Asked, 1, []),
        };
    }
}
