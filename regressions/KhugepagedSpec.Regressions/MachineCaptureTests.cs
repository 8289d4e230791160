using KhugepagedSpec.Processes;
using static KhugepagedSpec.Regressions.CaptureTests;

namespace KhugepagedSpec.Regressions;

/// <summary>What is read of several processes, and of the cgroups they are in.</summary>
public sealed class MachineCaptureTests : IDisposable
{
    private const int Self = 5;

    private readonly string _file = Path.GetTempFileName();
    private readonly FakeMachine _machine = new();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Processes_are_read_the_oldest_first_and_a_file_gives_them_back()
    {
        Process(7, started: 300, pages: 3);
        Process(9, started: 100, pages: 1);
        Process(8, started: 200, pages: 2);
        _machine.Files["/proc/buddyinfo"] = "Node 0, zone  DMA  1 0 2\nNode 1, zone  Normal  5 4 3\n";
        var read = Read([7, 8, 9]);
        Assert.Equal([9, 8, 7], read.Processes.Select(process => process.Head.Pid));
        Assert.Equal([1, 2, 3], read.Processes.Select(process => process.Pages.Anonymous));
        Assert.Equal<long>([6, 4, 5], read.Head.FreeBlocks);
        Assert.Equal(("--pid 7,8,9", 3, false, CaptureEnding.Complete), (read.Head.Asked, read.Head.Count, read.IsPartial, read.Ending));
        Assert.Equal(["/a.slice/one.service"], read.Processes.Select(process => process.Head.Cgroup).Distinct());
        Assert.All(read.Processes, process => Assert.Empty(process.Disagreeing));
    }

    [Fact]
    public void One_that_cannot_be_read_is_told_of_and_the_others_go_on()
    {
        Process(7, started: 1, pages: 1);
        Process(8, started: 2, pages: 1).IsRoot = false;
        Process(9, started: 3, pages: 1).EndsAfter = 0;
        Process(10, started: 4, pages: 1);
        var told = new List<SkippedProcess>();
        var read = Read([7, 8, 9, 10, 11], told);
        Assert.Equal([7, 9, 10], read.Processes.Select(process => process.Head.Pid));
        Assert.Equal([8, 11], read.Skipped.Select(skipped => skipped.Pid));
        Assert.Equal([8, 9, 10, 11], told.Select(skipped => skipped.Pid).Append(10).Order());
        Assert.StartsWith("11: no such process", read.Skipped[1].Why, StringComparison.Ordinal);
        Assert.Equal([false, true, false], read.Processes.Select(process => process.IsPartial));
        Assert.True(read.IsPartial);
    }

    [Fact]
    public void Where_none_can_be_read_the_first_reason_is_the_answer()
    {
        Process(7, started: 1, pages: 1).IsRoot = false;
        Assert.StartsWith("7: its pages may not be looked at", Assert.Throws<CaptureException>(() => Read([7, 8])).Message,
            StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(_file).Length);
    }

    [Fact]
    public void All_are_those_with_memory_of_their_own_but_the_one_that_asks()
    {
        foreach (int pid in new[] { 2, Self, 7, 9 })
            Process(pid, started: pid, pages: 1);
        _machine.Files["/proc/2/statm"] = "0 0 0 0 0 0 0\n";
        Assert.Equal<int>([7, 9], Reader().Choose(new([], [], [], IsAll: true)));
    }

    [Theory]
    [InlineData("/a.slice", 1, 2)]
    [InlineData("/sys/fs/cgroup/a.slice/", 1, 2)]
    [InlineData("/sys/fs/cgroup", 1, 2, 3, 4)]
    [InlineData("one.service", 1)]
    [InlineData("one", 1)]
    [InlineData("b.slice", 3, 4)]
    public void A_cgroup_is_named_by_its_path_or_its_name_and_holds_those_below_it(string name, params int[] pids)
    {
        Tree();
        Assert.Equal(pids, Reader().Choose(new([], [name], [], false)));
    }

    [Fact]
    public void A_unit_is_a_cgroup_of_systemd()
    {
        Tree();
        Assert.Equal<int>([1], Reader().Choose(new([], [], ["one"], false)));
        Assert.Equal<int>([1, 2], Reader().Choose(new([], [], ["a.slice"], false)));
        Assert.Equal<int>([1, 3, 4], Reader().Choose(new([1], ["/b.slice"], ["one.service"], false)));
        _machine.Files.Remove("/sys/fs/cgroup/cgroup.controllers");
        _machine.Files["/sys/fs/cgroup/systemd/x.slice/old.service/cgroup.procs"] = "2\n";
        Assert.Equal<int>([2], Reader().Choose(new([], [], ["old"], false)));
    }

    [Theory]
    [InlineData("/c.slice", "--cgroup /c.slice: no such cgroup: expected one below /sys/fs/cgroup")]
    [InlineData("three", "--cgroup three: none of that name below /sys/fs/cgroup: expected a cgroup, by name or path")]
    [InlineData("two.service",
        "--cgroup two.service: 2 of that name: expected --cgroup with the path of one, as /a.slice/two.service, /b.slice/two.service")]
    [InlineData("/empty", "--cgroup /empty: no process in it has memory of its own: expected one that runs")]
    public void A_cgroup_that_is_none_is_one_line(string name, string message)
    {
        Tree();
        _machine.Files["/sys/fs/cgroup/empty/cgroup.procs"] = "";
        Assert.Equal(message, Assert.Throws<CaptureException>(() => Reader().Choose(new([], [name], [], false))).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_cgroup_counts_and_the_nearest_of_its_limits_are_read_of_either_version(bool isUnified)
    {
        Process(7, started: 1, pages: 2);
        string root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory", below = $"{root}/a.slice/one.service";
        var (max, current) = isUnified ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes");
        if (!isUnified)
        {
            _machine.Files.Remove("/sys/fs/cgroup/cgroup.controllers");
            _machine.Files["/proc/7/cgroup"] = "9:name=systemd:/x\n4:cpu,memory:/a.slice/one.service\n0::/\n";
            _machine.Files[$"{below}/cgroup.procs"] = "7\n";
        }
        _machine.Files[$"{below}/memory.stat"] = isUnified ? "anon 8192\nfile 1\nanon_thp 4096\nshmem 12288\n"
            : "rss 1\ntotal_rss 8192\ntotal_rss_huge 4096\ntotal_shmem 12288\n";
        _machine.Files[$"{below}/{max}"] = isUnified ? "max\n" : "9223372036854771712\n";
        _machine.Files[$"{root}/a.slice/{max}"] = "81920\n";
        _machine.Files[$"{root}/a.slice/{current}"] = "40960\n";
        _machine.Files[$"{root}/{max}"] = "8192000\n";
        _machine.Files[$"{root}/{current}"] = "4096\n";
        var cgroup = Read([7]).Cgroups.Single();
        Assert.Equal(("/a.slice/one.service", 1, new CgroupCounts(2, 1, 3, 0)), (cgroup.Path, cgroup.Processes, cgroup.After));
        Assert.Equal(new CgroupLimit("/a.slice", $"{root}/a.slice/{max}", 20, 10), cgroup.Limit);
        Assert.Equal(10, cgroup.Limit!.Room);
    }

    [Fact]
    public void Shared_memory_and_hugetlb_are_counted_and_not_read()
    {
        var process = Process(7, started: 1, pages: 1);
        process.Vma(First + 4096, 512, Figures(rss: 40), permissions: "rw-s");
        process.Vma(First + 8192, 512, "Private_Hugetlb: 2048 kB\n" + Figures(), flags: "rd wr ht");
        var read = Read([7]);
        Assert.Equal((10 + 512, 1), (read.Shared, read.Processes[0].Vmas.Length));
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(8, true)]
    public void What_stood_still_is_held_against_smaps_rollup(int kilobytes, bool differs)
    {
        var process = Process(7, started: 1, pages: 1);
        process.Files["/proc/7/smaps_rollup"] = $"1000-2000 ---p 00000000 00:00 0 [rollup]\n{Figures(anonymous: kilobytes, rss: 8)}";
        var read = Read([7]).Processes[0];
        Assert.Equal((true, differs), (read.StoodStill, read.RollupDiffers));
    }

    [Fact]
    public void A_file_that_ends_between_two_processes_is_a_part()
    {
        Process(7, started: 1, pages: 1);
        Process(8, started: 2, pages: 1);
        Read([7, 8]);
        string[] lines = File.ReadAllLines(_file);
        int second = Array.FindLastIndex(lines, line => line.StartsWith("{\"head\"", StringComparison.Ordinal));
        File.WriteAllLines(_file, lines[..second]);
        var read = CaptureFile.ReadAll(_file).Single();
        Assert.Equal((1, CaptureEnding.CutShort, true), (read.Processes.Length, read.Ending, read.IsPartial));
        Assert.False(read.Processes[0].IsPartial);
        File.WriteAllLines(_file, lines[..(second + 2)]);
        Assert.Equal([false, true], CaptureFile.ReadAll(_file).Single().Processes.Select(process => process.IsPartial));
    }

    [Fact]
    public void Captures_follow_each_other_in_a_file_whether_of_one_process_or_of_a_machine()
    {
        Process(7, started: 1, pages: 1);
        Process(8, started: 2, pages: 1);
        Read([7, 8]);
        string several = File.ReadAllText(_file);
        string alone = string.Concat(several.Split('\n')[1..4].Select(line => line + "\n"));
        File.WriteAllText(_file, alone + several + alone);
        Assert.Equal([1, 1, 2], CaptureFile.ReadAll(_file).Select(capture => capture.Processes.Length).Order());
        Assert.Contains("has several processes", Assert.Throws<CaptureException>(() => CaptureFile.Read(_file)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(_file, alone);
        Assert.Equal(7, CaptureFile.Read(_file).Head.Pid);
    }

    [Fact]
    public void A_summary_counts_what_the_capture_counts()
    {
        Process(7, started: 1, pages: 3).Folio(First + 512, 9, isHuge: true);
        var (summary, whole) = (new MachineBuilder(isSummary: true), new MachineBuilder());
        foreach (var sink in new[] { summary, whole })
            Reader().Read([7], "", (0, ulong.MaxValue), () => sink, _ => { }, _ => { }, CancellationToken.None);
        Assert.Equal((whole.Captures[0].Ranges, whole.Captures[0].Pages), (summary.Captures[0].Ranges, summary.Captures[0].Pages));
        Assert.NotEqual(whole.Captures[0].Processes[0].Vmas[0].Ranges[0].Table,
            summary.Captures[0].Processes[0].Vmas[0].Ranges[0].Table);
    }

    private void Tree()
    {
        Process(1, 1, 1, "/a.slice/one.service");
        Process(2, 2, 1, "/a.slice/two.service");
        Process(3, 3, 1, "/b.slice");
        Process(4, 4, 1, "/b.slice/two.service");
        _machine.Files["/sys/fs/cgroup/a.slice/cgroup.procs"] = _machine.Files["/sys/fs/cgroup/cgroup.procs"] = "";
    }

    private FakeProc Process(int pid, int started, int pages, string cgroup = "/a.slice/one.service")
    {
        var process = _machine.Add(pid, started, cgroup);
        process.Vma(First, 1024, Figures(anonymous: 4 * pages, rss: 4 * pages, referenced: 4 * pages));
        for (int page = 0; page < pages; page++)
            process.Page(First + page);
        return process;
    }

    private MachineReader Reader() => new(_machine, 4096, Self);

    private MachineCapture Read(int[] pids, List<SkippedProcess>? told = null)
    {
        var choice = new ProcessChoice([.. pids], [], [], false);
        CaptureFile? file = null;
        try
        {
            var reader = Reader();
            reader.Read(reader.Choose(choice), choice.ToString(), (0, ulong.MaxValue), () => file = new(new StreamWriter(_file)), _ => { },
                one => told?.Add(one), CancellationToken.None);
        }
        finally
        {
            file?.Dispose();
        }
        return CaptureFile.ReadAll(_file).Single();
    }
}
