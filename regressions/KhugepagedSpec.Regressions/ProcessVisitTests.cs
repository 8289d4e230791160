using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Regressions.CaptureFolder;

namespace KhugepagedSpec.Regressions;

/// <summary>Whether khugepaged comes to a process, as it is told from outside; and what else would keep a case from coming true.</summary>
[Collection("console")]
public sealed class ProcessVisitTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    // Of what is said, the model's own processes are the judge: one that did this under these settings, looked at afterwards.
    [Theory]
    [InlineData("linux-7.2")]
    [InlineData("linux-7.1")]
    public void What_is_said_of_a_VMA_is_what_the_models_own_registration_does(string version)
    {
        var seen = new Dictionary<Visit, int>();
        foreach (var global in Enum.GetValues<GlobalEnabled>())
            foreach (var size in Enum.GetValues<SizeEnabled>().Where(size => size != SizeEnabled.Never))
                foreach (int[] orders in new int[][] { [9], [4], [4, 9], [] })
                    foreach (bool isAdvised in new[] { false, true })
                    {
                        var set = orders.Aggregate(OrderSet.Empty, (all, order) => all.With(order));
                        var settings = (ThpSettings.Defaults(Geometry.X86) with { Enabled = global }).WithSizes(set, size);
                        var visit = Visited(settings, isAdvised, version);
                        seen[visit] = seen.GetValueOrDefault(visit) + 1;
                        bool atOnce = IsRegistered(settings, isAdvised ? "mmap, madvise, touch 0+16" : "mmap, touch 0+16", version);
                        bool late = IsRegistered(settings, isAdvised ? "mmap, touch 0+16, madvise" : "mmap, touch 0+16", version);
                        Assert.Equal(visit == Visit.AtFault, atOnce);
                        if (isAdvised && visit != Visit.None)
                            Assert.True(late, $"{global} {size} {set}");
                        if (visit == Visit.None)
                            Assert.False(late, $"{global} {size} {set}");
                    }
        Assert.True(seen[Visit.None] > 2 && seen[Visit.AtFault] > 2);
        Assert.Equal(version == "linux-7.2", seen.ContainsKey(Visit.OnlyIfListed));
    }

    [Fact]
    public void Memory_that_the_PMD_maps_was_made_by_who_is_listed()
    {
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(4), SizeEnabled.Always);
        var what = new WhatIfCase("a", Catalogue.Linux72, settings);
        Assert.Equal(Visit.OnlyIfListed, ProcessVisit.Of(Captured(1, settings, "x*512"), what));
        var huge = Captured(1, settings, "m9");
        Assert.Equal(Visit.Seen, ProcessVisit.Of(huge, what));
        Assert.Equal(Visit.None,
            ProcessVisit.Of(huge with { Head = huge.Head with { ThpDisable = ThpDisable.Completely } }, what));
    }

    [Theory]
    [InlineData(VmaFlags.Anonymous | VmaFlags.NoHugePage, 0, 1024, PassedByReason.NoHugePage)]
    [InlineData(VmaFlags.Anonymous | VmaFlags.NoKhugepaged, 0, 1024, PassedByReason.Special)]
    [InlineData(VmaFlags.Anonymous, 0, 1024, PassedByReason.NoSize)]
    [InlineData(VmaFlags.Anonymous | VmaFlags.HugePage, 1, 1023, PassedByReason.NoWholeRange)]
    [InlineData(VmaFlags.Write, 0, 1024, PassedByReason.File)]
    [InlineData(VmaFlags.Anonymous | VmaFlags.HugePage, 0, 512, null)]
    public void A_VMA_that_is_not_scanned_says_why(VmaFlags flags, long start, long end, PassedByReason? reason)
    {
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(4), SizeEnabled.Madvise);
        var capture = Captured(1, settings, "x*512");
        capture = capture with { Vmas = [capture.Vmas[0] with { Vma = new Vma(start, end, flags, HasAnonVma: true), Ranges = [] }] };
        var passed = ProcessVisit.NotScanned(MachineCapture.Of(capture), new WhatIfCase("a", Catalogue.Linux72, settings));
        Assert.Equal(reason, passed.Select(one => (PassedByReason?)one.Reason).SingleOrDefault());
    }

    [Fact]
    public void Nothing_that_was_captured_is_in_neither_table()
    {
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(9), SizeEnabled.Always);
        var machine = MachineCapture.Of(Captured(1, settings, "x*512", "w x*511"));
        foreach (var what in WhatIfCase.Usual(Catalogue.Linux72, settings, order => $"{order}").Append(new("none", Catalogue.Linux72,
            settings.WithSizes(OrderSet.Empty, SizeEnabled.Always))))
        {
            var report = WhatIfReport.Of(machine, what);
            Assert.Equal(machine.Pages.Anonymous, report.ByVma.Sum(vma => vma.Vma.Pages.Anonymous)
                + ProcessVisit.NotScanned(machine, what).Sum(passed => passed.Pages));
        }
    }

    // 48 pages are left: less than the folio of 512 that is charged first.
    [Fact]
    public void A_limit_a_lack_of_blocks_and_a_refusal_are_warnings_with_file_and_figure()
    {
        string file = folder.SavedMachine();
        string[] lines = Warnings("whatif", file, "--always", "2M");
        Assert.Equal(
            [
                "warning: postgres (11), redis-server (10): no PMD-mapped memory yet: khugepaged comes there once each of them touched a new PMD range under "
                    + "these settings, was advised anew, or began anew",
                "warning: /sys/fs/cgroup/system.slice/memory.max is 8,192 kB, of which 192 kB are left, "
                    + "and a folio of 2,048 kB is charged before the pages go that it replaces: SCAN_CGROUP_CHARGE_FAIL, unless something is reclaimed",
                "warning: /proc/buddyinfo had 0 free blocks of 2048kB, and 3 would be made: "
                    + "the rest needs compaction, else SCAN_ALLOC_HUGE_PAGE_FAIL",
            ], lines);
        lines = Warnings("whatif", file, "--always", "16k", "--max-ptes-none", "0");
        Assert.StartsWith("warning: postgres (11), redis-server (10): hugepages-2048kB/enabled is never, "
            + "so no page fault puts each of them onto", lines[0],
            StringComparison.Ordinal);
        Assert.StartsWith("warning: /proc/buddyinfo had 3 free blocks of 16kB, and 383 would be made: ", lines[1],
            StringComparison.Ordinal);
        Assert.Equal(2, lines.Length);
        File.WriteAllText(file, File.ReadAllText(file)
            .Replace("\"thpDisable\":\"No\"", "\"thpDisable\":\"Completely\"", StringComparison.Ordinal));
        Assert.Equal("warning: postgres (11): /proc/11/status has THP_enabled 0: prctl(PR_SET_THP_DISABLE), so that nothing of it is scanned",
            Warnings("whatif", file, "--always", "2M")[0]);
    }

    [Fact]
    public void Room_and_blocks_that_suffice_are_no_warning()
    {
        string file = folder.SavedMachine();
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"current\":2000", "\"current\":1", StringComparison.Ordinal)
            .Replace("[5,4,3]", "[0,0,0,0,0,0,0,0,0,0,2]", StringComparison.Ordinal));
        Assert.DoesNotContain(Warnings("whatif", file, "--always", "2M"), line => line.Contains("memory.max", StringComparison.Ordinal)
            || line.Contains("buddyinfo", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_advised_has_the_warnings_of_its_own_case()
    {
        string file = folder.SavedMachine();
        string[] advice = [.. Cli.Run("whatif", file, "--aim", "tlb").Output.Split('\n')
            .SkipWhile(line => !line.StartsWith("advice ", StringComparison.Ordinal))];
        Assert.Equal("advice (tlb, whatever it adds): 2048kB, none 511", advice[0]);
        Assert.Equal(Warnings("whatif", file, "--always", "2M"),
            advice.Where(line => line.StartsWith("  warning: ", StringComparison.Ordinal)).Select(line => line.Trim()));
    }

    private static string[] Warnings(params string[] args) =>
        [.. Cli.Run(args).Output.Split('\n').Where(line => line.StartsWith("warning: ", StringComparison.Ordinal))];

    private static Visit Visited(ThpSettings settings, bool isAdvised, string version)
    {
        var capture = Captured(1, settings, "x*16 .*496");
        var flags = VmaFlags.Anonymous | VmaFlags.Write | (isAdvised ? VmaFlags.HugePage : 0);
        var vma = capture.Vmas[0] with { Vma = capture.Vmas[0].Vma with { Flags = flags } };
        return ProcessVisit.Of(capture with { Vmas = [vma] }, new WhatIfCase("a", Catalogue.Find(version)!, settings));
    }

    private static bool IsRegistered(ThpSettings settings, string program, string version)
    {
        var scenario = Scenario.Of(ProgramStep.Parse(program, Geometry.X86), Geometry.X86) with { Settings = settings };
        return new RunningScenario(scenario, Catalogue.Find(version)!).Process.IsRegistered;
    }
}
