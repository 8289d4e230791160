using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Recordings;

/// <summary>One mm_khugepaged_scan_pmd line.</summary>
/// <param name="Status">The visit's result.</param>
/// <param name="Referenced">PTEs referenced.</param>
/// <param name="NoneOrZero">Empty and zero-page PTEs.</param>
/// <param name="Unmapped">Non-present PTEs.</param>
public readonly record struct ScanLine(ScanResult Status, int Referenced, int NoneOrZero, int Unmapped)
{
    /// <summary>The recorders' form: <c>status ref=R none=N unm=U</c>.</summary>
    public override string ToString() => $"{Status.TraceName()} ref={Referenced} none={NoneOrZero} unm={Unmapped}";
}

/// <summary>What the kernel's counters grew by in one pass, over everyone who was in it.</summary>
/// <param name="FullScans">full_scans.</param>
/// <param name="PagesCollapsed">pages_collapsed.</param>
/// <param name="Statistics">The per-size statistics that moved: name, order, value. Null if this kernel has none of collapse.</param>
/// <param name="Events">The vmstat counters that moved: name, value. Null if they were not read.</param>
public sealed record PassCounters(
    long FullScans,
    long PagesCollapsed,
    ImmutableArray<(string Name, int Order, long Value)>? Statistics,
    ImmutableArray<(string Name, long Value)>? Events)
{
    /// <summary>Processes that the vector does not have may have moved them too: they are not compared.</summary>
    public bool AreShared { get; init; }

    /// <summary>By how much the per-size gauges moved (nr_anon): name, order, value. Null if they were not read.</summary>
    public ImmutableArray<(string Name, int Order, long Value)>? Gauges { get; init; }

    /// <summary>By how much thp_collapse_alloc of the root's memory.stat grew over all passes up to this one; null if it was not
    /// read.</summary>
    public long? CgroupCollapseAllocs { get; init; }

    /// <summary>
    /// The kernel logged by the end of this pass that it does not support the value of max_ptes_none; null if it had before, or if its
    /// log was not read.
    /// </summary>
    public bool? WarnedOfMaxPtesNone { get; init; }

    /// <summary>The same, as the model counts; what it does not know is left out.</summary>
    public Statistics Modelled()
    {
        var counted = new Statistics { PagesCollapsed = PagesCollapsed, FullScans = FullScans };
        foreach (var (name, order, value) in Statistics ?? [])
            if (Memory.Statistics.TryParse(name, out MthpStatistic statistic))
                counted.Count(statistic, order, value);
        foreach (var (name, value) in Events ?? [])
            if (Memory.Statistics.TryParse(name, out VmEvent vmEvent))
                counted.Count(vmEvent, value);
        return counted;
    }
}

/// <summary>What one pass over a recorded table did.</summary>
public sealed record RecordedPass
{
    /// <summary>What the counters grew by. Vectors that were recorded in one pass share it.</summary>
    public required PassCounters Counters { get; init; }

    /// <summary>The table afterwards; large folios that are new since the last look are marked.</summary>
    public required PageTable After { get; init; }

    /// <summary>AnonHugePages of the VMA afterwards, in KB.</summary>
    public required long PmdMappedKb { get; init; }

    /// <summary>Every call of collapse_huge_page; offsets from the start of our PMD range.</summary>
    public required ImmutableArray<Attempt> Attempts { get; init; }

    /// <summary>The scan lines, of every process the kernel scanned.</summary>
    public required ImmutableArray<ScanLine> Scans { get; init; }

    /// <summary>Scans and attempts were seen; false: the kernel has no tracepoints or probes that tell of them.</summary>
    public bool IsTraced { get; init; } = true;

    /// <summary>
    /// What was counted towards pages_to_scan for this process, but for VMAs that are not the scenario's; null where it was not recorded,
    /// and where no range was visited.
    /// </summary>
    public int? Progress { get; init; }

    /// <summary>The tracepoints' lines in their normal form (<see cref="TraceNormalForm"/>); null if they were not recorded.</summary>
    public ImmutableArray<string>? Trace { get; init; }

    /// <summary>What MADV_COLLAPSE returned, null for khugepaged.</summary>
    public int? Return { get; init; }

    /// <summary>MADV_COLLAPSE's errno.</summary>
    public int? Errno { get; init; }
}

/// <summary>One page table that a real kernel was given, and what it did to it, pass by pass.</summary>
public sealed record RecordedVector
{
    /// <summary>The vector's name.</summary>
    public string Id => Input.Id;

    /// <summary>The scenario.</summary>
    public required VectorInput Input { get; init; }

    /// <summary>The table just before the first pass.</summary>
    public required PageTable Before { get; init; }

    /// <summary>What each pass did.</summary>
    public required ImmutableArray<RecordedPass> Passes { get; init; }

    /// <summary>
    /// The swap slots after <see cref="VectorInput.Then"/> was done, as <see cref="TableNotation.WriteSlots"/> has them; null if they were
    /// not read.
    /// </summary>
    public string? ThenSlots { get; init; }

    /// <summary>For a program: the swap slots after each MADV_PAGEOUT, in the form of <see cref="ThenSlots"/>; empty if they were not
    /// read.</summary>
    public ImmutableArray<string> ProgramSlots { get; init; } = [];

    /// <summary>Pages whose contents were wrong afterwards.</summary>
    public int WrongPages { get; init; }

    /// <summary>After which pass <see cref="VectorInput.Then"/> was done; 0 for never.</summary>
    public int ThenAfter { get; init; }
}
