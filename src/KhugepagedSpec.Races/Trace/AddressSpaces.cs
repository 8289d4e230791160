namespace KhugepagedSpec.Races.Trace;

/// <summary>
/// Whose page tables a task works on. A child has the same addresses in tables of its own; locks of the mmap say which they are.
/// </summary>
internal sealed class AddressSpaces
{
    /// <summary>The role of khugepaged's thread.</summary>
    public const string Daemon = "khugepaged";

    private readonly Dictionary<int, long> _of = [];

    public AddressSpaces(RaceTrace trace)
    {
        // Threads of the process have one; a thread that forks takes the child's lock too, so what most of them take counts.
        var threads = trace.Threads;
        var collapse = trace.All.Where(one => one.Name == "chp" && one.Value("mm") is not null).Select(one => one.Pid).ToHashSet();
        bool IsOfMany(int pid) => threads.Count == 0 ? collapse.Contains(pid) : threads.GetValueOrDefault(pid) == Daemon;
        foreach (var group in trace.All.Where(one => one.Name == "mmap_lock_acquire_returned" && one.Is("success") && !IsOfMany(one.Pid))
            .GroupBy(one => threads.ContainsKey(one.Pid) ? 0 : one.Pid))
        {
            long mm = group.CountBy(one => one.Number("mm")).MaxBy(pair => pair.Value).Key;
            foreach (int pid in group.Key == 0 ? threads.Keys.Where(pid => !IsOfMany(pid)) : [group.Key])
                _of[pid] = mm;
        }
    }

    /// <summary>The address space of a task, as the kernel's pointer; null if no event tells, or it works on many.</summary>
    public long? Of(int pid) => _of.TryGetValue(pid, out long mm) ? mm : null;
}
