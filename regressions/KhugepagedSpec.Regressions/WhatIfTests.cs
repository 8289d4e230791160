using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Regressions.CaptureFolder;

namespace KhugepagedSpec.Regressions;

/// <summary>What the model makes of a captured process.</summary>
[Collection("console")]
public sealed class WhatIfTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    [Fact]
    public void One_range_becomes_what_the_scenario_of_it_becomes()
    {
        foreach (var scenario in ScenarioGenerator.Random(7, Geometry.X86).Where(one => one.Kind == CollapseKind.Khugepaged && IsPlain(one))
            .Take(300))
        {
            var range = new CapturedRange(scenario.Vma.Start, 1, scenario.Table, Changed: false);
            var capture = Captured(scenario.Settings,
                new CapturedVma(scenario.Vma, "rw-p", "", [range], default, default, default, UsedPages.All, Changed: false));
            var machine = new WhatIfMachine(capture, Catalogue.Linux72, scenario.Settings);
            var run = scenario.Run(Catalogue.Linux72, 1)[0];
            var scan = machine.Scan();
            Assert.Equal(run.Report.Tables.SelectMany(table => table.Attempts), scan.Tables.SelectMany(table => table.Attempts));
            Assert.Equal(Unmarked(run.After), Unmarked(machine.Table(0)));
        }
    }

    // What a capture of one range says all of.
    private static bool IsPlain(Scenario scenario) =>
        scenario.Program.IsEmpty && scenario.Faults.IsEmpty && scenario.Numa.Nodes == 1 && scenario.ThpDisable == ThpDisable.No
        && (scenario.Vma.Start, scenario.Vma.End) == (0, scenario.Table.Cells.Length);

    [Fact]
    public void A_scan_is_the_same_in_one_wake_up_and_in_many_that_drain_nothing()
    {
        var capture = Captured(Always2M with { PagesToScan = 1 }, "x*512", "x*300 .*212", "s x*511", "m9", "x*512");
        var slow = new WhatIfMachine(capture, Catalogue.Linux72, capture.Head.Settings).Scan();
        var fast = new WhatIfMachine(capture, Catalogue.Linux72, Always2M with { PagesToScan = 1_000_000 }).Scan();
        Assert.Equal(fast.Tables.Select(table => (table.Start, table.Status)), slow.Tables.Select(table => (table.Start, table.Status)));
        Assert.Equal(1, fast.WakeUps);
        Assert.Equal(6, slow.WakeUps);
    }

    // What a sanitizer or a garbage collector reserves: 20 TB are ten million ranges. Each costs khugepaged one of pages_to_scan.
    [Fact]
    public void A_reserve_of_twenty_terabytes_costs_wake_ups_and_no_time_here()
    {
        const long ranges = 20L << (40 - 21);
        var few = Captured(Always2M, "x*300 .*212");
        var many = few with { Vmas = [few.Vmas[0] with { Vma = few.Vmas[0].Vma with { End = 512 * ranges } }] };
        var (small, large) = (Report(few), Report(many));
        Assert.Equal((small.Scanned, small.Added, small.Tried), (large.Scanned, large.Added, large.Tried));
        Assert.InRange(large.WakeUps, ranges / Always2M.PagesToScan, ranges / Always2M.PagesToScan + 2);
    }

    [Theory]
    [InlineData("w x*511", 0)]
    [InlineData("x*512", 4)]
    public void Each_scan_goes_over_each_range_once_however_the_wake_ups_fall(string table, int made)
    {
        for (int budget = 1; budget < 3000; budget += 97)
        {
            var capture = Captured(Always2M with { PagesToScan = budget }, table, table, table, table);
            var machine = new WhatIfMachine(capture, Catalogue.Linux72, capture.Head.Settings);
            for (int scan = 0; scan < 4; scan++)
            {
                var did = machine.Scan();
                Assert.Equal([0L, 512, 1024, 1536], did.Tables.Select(one => one.Start));
                Assert.Equal(scan == 0 ? made : 0, did.Made.Count());
            }
        }
    }

    [Fact]
    public void What_is_made_and_what_it_costs_adds_up()
    {
        var report = Report(Captured(Always2M, "x*512", "x .*511", "s*3 x*509", "f4*32", "0", "m9"));
        Assert.Equal(new Dictionary<int, long> { [9] = 4 }, report.Made);
        Assert.Equal((5L, 511L, 3L, 4L, 0L, 0L),
            (report.Scanned, report.Added, report.SwappedIn, report.Tried, report.Wasted, report.WastedAgain));
        Assert.Equal(5 * 512, report.LargeAfter);
        Assert.Equal((2, true), (report.Scans, report.IsSettled));
    }

    [Theory]
    [InlineData("s[64+64] x*448")] // four folios come back by four faults: swapped_in=4
    [InlineData("s*64 x*448")] // swapped_in=64
    public void What_comes_back_from_swap_is_counted_in_pages_not_in_faults(string table)
    {
        var report = Report(Captured(Always2M.WithSizes(OrderSet.Of(4) | OrderSet.Of(9), SizeEnabled.Always), table));
        Assert.Equal((64L, 0L), (report.SwappedIn, report.Added));
        Assert.Equal(new Dictionary<int, long> { [9] = 1 }, report.Made);
    }

    [Fact]
    public void A_size_that_is_mapped_by_ptes_already_is_tried_and_wasted_in_every_scan()
    {
        var report = Report(Captured(Always2M.WithSizes(OrderSet.Of(4), SizeEnabled.Always), "x*16 f4*31"));
        Assert.Equal(new Dictionary<int, long> { [4] = 1 }, report.Made);
        Assert.Equal((32L, 31L, 32L), (report.Tried, report.Wasted, report.WastedAgain));
    }

    [Fact]
    public void A_range_that_one_entry_stops_says_which()
    {
        var left = Report(Captured(Always2M with { MaxPtesNone = 0 }, "x*100 w x*411", "x*200 w x*311", "l x*511", "t x*511", "x*511 .",
            "o*512")).Left;
        Assert.Equal(
            [
                (ScanResult.PteUffdWp, "uffd-wp", 2L, 1024L, 100L),
                (ScanResult.PageLazyFree, "lazyfree (MADV_FREE), clean", 1, 512, 1024),
                (ScanResult.PageLock, "locked", 1, 512, 1536),
                (ScanResult.ExceedNonePte, null, 1, 511, 2048 + 511),
                (ScanResult.LackReferencedPage, null, 1, 512, 2560),
            ],
            left.Select(one => (one.Result, one.Entry, one.Ranges, one.Pages, one.FirstPage)));
    }

    [Fact]
    public void Ranges_that_changed_while_they_were_read_are_left_out()
    {
        var capture = Captured(Always2M, "x*512", "x*512");
        var vma = capture.Vmas[0];
        var report = Report(capture with { Vmas = [vma with { Ranges = [vma.Ranges[0] with { Changed = true }, vma.Ranges[1]] }] });
        Assert.Equal((1L, 1L), (report.Scanned, report.Made[9]));
    }

    [Fact]
    public void A_process_that_refuses_thp_is_not_scanned()
    {
        var capture = Captured(Always2M, "x*512");
        Assert.Equal(0, Report(capture with { Head = capture.Head with { ThpDisable = ThpDisable.Completely } }).Scanned);
    }

    [Fact]
    public void Versions_that_know_the_pmd_order_only_are_asked_of_no_other()
    {
        Assert.Equal(["2048kB, none 0", "2048kB, none 511"], WhatIfCase.Usual(Catalogue.Linux71, Always2M, Name).Select(one => one.Name));
        Assert.Equal(18, WhatIfCase.Usual(Catalogue.Linux72, Always2M, Name).Length);

        static string Name(int order) => $"{4 << order}kB";
    }

    [Fact]
    public async Task What_if_in_words()
    {
        var (code, output, _) = Cli.Run("whatif", folder.SavedProcess(), "--model", "linux-7.1", "linux-7.2", "--always", "64k",
            "--max-ptes-none", "0");
        Assert.Equal(0, code);
        await Verifier.Verify(output);
    }

    [Fact]
    public void What_if_for_scripts_has_every_case_with_the_figures_of_the_words()
    {
        var (code, output, _) = Cli.Run("whatif", folder.SavedProcess(), "--json");
        using var json = JsonDocument.Parse(output);
        Assert.Equal((0, 19), (code, json.RootElement.GetProperty("cases").GetArrayLength()));
        var all = json.RootElement.GetProperty("cases").EnumerateArray()
            .Single(one => one.GetProperty("name").GetString() == "2048kB, none 511");
        Assert.Equal((2L, 4, 2 * 2048),
            (all.GetProperty("foliosMadeByOrder").GetProperty("9").GetInt64(), all.GetProperty("addedKb").GetInt32(),
            all.GetProperty("largeAfterKb").GetInt32() - 2048));
        Assert.Equal("uffd-wp", all.GetProperty("left")[0].GetProperty("entry").GetString());
    }

    [Fact]
    public void A_capture_that_is_a_part_is_answered_and_ends_with_exit_code_3()
    {
        string file = folder.SavedProcess();
        File.WriteAllLines(file, File.ReadAllLines(file)[..^1]);
        var (code, output, _) = Cli.Run("whatif", file);
        Assert.Equal(3, code);
        Assert.Contains("PARTIAL: the file ends in the middle; it has 1 VMAs\n", output, StringComparison.Ordinal);
    }

    [RootFact]
    public void A_sleeping_process_is_captured_as_smaps_has_it_and_asked_from_the_file_and_at_once()
    {
        using var sleep = Process.Start("sleep", "60");
        try
        {
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{sleep.Id}/stat")
                .Contains("(sleep) S ", StringComparison.Ordinal), TimeSpan.FromSeconds(10)));
            string file = folder["sleep.jsonl"], pid = $"{sleep.Id}";
            var (code, output, error) = Cli.Run("capture", "--pid", pid, "-o", file);
            Assert.Equal((0, "khugepaged-spec: reads live processes with nice 10 and idle I/O; none is stopped\n"), (code, error));
            Assert.Equal(3, output.Split('\n').Count(line => line.EndsWith(" kB   the same", StringComparison.Ordinal)));
            Assert.Matches("complete; [0-9.]+ s\n$", output);
            Assert.Equal(0, Cli.Run("whatif", file).Code);
            Assert.Equal(0, Cli.Run("whatif", "--pid", pid).Code);
        }
        finally
        {
            sleep.Kill();
        }
    }

    [Theory]
    [InlineData("nothing to ask of: expected FILE or --pid N, --cgroup, --unit or --all", "whatif")]
    [InlineData("FILE a contradicts --pid 7: expected one of them", "whatif", "a", "--pid", "7")]
    [InlineData("nowhere.jsonl: no such file: expected what khugepaged-spec capture wrote", "whatif", "nowhere.jsonl")]
    [InlineData("--model: no khugepaged is called 'x': expected linux-7.1", "whatif", "a", "--model", "x")]
    [InlineData("no process: expected --pid N, --cgroup, --unit or --all", "capture")]
    [InlineData("999999999: no such process", "capture", "--pid", "999999999")]
    [InlineData("--range 7f-7e: expected two addresses, the lower first, as in 7f3c00000000-7f3c40000000", "capture", "--pid", "1",
        "--range", "7f-7e")]
    [InlineData("--range tomorrow: expected two addresses", "capture", "--pid", "1", "--range", "tomorrow")]
    public void Bad_input_is_one_line_and_exit_code_2(string message, params string[] args)
    {
        var (code, output, error) = Cli.Run(args);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {message}", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(letter => letter == '\n'));
    }

    [Fact]
    public void A_captured_range_is_explained_by_any_address_in_it()
    {
        var (code, output, _) = Cli.Run("explain", "--capture", folder.SavedProcess(), "4001ff", "--always", "2M", "--max-ptes-none", "0");
        Assert.Equal(0, code);
        Assert.StartsWith("redis-server (4711) at 400000: linux-7.2, khugepaged\ntable     x*16 .*16 w x*479\nvma       pages -1024 to 1535: anonymous, write\n", output, StringComparison.Ordinal);
        Assert.Contains("  scan      SCAN_EXCEED_NONE_PTE: 1 none or zero", output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_outside_of_what_was_captured_is_bad_input()
    {
        string file = folder.SavedProcess();
        Assert.Equal((2, "", "khugepaged-spec: --capture 7f0000000000: it lies in no PMD range that was captured\n"),
            Cli.Run("explain", "--capture", file, "7f0000000000"));
        Assert.Equal((2, "", "khugepaged-spec: --capture here: expected an address, as in 7f3c51a00000\n"),
            Cli.Run("explain", "--capture", file, "here"));
        Assert.Equal(
            (2, "",
                "khugepaged-spec: --capture contradicts --uffd: expected settings only, as a captured range has its table and its VMA\n"),
                Cli.Run("explain", "--capture", file, "0", "--uffd"));
    }

    [Fact]
    public void Settings_the_kernel_would_refuse_are_bad_input_too()
    {
        var (code, _, error) = Cli.Run("whatif", folder.SavedProcess(), "--max-ptes-none", "512");
        Assert.Equal((2, "khugepaged-spec: max_ptes_none is 512: expected 0 to 511\n"), (code, error));
    }

    private static WhatIfReport Report(ProcessCapture capture) =>
        WhatIfReport.Of(capture, new WhatIfCase("present", Catalogue.Linux72, capture.Head.Settings));

    private static string Unmarked(PageTable table) =>
        new PageTable(table.Geometry, [.. table.Cells.Select(cell => cell with { Flags = cell.Flags & ~CellFlags.New })], table.Pmd)
            .ToString();
}
