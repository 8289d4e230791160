namespace KhugepagedSpec.Races.Trace;

/// <summary>What holds while a PMD entry is empty because an attempt took the table out.</summary>
internal static class PmdInvariants
{
    // The direct map begins at a multiple of 1 GiB, so these bits of a table's page are the same in the PMD entry and in pointers to it.
    private const long TableBits = 0x3ffff000;

    /// <summary>The table is out from the return of pmdp_collapse_flush to the call that fills the PMD entry.</summary>
    private sealed record Gap(CollapseAttempt Attempt, int From, int? To, long Table);

    private static IEnumerable<Gap> Gaps(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        foreach (var attempt in attempts)
            for (int i = 0; i < attempt.Events.Length; i++)
            {
                var clear = trace.All[attempt.Events[i]];
                if (clear.Name != "pcf_r")
                    continue;
                int fill = attempt.Find(trace, one => one.Name is "pmdpop" or "pmdback" or "mappmd", i);
                int drop = attempt.Find(trace, IsWriteUnlock, i);
                bool isFilled = fill >= 0 && (drop < 0 || fill < drop);
                yield return new Gap(attempt, attempt.Events[i], isFilled ? attempt.Events[fill] : null, clear.Number("old"));
            }
    }

    private static bool IsWriteUnlock(TraceEvent one) => one.Name == "mmap_lock_released" && one.Is("write");

    public static IEnumerable<BrokenInvariant> ClearsAreFilled(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts) =>
        Gaps(trace, attempts).Where(gap => gap.To is null)
            .Select(gap => new BrokenInvariant(gap.Attempt, trace.All[gap.From], "the PMD entry that is emptied here is not filled again"));

    public static IEnumerable<BrokenInvariant> NobodyElseWhileOut(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        foreach (var (gap, one) in Others(trace, attempts))
            if (AddressOf(one) is { } address && gap.Attempt.PmdRange.Contains(address))
                yield return new BrokenInvariant(gap.Attempt, one,
                    $"{one.Task} changes the PTE of 0x{address:x} in a table that was taken out at time {trace.All[gap.From].Time}");
    }

    public static IEnumerable<BrokenInvariant> NoLockInDetachedTable(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        foreach (var (gap, one) in Others(trace, attempts))
            if (one.Name == "poml_r" && one.Number("ptep") is not 0 and var ptep && (ptep & TableBits) == (gap.Table & TableBits))
                yield return new BrokenInvariant(gap.Attempt, one,
                    $"{one.Task} locks a table that was taken out at time {trace.All[gap.From].Time}");
    }

    // Who collapses works on the tables of the attempt, whosever they are.
    private static IEnumerable<(Gap Gap, TraceEvent Event)> Others(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        return from gap in Gaps(trace, attempts)
               where gap.To is not null
               let elsewhere = attempts.Where(other => other.Pid != gap.Attempt.Pid && other.Mm != gap.Attempt.Mm
                   && other.Events[0] <= gap.To && other.Last >= gap.From).ToList()
               from i in Enumerable.Range(gap.From, gap.To!.Value - gap.From)
               where trace.All[i].Pid != gap.Attempt.Pid && IsOf(trace, gap.Attempt, trace.All[i].Pid)
                   && !elsewhere.Exists(other => other.Pid == trace.All[i].Pid && other.Events[0] <= i && i <= other.Last)
               select (gap, trace.All[i]);
    }

    private static bool IsOf(RaceTrace trace, CollapseAttempt attempt, int pid) =>
        trace.Spaces.Of(pid) is not { } mm || attempt.Mm is not { } its || mm == its;

    private static long? AddressOf(TraceEvent one) => one.Name switch
    {
        "mappte" or "newrm" => one.Number("addr"),
        "rmrm" => one.Number("idx") * CollapseAttempt.PageSize,
        _ => null,
    };
}
