using KhugepagedSpec.Collapse;
using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Daemon;

/// <summary>What one wake-up of khugepaged, or one madvise call, did.</summary>
/// <param name="Tables">The PMD ranges visited, in order.</param>
/// <param name="Added">What every counter grew by.</param>
/// <param name="Progress">PTEs and other things looked at, as pages_to_scan counts them.</param>
/// <param name="AllocationSleeps">Times the daemon slept because no folio could be had.</param>
public sealed record PassReport(IReadOnlyList<TableRun> Tables, Statistics Added, long Progress, int AllocationSleeps)
{
    /// <summary>How many of the ranges had been visited each time a full scan ended; what comes after it belongs to the next.</summary>
    public IReadOnlyList<int> FullScanEnds { get; init; } = [];
}

/// <summary>What madvise(MADV_COLLAPSE) returned, and what it did.</summary>
/// <param name="Return">0 or -1.</param>
/// <param name="Errno">0, or why.</param>
/// <param name="Report">What it did.</param>
public sealed record MadviseReport(int Return, Errno Errno, PassReport Report);

/// <summary>The errors that MADV_COLLAPSE returns.</summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>EAGAIN: pages were in use; worth another try.</summary>
    EAGAIN = 11,

    /// <summary>ENOMEM: no folio could be had.</summary>
    ENOMEM = 12,

    /// <summary>EBUSY: the cgroup refused, or empty PTEs may not be filled.</summary>
    EBUSY = 16,

    /// <summary>EINVAL: anything else.</summary>
    EINVAL = 22,
}
