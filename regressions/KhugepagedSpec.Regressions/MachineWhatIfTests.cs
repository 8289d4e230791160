using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Regressions.CaptureFolder;

namespace KhugepagedSpec.Regressions;

/// <summary>What the model makes of several processes that share khugepaged.</summary>
[Collection("console")]
public sealed class MachineWhatIfTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    // What one leaves of a wake-up the other has: together they take less than one after the other.
    [Fact]
    public void Processes_share_pages_to_scan_and_a_scan_is_of_all_of_them()
    {
        var settings = Always2M with { PagesToScan = 4 * 512 };
        var (one, other) = (Captured(1, settings, "w x*511", "x*511 w"), Captured(2, settings, "x*511 w", "x*511 w"));
        var together = Report([one, other], settings);
        var (first, second) = (Report([one], settings), Report([other], settings));
        Assert.Equal((1, 1, 1), (first.WakeUps, second.WakeUps, together.WakeUps));
        settings = settings with { PagesToScan = 512 + 3 };
        (first, second, together) = (Report([one], settings), Report([other], settings), Report([one, other], settings));
        Assert.Equal((1, 2, 2), (first.WakeUps, second.WakeUps, together.WakeUps));
        Assert.Equal(20, together.Seconds(together.WakeUps));
    }

    [Fact]
    public void What_is_said_of_processes_adds_up_to_what_is_said_of_the_machine()
    {
        ImmutableArray<ProcessCapture> processes =
            [Captured(1, Always2M, "x*512", "x .*511"), Captured(2, Always2M, "s*3 x*509"), Captured(3, Always2M, "w x*511", "m9")];
        var report = Report(processes, Always2M);
        Assert.Equal([1, 2, 3], report.ByProcess.Select(one => one.Process.Head.Pid));
        Assert.Equal((report.Scanned, report.Added, report.SwappedIn, report.LargeAfter),
            (report.ByProcess.Sum(one => one.Scanned), report.ByProcess.Sum(one => one.Added), report.ByProcess.Sum(one => one.SwappedIn),
                report.ByProcess.Sum(one => one.LargeAfter)));
        Assert.Equal([(2L, 511L, 0L), (1, 0, 3), (2, 0, 0)], report.ByProcess.Select(one => (one.Scanned, one.Added, one.SwappedIn)));
        Assert.Equal([2L, 1, 0], report.ByProcess.Select(one => one.Made.Values.Sum()));
        Assert.Equal(3, report.Left.Single().First.Pid);
    }

    [Fact]
    public void A_process_that_refuses_THP_is_passed_by_and_the_others_are_not()
    {
        var refuses = Captured(1, Always2M, "x*512");
        refuses = refuses with { Head = refuses.Head with { ThpDisable = ThpDisable.Completely } };
        Assert.Equal([0L, 1], Report([refuses, Captured(2, Always2M, "x*512")], Always2M).ByProcess.Select(one => one.Scanned));
    }

    [Fact]
    public void Several_are_told_by_process_by_cgroup_and_by_VMA_in_words_and_for_scripts()
    {
        string file = folder.SavedMachine();
        var (code, output, error) = Cli.Run("whatif", file, "--always", "2M", "--max-ptes-none", "0");
        Assert.Equal((3, ""), (code, error));
        Assert.StartsWith("2 processes (--unit db), Linux 7.2.13, 4kB pages, 2026-11-21 12:00:00 UTC\n", output, StringComparison.Ordinal);
        Assert.Contains("\nPARTIAL; 2 of 3 processes were read to the end\nleft out: 12: no such process: expected one that runs\n", output,
            StringComparison.Ordinal);
        Assert.Matches(@"\n         11 postgres +2 +4,096 kB +0 kB +4,096 kB +0 kB +0 kB  (at fault +)?2 x 2048kB\n", output);
        Assert.Matches(@"\n  /system.slice/db.service \(1 of 2\) +2 +4,096 kB", output);
        Assert.Matches(@"\n         11 0 \[heap\] +2 +4,096 kB +0 kB +0 kB  (at fault +)?2 x 2048kB\n", output);
        Assert.Contains("\n  a full scan of all of them takes 1 wake-ups", output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(Cli.Run("whatif", file, "--json").Output);
        var root = json.RootElement;
        Assert.False(root.TryGetProperty("pid", out _));
        Assert.Equal([11, 10], root.GetProperty("processes").EnumerateArray().Select(one => one.GetProperty("pid").GetInt32()));
        Assert.Equal(12, root.GetProperty("skipped")[0].GetProperty("pid").GetInt32());
        Assert.Equal(8192, root.GetProperty("cgroups")[0].GetProperty("limitKb").GetInt32());
        foreach (var one in root.GetProperty("cases").EnumerateArray())
            Assert.Equal(one.GetProperty("addedKb").GetInt64(),
                one.GetProperty("processes").EnumerateArray().Sum(process => process.GetProperty("addedKb").GetInt64()));
    }

    [Fact]
    public void Columns_do_not_run_together_at_ten_terabytes_and_a_billion_folios()
    {
        const long pages = 10L << 28, folios = 1_000_000_000;
        var machine = MachineCapture.Of(Captured(1, Always2M, "x*512"));
        var report = WhatIfReport.Of(machine, new WhatIfCase("present", Catalogue.Linux72, Always2M)) with
        {
            Scanned = pages / 512,
            LargeAfter = pages,
            Added = pages,
            SwappedIn = pages,
            AtFaults = new FaultBound(pages, pages),
            Tried = folios,
            Wasted = folios,
            WastedAgain = folios,
            WakeUps = 100_000_000,
        };
        string output = Cli.Printed("", () =>
        {
            WhatIfText.Print(new WhatIfAnswer(machine, [report], IsAsked: false));
            return 0;
        }).Output;
        string memory = string.Concat(Enumerable.Repeat(" +10,737,418,240 kB", 4));
        string work = string.Concat(Enumerable.Repeat(" +1,000,000,000", 3));
        Assert.Matches($@"\* present +5,242,880{memory}{work} +100,000,000  1 x 2048kB", output);
    }

    [Fact]
    public void A_captured_range_of_several_processes_is_explained_by_number_and_address()
    {
        string file = folder.SavedMachine();
        Assert.StartsWith("postgres (11) at 0: linux-7.2", Cli.Run("explain", "--capture", file, "11:1000", "--always", "2M").Output,
            StringComparison.Ordinal);
        foreach (string place in new[] { "1000", "12:1000", "x:1000" })
            Assert.Equal((2, "", $"khugepaged-spec: --capture {place}: expected 11:ADDRESS or that of another process, of 2 in {file}\n"),
                Cli.Run("explain", "--capture", file, place));
    }

    [RootFact]
    public void Processes_of_this_machine_are_captured_one_after_the_other_and_one_that_is_gone_is_told_of()
    {
        using var one = Process.Start("sleep", "60");
        using var other = Process.Start("sleep", "60");
        try
        {
            Assert.True(SpinWait.SpinUntil(() => new[] { one, other }.All(sleep => File.ReadAllText($"/proc/{sleep.Id}/stat")
                .Contains("(sleep) S ", StringComparison.Ordinal)), TimeSpan.FromSeconds(10)));
            string file = folder["several.jsonl"];
            var (code, output, error) = Cli.Run("capture", "--pid", $"{other.Id},{one.Id}", "--pid", "2147483647", "-o", file);
            Assert.Equal((3, 2), (code, error.Count(letter => letter == '\n')));
            Assert.Contains("khugepaged-spec: 2147483647: no such process: expected one that runs; the others are read\n", error,
                StringComparison.Ordinal);
            Assert.Equal(3, output.Split('\n').Count(line => line.EndsWith(" kB  the same", StringComparison.Ordinal)));
            var capture = CaptureFile.ReadAll(file).Single();
            Assert.Equal([one.Id, other.Id], capture.Processes.Select(process => process.Head.Pid));
            Assert.All(capture.Processes, process => Assert.NotNull(process.End.Rollup));
            Assert.Equal(0, Cli.Run("whatif", "--pid", $"{one.Id}", "--pid", $"{other.Id}").Code);
        }
        finally
        {
            one.Kill();
            other.Kill();
        }
    }

    private static WhatIfReport Report(ImmutableArray<ProcessCapture> processes, ThpSettings settings) =>
        WhatIfReport.Of(MachineCapture.Of(processes[0]) with { Processes = processes }, new WhatIfCase("a", Catalogue.Linux72, settings));
}
