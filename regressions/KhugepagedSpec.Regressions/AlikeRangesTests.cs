using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Ranges that are alike are judged once, and come to what they come to on one machine with all of them.</summary>
public sealed class AlikeRangesTests
{
    private const int Ranges = 24, Scans = 3;

    // With several processes the cursor goes from one to the next in the midst of a wake-up, with what is left of pages_to_scan.
    [Theory]
    [InlineData("linux-7.2", 1)]
    [InlineData("linux-7.2", 3)]
    [InlineData("linux-7.1", 1)]
    [InlineData("linux-7.1", 2)]
    [InlineData("rounds", 1)]
    public void They_come_to_what_the_whole_machine_comes_to(string version, int processes)
    {
        long made = 0, poisoned = 0, across = 0;
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var (captures, settings) = Random(seed, processes);
            var alike = new WhatIfMachine(captures, Catalogue.Find(version)!, settings);
            var (machine, spaces) = Whole(captures, Catalogue.Find(version)!, settings);
            var khugepaged = new Khugepaged(machine) { PassesByEmptyRanges = true };
            var (runs, visits) = (new List<TableRun>(), new List<TableRun>());
            for (int scan = 1, ends = 0; scan <= Scans; scan++)
            {
                // A wake-up that ends a scan begins the next.
                visits.AddRange(alike.Scan().Tables);
                while (ends < scan)
                {
                    var pass = khugepaged.Pass();
                    runs.AddRange(pass.Tables);
                    across += pass.Tables.Zip(pass.Tables.Skip(1)).LongCount(pair => pair.First.Mm != pair.Second.Mm);
                    ends += pass.FullScanEnds.Count;
                }
                Assert.Equal(runs.Take(visits.Count).Select(run => (run.Mm, run.Start, run.Status, run.Scan.Referenced)),
                    visits.Select(run => (run.Mm, run.Start, run.Status, run.Scan.Referenced)));
                Assert.Equal(runs.Take(visits.Count).SelectMany(run => run.Attempts), visits.SelectMany(run => run.Attempts));
                for (int process = 0; process < processes; process++)
                    for (int range = 0; range < Ranges; range++)
                        Assert.Equal(TableImage.Read(machine, spaces[process], 512L * range), alike.Table(512L * range, process));
            }
            made += visits.Sum(run => run.Attempts.LongCount(attempt => attempt.Status == ScanResult.Succeed));
            poisoned += visits.Sum(run => run.Attempts.LongCount(attempt => attempt.Status == ScanResult.PageCount));
        }
        Assert.InRange(made, 100, long.MaxValue);
        Assert.InRange(poisoned, version == "linux-7.2" ? 100 : 0, long.MaxValue);
        Assert.True(across > 0 == processes > 1);
    }

    [Fact]
    public void A_thousand_that_are_alike_are_judged_but_a_few_times()
    {
        var table = PageTable.Parse("x*300 .*212", Geometry.X86);
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(4), SizeEnabled.Always);
        var capture = Of(settings, [new CapturedRange(0, 1000, table, Changed: false)]);
        var machine = new WhatIfMachine(capture, Catalogue.Linux72, settings);
        Assert.Equal(1000, machine.Scan().Tables.Count);
        Assert.InRange(machine.Judged, 1, 2 * LruBatch.Capacity);
        Assert.Equal(1000 * 304, machine.LargePages);
    }

    // A few tables many times over, so that batches are met at every level, by wake-ups of a few ranges each.
    private static (List<ProcessCapture> Captures, ThpSettings Settings) Random(ulong seed, int processes)
    {
        var choices = new RandomChoices(seed);
        var tables = new TableGenerator(choices, Geometry.X86, kinds: ".xzhsopwlgt");
        var few = Enumerable.Range(0, 6).Select(_ => tables.Next()).Where(table => table.Pmd is PmdState.Table or PmdState.Huge).ToList();
        few.Add(PageTable.Parse("x*16 .*496", Geometry.X86));
        few.Add(PageTable.Parse("x*511 p", Geometry.X86));
        var orders = new OrderSet((uint)choices.Below(256) << 2) | OrderSet.Of(9);
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(orders, SizeEnabled.Always) with
        {
            MaxPtesNone = choices.OneIn(2) ? 0 : choices.OneIn(3) ? 100 : 511,
            PagesToScan = 512 * (1 + choices.Below(40)),
        };
        return ([.. Enumerable.Range(0, processes).Select(process => Of(settings, [.. Enumerable.Range(0, Ranges).Select(i =>
            new CapturedRange(512L * i, 1, few[choices.Below(few.Count)], Changed: false))], isArmed: ((int)seed + process) % 2 == 0))],
            settings);
    }

    // What fails in an armed VMA at a high order poisons the lower ones.
    private static ProcessCapture Of(ThpSettings settings, CapturedRange[] ranges, bool isArmed = false)
    {
        var flags = VmaFlags.Anonymous | VmaFlags.Write | (isArmed ? VmaFlags.UffdMissing : 0);
        var vma = new Vma(0, ranges.Sum(range => range.Count) * 512, flags, HasAnonVma: true);
        return new ProcessCapture(new CaptureHead(1, "a", "7.2.13", DateTimeOffset.UnixEpoch, 4096, settings, ThpDisable.No),
            [new CapturedVma(vma, "rw-p", "", [.. ranges], default, default, default, UsedPages.All, Changed: false)],
            new CaptureEnd(CaptureEnding.Complete, 1, 1, []));
    }

    private static (Machine Machine, List<AddressSpace> Processes) Whole(List<ProcessCapture> captures, KhugepagedVersion version,
        ThpSettings settings)
    {
        var machine = new Machine(version, settings);
        var processes = new List<AddressSpace>();
        foreach (var capture in captures)
        {
            var process = machine.AddProcess();
            processes.Add(process);
            process.Add(capture.Vmas[0].Vma);
            foreach (var range in capture.Vmas[0].Ranges)
                TableImage.Place(machine, process, range.Start, range.Table);
        }
        return (machine, processes);
    }
}
