namespace KhugepagedSpec.Races.Trace;

/// <summary>Cuts what each task does into operations: a new one begins with a new lock.</summary>
internal static class Operations
{
    private const long FaultFlagWrite = 1;

    // What may be part of an operation that is known; anything else makes it another.
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "lvma_r", "mmap_lock_start_locking", "mmap_lock_acquire_returned", "mmap_lock_released", "hmf", "hmf_r", "dap", "dwp", "pmdinst",
        "poml_r", "mappte", "newrm", "tlbf", "zap", "zap_r", "rmrm", "ptefree", "lad",
    };

    /// <summary>All operations of all tasks but some, by task.</summary>
    public static IEnumerable<Operation> Of(RaceTrace trace, IReadOnlySet<int> butPids)
    {
        var open = new Dictionary<int, List<int>>();
        for (int i = 0; i < trace.All.Length; i++)
        {
            var one = trace.All[i];
            if (butPids.Contains(one.Pid))
                continue;
            if (!open.TryGetValue(one.Pid, out var events))
                open[one.Pid] = events = [];
            if (events.Count > 0 && Begins(trace, one, events))
            {
                yield return Make(trace, events);
                open[one.Pid] = events = [];
            }
            events.Add(i);
        }
        foreach (var events in open.Values)
            yield return Make(trace, events);
    }

    private static bool Begins(RaceTrace trace, TraceEvent one, List<int> events) =>
        one.Name == "lvma_r" || (one.Name == "mmap_lock_start_locking" && events.Any(i => HasLock(trace.All[i])));

    /// <summary>The task has the mmap lock, or a VMA's, with this event.</summary>
    public static bool HasLock(TraceEvent one) => one.Name switch
    {
        "lvma_r" => one.Number("vma") != 0,
        "mmap_lock_acquire_returned" => one.Is("success"),
        _ => false,
    };

    private static Operation Make(RaceTrace trace, List<int> events)
    {
        var all = events.Select(i => trace.All[i]).ToList();
        var fault = all.FirstOrDefault(one => one.Name is "hmf");
        var zap = all.FirstOrDefault(one => one.Name == "zap");
        var looked = all.FirstOrDefault(one => one.Name is "lvma_r" or "dap" or "dwp");
        string? unknown = all.FirstOrDefault(one => !Known.Contains(one.Name))?.Name
            ?? (all.Any(one => one.Name == "mmap_lock_acquire_returned" && one.Is("write"))
                ? "mmap_lock_acquire_returned write=true" : null);
        int held = events.FindIndex(i => HasLock(trace.All[i]));
        var (kind, address, size) = unknown is not null ? (OperationKind.Other, looked?.Number("addr") ?? 0, CollapseAttempt.PageSize)
            : zap is not null ? (OperationKind.DontNeed, zap.Number("addr"), zap.Number("size"))
            : fault is not null ? ((fault.Number("flags") & FaultFlagWrite) != 0 ? OperationKind.WriteFault : OperationKind.ReadFault,
                fault.Number("addr") & -CollapseAttempt.PageSize, CollapseAttempt.PageSize)
            : (OperationKind.Look, looked?.Number("addr") ?? 0, CollapseAttempt.PageSize);
        return new Operation(all[0].Pid, all[0].Task, kind, events, held < 0 ? null : events[held], address, size)
        {
            Unknown = unknown,
            Vma = held >= 0 && all[held].Name == "lvma_r" ? all[held].Number("vma") : 0,
            FreesTable = all.Any(one => one.Name == "ptefree"),
        };
    }
}
