using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Processes;

/// <summary>Reads the memory of a process, VMA by VMA. Nothing is written anywhere, and the process is not stopped.</summary>
internal sealed class ProcessReader
{
    private readonly IProcFiles _proc;
    private readonly int _pid;
    private readonly string _startTime;
    private readonly List<SmapsVma> _vmas;
    private readonly long _shared;

    /// <summary>Looks at the process.</summary>
    /// <param name="proc">The machine.</param>
    /// <param name="pid">Its number there.</param>
    /// <param name="pageBytes">The size of the machine's base pages.</param>
    /// <exception cref="CaptureException">There is no such process, or its memory may not be looked at.</exception>
    public ProcessReader(IProcFiles proc, int pid, int pageBytes)
    {
        _proc = proc;
        _pid = pid;
        string status = proc.Text($"/proc/{pid}/status") ?? throw new CaptureException($"{pid}: no such process: expected one that runs");
        try
        {
            _startTime = StartTime() ?? throw new CaptureException($"{pid}: the process has just ended");
            var vmas = Processes.Smaps.Parse(Smaps() ?? "");
            _shared = vmas.Where(IsShared).Sum(vma => vma.Figures.Rss + vma.Figures.Hugetlb) * 1024 / pageBytes;
            _vmas = Private(vmas);
            _ = proc.Words(PageTableReader.KernelFlags,
                [new WordRun(1, 1)]) ?? throw new CaptureException(
                $"no {PageTableReader.KernelFlags}: expected a kernel with CONFIG_PROC_PAGE_MONITOR");
        }
        catch (UnauthorizedAccessException)
        {
            throw new CaptureException(
                $"{pid}: its pages may not be looked at: expected to run as root, with CAP_SYS_PTRACE and CAP_SYS_ADMIN");
        }
        if (_vmas.Count == 0)
            throw new CaptureException($"{pid}: it has no memory of its own: expected a process, not a kernel thread or a zombie");
        var geometry = SysfsThp.Geometry(proc, pageBytes);
        Head = new CaptureHead(
            pid, Field(status, "Name"), (proc.Text("/proc/sys/kernel/osrelease") ?? "").Trim(), DateTimeOffset.UtcNow, pageBytes,
            SysfsThp.Settings(proc, geometry, pageBytes), Field(status, "THP_enabled") == "0" ? ThpDisable.Completely : ThpDisable.No)
        {
            Cgroup = new Cgroups(proc).Of(pid) ?? "",
            Shared = _shared,
            Started = long.Parse(_startTime, CultureInfo.InvariantCulture),
        };
    }

    /// <summary>The process and the machine.</summary>
    public CaptureHead Head { get; }

    /// <summary>The bytes of address space that will be gone through.</summary>
    /// <param name="range">Only PMD ranges that overlap this, in bytes.</param>
    public long Extent((ulong Start, ulong End) range) =>
        Chosen(range).Sum(vma => (long)(Math.Min(vma.End, range.End) - Math.Max(vma.Start, range.Start)));

    /// <summary>Reads the VMAs, one after the other, and tells of each part as soon as it is read.</summary>
    /// <param name="range">Only PMD ranges that overlap this, in bytes.</param>
    /// <param name="into">Told of the parts.</param>
    /// <param name="advance">Told how many bytes of address space were gone through since the last time.</param>
    /// <param name="cancellation">Ends it before the next PMD range.</param>
    /// <returns>How far it came.</returns>
    public CaptureEnd Read((ulong Start, ulong End) range, ICaptureSink into, Action<long> advance, CancellationToken cancellation)
    {
        into.Add(Head);
        var end = ReadVmas(range, into, advance, cancellation);
        into.Add(end);
        return end;
    }

    private CaptureEnd ReadVmas((ulong Start, ulong End) range, ICaptureSink into, Action<long> advance, CancellationToken cancellation)
    {
        var chosen = Chosen(range);
        int done = 0;
        foreach (var smaps in chosen)
        {
            var reader = new VmaReader(_proc, _pid, Head, smaps, range, into.Add, advance);
            if (!reader.Read(cancellation))
            {
                into.Add(reader.Vma with { Changed = true });
                break;
            }

            // A pagemap of a process that has ended tells of nothing, and not that it does.
            if (!IsThere(smaps))
                return new CaptureEnd(CaptureEnding.ProcessEnded, done, chosen.Count, []);
            into.Add(reader.Vma);
            done++;
        }
        return new CaptureEnd(done < chosen.Count ? CaptureEnding.Interrupted
            : CaptureEnding.Complete, done, chosen.Count, Changed(chosen))
        {
            Rollup = Rollup(),
        };
    }

    private PageCounts? Rollup() => _proc.Text($"/proc/{_pid}/smaps_rollup") is { Length: > 0 } text
        && Processes.Smaps.Parse(text) is [var whole]
        ? new PageCounts(whole.Figures.Anonymous * 1024 / Head.PageBytes, whole.Figures.AnonHugePages * 1024 / Head.PageBytes, 0, 0) : null;

    private List<SmapsVma> Chosen((ulong Start, ulong End) range) =>
        [.. _vmas.Where(vma => vma.Start < range.End && vma.End > range.Start)];

    private bool IsThere(SmapsVma vma) =>
        _proc.Words($"/proc/{_pid}/pagemap", [new WordRun((long)(vma.Start / (ulong)Head.PageBytes), 1)]) is not null;

    private ImmutableArray<long> Changed(List<SmapsVma> before)
    {
        var after = StartTime() == _startTime && Smaps() is { } text ? Private(Processes.Smaps.Parse(text)).ToDictionary(vma => vma.Start)
            : [];
        return [.. before.Where(vma => !after.TryGetValue(vma.Start, out var now) || now.End != vma.End
            || !IsSame(now.Figures, vma.Figures))
            .Select(vma => (long)(vma.Start / (ulong)Head.PageBytes))];
    }

    // Being looked at ages nobody; that a page was used meanwhile is no change.
    private static bool IsSame(SmapsFigures a, SmapsFigures b) => a with { Referenced = 0 } == b with { Referenced = 0 };

    private string? Smaps() => _proc.Text($"/proc/{_pid}/smaps") is { Length: > 0 } text ? text : null;

    // The gate page belongs to nobody, and smaps counts the pages of hugetlb apart.
    private static List<SmapsVma> Private(List<SmapsVma> vmas) =>
        [.. vmas.Where(vma => vma.Permissions.EndsWith('p') && vma.Name != "[vsyscall]" && !IsShared(vma))];

    private static bool IsShared(SmapsVma vma) => vma.Permissions.EndsWith('s') || vma.Flags.Contains("ht");

    private string? StartTime() => StartTime(_proc, _pid);

    /// <summary>When a process began, in clock ticks since boot; null if there is none. It tells the process from a later one of the same
    /// number.</summary>
    public static string? StartTime(IProcFiles proc, int pid)
    {
        // Field 22, counted after the command's closing parenthesis.
        string? stat = proc.Text($"/proc/{pid}/stat");
        return stat is { Length: > 0 } ? stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19] : null;
    }

    private static string Field(string status, string name)
    {
        foreach (string line in status.Split('\n'))
            if (line.StartsWith(name + ":", StringComparison.Ordinal))
                return line[(name.Length + 1)..].Trim();
        return "";
    }
}
