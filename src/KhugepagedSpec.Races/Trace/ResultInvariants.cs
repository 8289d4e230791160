namespace KhugepagedSpec.Races.Trace;

/// <summary>What an attempt says of itself agrees with what it was seen to do.</summary>
internal static class ResultInvariants
{
    // SCAN_SUCCEED; the numbers of the others differ between versions.
    private const long Succeeded = 1;

    private const string SucceededName = "succeeded";

    public static IEnumerable<BrokenInvariant> ResultsAgree(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        foreach (var attempt in attempts)
        {
            var events = attempt.Events.Select(i => trace.All[i]).ToList();
            var end = events[^1];
            long result = end.Number("result");
            bool succeeds = result == Succeeded;
            if (attempt.Status(trace) is { } status && status == SucceededName != succeeds)
                yield return new BrokenInvariant(attempt, end, $"the tracepoint says {status}, the attempt returns {result}");
            var failed = events.FirstOrDefault(one => one.Name is "reval_r" or "pmdchk" && one.Number("result") != Succeeded);
            if (failed is not null && failed.Number("result") != result)
                yield return new BrokenInvariant(attempt, end,
                    $"{failed.Name} says {failed.Number("result")}, the attempt returns {result}");
            if (failed is not null && events.Find(one => one.Name == "pcf_r" && one.Time > failed.Time) is { } clear)
                yield return new BrokenInvariant(attempt, clear,
                    $"the PMD entry is emptied behind {failed.Name} {failed.Number("result")}");
            bool isFilled = events.Any(one => one.Name is "pmdpop" or "mappmd");
            if (succeeds != isFilled)
                yield return new BrokenInvariant(attempt, end,
                    succeeds ? "the attempt succeeds, and nothing was mapped"
                        : $"the new folio was mapped, and the attempt returns {result}");
            var isolated = events.Find(one => one.Name == "mm_collapse_huge_page_isolate");
            if (isolated?.Value("status") is { } said && said != SucceededName && attempt.Status(trace) is { } whole && whole != said)
                yield return new BrokenInvariant(attempt, end, $"isolation says {said}, the attempt {whole}");
        }
    }

    public static IEnumerable<BrokenInvariant> IsolationCounts(RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        foreach (var attempt in attempts)
        {
            var events = attempt.Events.Select(i => trace.All[i]).ToList();
            if (events.Find(one => one.Name == "mm_collapse_huge_page_isolate") is not { } end || end.Value("status") != SucceededName)
                continue;
            int looked = events.Count(one => one.Name == "iso");
            int empty = events.Count(one => one.Name == "iso" && PteValue.Of(one.Number("pte")) is PteSeen.None or PteSeen.Zero);
            if (looked != 1 << attempt.Order)
                yield return new BrokenInvariant(attempt, end,
                    $"isolation succeeds having looked at {looked} entries of {1 << attempt.Order}");
            if (end.Number("none_or_zero") != empty)
                yield return new BrokenInvariant(attempt, end,
                    $"isolation counts {end.Number("none_or_zero")} empty entries, and saw {empty}");
        }
    }
}
