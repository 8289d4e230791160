using System.Collections.Immutable;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Processes;

/// <summary>Processes of one machine, read one after the other.</summary>
/// <param name="Head">What is known of the machine.</param>
/// <param name="Processes">Those that were read, in the order in which khugepaged is taken to come to them: the oldest first.</param>
/// <param name="Skipped">Those that could not be.</param>
/// <param name="Cgroups">Their memory cgroups.</param>
/// <param name="Ending">How the whole ended.</param>
public sealed record MachineCapture(
    MachineHead Head, ImmutableArray<ProcessCapture> Processes, ImmutableArray<SkippedProcess> Skipped,
    ImmutableArray<CgroupFigures> Cgroups, CaptureEnding Ending)
{
    /// <summary>A machine of which one process alone is known.</summary>
    public static MachineCapture Of(ProcessCapture process) =>
        new(MachineHead.Of(process.Head), [process], [], [], CaptureEnding.Complete);

    /// <summary>Not all that was asked for is here.</summary>
    public bool IsPartial => Ending != CaptureEnding.Complete || !Skipped.IsEmpty || Processes.Any(process => process.IsPartial);

    /// <summary>All pages, as counted here.</summary>
    public PageCounts Pages => Sum(process => process.Pages);

    /// <summary>Pages that collapse never comes to.</summary>
    public PageCounts Outside => Sum(process => process.Outside);

    /// <summary>Resident pages of mappings that are shared, each counted in every process that maps it: not judged.</summary>
    public long Shared => Processes.Sum(process => process.Head.Shared);

    /// <summary>PMD ranges.</summary>
    public long Ranges => Processes.Sum(process => process.Ranges);

    /// <summary>PMD ranges that changed while they were read.</summary>
    public long ChangedRanges => Processes.Sum(process => process.ChangedRanges);

    private PageCounts Sum(Func<ProcessCapture, PageCounts> of) =>
        Processes.Aggregate(default(PageCounts), (sum, process) => sum + of(process));
}

/// <summary>What is known of a machine before its processes are read.</summary>
/// <param name="Kernel">The release of its kernel.</param>
/// <param name="At">When.</param>
/// <param name="Asked">Which processes were asked for, in words.</param>
/// <param name="Count">How many processes there were to read.</param>
/// <param name="FreeBlocks">Free blocks by order, of all nodes and zones (<c>/proc/buddyinfo</c>); empty if it was not read.</param>
public sealed record MachineHead(string Kernel, DateTimeOffset At, string Asked, int Count, ImmutableArray<long> FreeBlocks)
{
    /// <summary>The release of its kernel.</summary>
    public string Kernel { get; } = OneLine.Of(Kernel);

    /// <summary>Which processes were asked for, in words.</summary>
    public string Asked { get; } = OneLine.Of(Asked);

    /// <summary>What one process tells of it.</summary>
    public static MachineHead Of(CaptureHead head) =>
        new(head.Kernel, head.At, FormattableString.Invariant($"--pid {head.Pid}"), 1, []);

    /// <summary>Free blocks that are as large as an order or larger, in blocks of that order; null if it was not read.</summary>
    public long? FreeOf(int order) => FreeBlocks.IsEmpty ? null
        : FreeBlocks.Select((blocks, at) => at < order ? 0 : blocks << (at - order)).Sum();
}

/// <summary>A process that was asked for and is not here.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Why">Why, in a line that begins with the number.</param>
public sealed record SkippedProcess(int Pid, string Why)
{
    /// <summary>Why, in a line that begins with the number.</summary>
    public string Why { get; } = OneLine.Of(Why);
}

/// <summary>What a memory cgroup counts, in pages (<c>memory.stat</c>, <c>memory.swap.current</c>).</summary>
/// <param name="Anonymous">Charged and anonymous.</param>
/// <param name="PmdSized">Of that, in folios of the PMD's order.</param>
/// <param name="Shmem">Charged and of shared memory.</param>
/// <param name="Swap">Swapped out.</param>
public readonly record struct CgroupCounts(long Anonymous, long PmdSized, long Shmem, long Swap);

/// <summary>The limit of a memory cgroup, or of one above it, that leaves the least room.</summary>
/// <param name="Cgroup">The cgroup that it is of.</param>
/// <param name="File">The file that holds it.</param>
/// <param name="Max">The limit, in pages.</param>
/// <param name="Current">What is charged, in pages.</param>
public sealed record CgroupLimit(string Cgroup, string File, long Max, long Current)
{
    /// <summary>The cgroup that it is of.</summary>
    public string Cgroup { get; } = OneLine.Of(Cgroup);

    /// <summary>The file that holds it.</summary>
    public string File { get; } = OneLine.Of(File);

    /// <summary>Pages that can be charged before it is reached; what it can reclaim is not counted.</summary>
    public long Room => Math.Max(0, Max - Current);
}

/// <summary>A memory cgroup.</summary>
/// <param name="Path">Its name below the mount, as <c>/system.slice/redis.service</c>.</param>
/// <param name="Processes">Processes in it and in those below it.</param>
/// <param name="Before">What it counted before its processes were read.</param>
/// <param name="After">The same after it.</param>
/// <param name="Limit">What limits it; null for nothing.</param>
public sealed record CgroupFigures(string Path, int Processes, CgroupCounts Before, CgroupCounts After, CgroupLimit? Limit)
{
    /// <summary>Its name below the mount, as <c>/system.slice/redis.service</c>.</summary>
    public string Path { get; } = OneLine.Of(Path);

    /// <summary>A process of that cgroup is in this one, or in one below it.</summary>
    public bool Holds(string cgroup) => Holds(Path, cgroup);

    /// <summary>A process of <paramref name="cgroup"/> is in <paramref name="path"/>, or in one below it.</summary>
    public static bool Holds(string path, string cgroup) =>
        cgroup == path || path == "/" || (cgroup.StartsWith(path, StringComparison.Ordinal) && cgroup[path.Length] == '/');
}
