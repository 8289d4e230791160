using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Regressions;

/// <summary>Captures made of page tables, and a folder for their files, which goes with the tests that it was made for.</summary>
public sealed class CaptureFolder : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly string _path = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    /// <summary>2M for every VMA.</summary>
    public static ThpSettings Always2M { get; } = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(9), SizeEnabled.Always);

    /// <summary>A file's path.</summary>
    public string this[string name] => Path.Combine(_path, name);

    /// <summary>A process of one VMA from page 0 on, a range a table.</summary>
    public static ProcessCapture Captured(ThpSettings settings, params string[] tables) => Of(
        new CaptureHead(4711, "redis-server", "7.2.13", At, 4096, settings, ThpDisable.No), tables);

    /// <summary>The same, in a cgroup; 11 is a postgres.</summary>
    public static ProcessCapture Captured(int pid, ThpSettings settings, params string[] tables) => Of(
        new CaptureHead(pid, pid == 11 ? "postgres" : "redis-server", "7.2.13", At, 4096, settings, ThpDisable.No)
        {
            Cgroup = pid == 11 ? "/system.slice/db.service" : "/system.slice/x.service",
            Started = pid,
        },
        tables);

    /// <summary>A process of some VMAs.</summary>
    public static ProcessCapture Captured(ThpSettings settings, params CapturedVma[] vmas) => Captured(settings, "x*512") with
    {
        Vmas = [.. vmas],
        End = new CaptureEnd(CaptureEnding.Complete, vmas.Length, vmas.Length, []),
    };

    /// <summary>A file with one process.</summary>
    public string SavedProcess()
    {
        string path = this["redis.jsonl"];
        using var file = new CaptureFile(new StreamWriter(path));
        Add(file, Captured(ThpSettings.Defaults(Geometry.X86), "x*512", "x*511 .", "x*16 .*16 w x*479", "m9", "0"));
        return path;
    }

    /// <summary>A file with two processes of three, in cgroups.</summary>
    public string SavedMachine()
    {
        var settings = ThpSettings.Defaults(Geometry.X86);
        string path = this["db.jsonl"];
        using var file = new CaptureFile(new StreamWriter(path));
        file.Add(new MachineHead("7.2.13", At, "--unit db", 3, [5, 4, 3]));
        Add(file, Captured(11, settings, "x*512", "x*512"));
        Add(file, Captured(10, settings, "x*511 .", "w x*511"));
        file.Add(new SkippedProcess(12, "12: no such process: expected one that runs"));
        file.End(CaptureEnding.Complete,
            [new("/system.slice/db.service", 2, new(1024, 0, 0, 0), new(1024, 0, 0, 0),
                new("/system.slice", "/sys/fs/cgroup/system.slice/memory.max", 2048, 2000))]);
        return path;
    }

    /// <summary>A file with several captures.</summary>
    public string Saved(string name, params MachineCapture[] captures)
    {
        string path = this[name];
        using var file = new CaptureFile(new StreamWriter(path));
        foreach (var capture in captures)
        {
            file.Add(capture.Head);
            foreach (var process in capture.Processes)
                Add(file, process);
            file.End(capture.Ending, []);
        }
        return path;
    }

    /// <summary>Writes a process into a file.</summary>
    public static void Add(CaptureFile file, ProcessCapture process)
    {
        file.Add(process.Head);
        foreach (var vma in process.Vmas)
        {
            foreach (var range in vma.Ranges)
                file.Add(range);
            file.Add(vma);
        }
        file.Add(process.End);
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_path, recursive: true);

    private static ProcessCapture Of(CaptureHead head, string[] tables)
    {
        var ranges = tables.Select((table, i) => new CapturedRange(512L * i, 1, PageTable.Parse(table, Geometry.X86), Changed: false))
            .ToImmutableArray();
        var pages = new PageCounts(
            ranges.Sum(range => range.Table.Cells.LongCount(cell => cell.Kind == PteKind.Page)),
            ranges.Where(range => range.Table.Pmd == PmdState.Huge).Sum(_ => 512L),
            ranges.Sum(range => range.Table.Cells.LongCount(cell => cell.Order > 0)),
            ranges.Sum(range => range.Table.Cells.LongCount(cell => cell.Kind == PteKind.Swap)));
        var vma = new Vma(0, 512L * tables.Length, VmaFlags.Anonymous | VmaFlags.Write, HasAnonVma: true);
        return new ProcessCapture(head,
            [new CapturedVma(vma, "rw-p", "[heap]", ranges, pages, default, pages with { Large = 0 }, UsedPages.All, Changed: false)],
            new CaptureEnd(CaptureEnding.Complete, 1, 1, []));
    }
}
