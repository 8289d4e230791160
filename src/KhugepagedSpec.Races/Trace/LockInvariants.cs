namespace KhugepagedSpec.Races.Trace;

/// <summary>Sections that exclude each other do not overlap.</summary>
internal static class LockInvariants
{
    public static IEnumerable<BrokenInvariant> WritersAreAlone(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        // A lock is taken before the event that says so, and dropped behind it.
        var writers = new Dictionary<string, TraceEvent>(StringComparer.Ordinal);
        foreach (var one in trace.All)
        {
            if (one.Name is not ("mmap_lock_acquire_returned" or "mmap_lock_released"))
                continue;
            string mm = one.Value("mm") ?? "";
            bool isHeld = writers.TryGetValue(mm, out var writer);
            if (one.Name == "mmap_lock_released")
            {
                if (one.Is("write") && isHeld && writer!.Pid == one.Pid)
                    writers.Remove(mm);
                continue;
            }
            if (!one.Is("success"))
                continue;
            if (isHeld && writer!.Pid == one.Pid && !one.Is("write"))
            {
                // It keeps it, for reading.
                writers.Remove(mm);
                continue;
            }
            if (isHeld)
                yield return new BrokenInvariant(AttemptOf(attempts, trace, writer!), one,
                    $"{one.Task} gets the mmap lock that {writer!.Task} has for writing since time {writer.Time}");
            if (one.Is("write"))
                writers[mm] = one;
        }
    }

    public static IEnumerable<BrokenInvariant> VmaWritersAreAlone(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        foreach (var attempt in attempts)
        {
            int start = attempt.Find(trace, one => one.Name == "vsw");
            int wait = attempt.Find(trace, one => one.Name == "vsw_r");
            int end = wait < 0 ? -1
                : attempt.Find(trace, one => one.Name == "mmap_lock_released" && one.Is("write"), wait);
            if (start < 0 || end < 0)
                continue;
            long vma = trace.All[attempt.Events[start]].Number("vma");
            for (int i = attempt.Events[wait]; i < attempt.Events[end]; i++)
            {
                var one = trace.All[i];
                if (one.Pid != attempt.Pid && one.Name == "lvma_r" && one.Number("vma") == vma)
                    yield return new BrokenInvariant(attempt, one, $"{one.Task} gets the VMA's lock that the collapser has for writing "
                        + $"since time {trace.All[attempt.Events[wait]].Time}");
            }
        }
    }

    private static CollapseAttempt? AttemptOf(IReadOnlyList<CollapseAttempt> attempts, RaceTrace trace, TraceEvent one) =>
        attempts.FirstOrDefault(each => each.Pid == one.Pid && trace.All[each.First].Time <= one.Time
            && one.Time <= trace.All[each.Last].Time);
}
