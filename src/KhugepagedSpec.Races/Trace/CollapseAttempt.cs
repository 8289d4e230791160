using System.Collections.Immutable;

namespace KhugepagedSpec.Races.Trace;

/// <summary>One attempt of a recorded race: <c>collapse_huge_page</c> from its entry to its return, and who was there meanwhile.</summary>
/// <param name="Number">Which, from 1.</param>
/// <param name="Pid">Who collapses.</param>
/// <param name="Address">The window, in bytes.</param>
/// <param name="Order">Its order.</param>
/// <param name="Events">The collapser's events, as indexes into the trace, entry and return included.</param>
/// <param name="Beside">What other tasks do meanwhile, and what overlaps that at the beginning, by the first event.</param>
public sealed record CollapseAttempt(int Number, int Pid, long Address, int Order, ImmutableArray<int> Events,
    ImmutableArray<Operation> Beside)
{
    internal const long PmdSize = 2 << 20, PageSize = 4096;

    /// <summary>Its first event.</summary>
    public int First => Events[0];

    /// <summary>Its last event.</summary>
    public int Last => Events[^1];

    /// <summary>Where the PMD range begins, in bytes.</summary>
    public long Range => Address & -PmdSize;

    /// <summary>Operations on the same PMD range that overlap it.</summary>
    public IEnumerable<Operation> Company => Beside.Where(one => one.Last >= First && one.IsIn(Range, PmdSize));

    /// <summary>The page of the window that an address is in; null if it is outside.</summary>
    public int? PageOf(long address)
    {
        long page = (address - Address) / PageSize;
        return address >= Address && page < 1L << Order ? (int)page : null;
    }

    /// <summary>Its first event of a kind, from one of its events on, as an index into <see cref="Events"/>; negative if there is
    /// none.</summary>
    public int Find(RaceTrace trace, Func<TraceEvent, bool> isOne, int from = 0)
    {
        for (int i = from; i < Events.Length; i++)
            if (isOne(trace.All[Events[i]]))
                return i;
        return -1;
    }

    /// <summary>How it ended, as the tracepoint names it; null if it does not say.</summary>
    public string? Status(RaceTrace trace) =>
        Events.Select(i => trace.All[i]).LastOrDefault(one => one.Name == "mm_collapse_huge_page")?.Value("status");

    /// <summary>Cuts a trace; an attempt whose beginning or end is not there is left out.</summary>
    public static ImmutableArray<CollapseAttempt> Of(RaceTrace trace)
    {
        var pids = trace.All.Where(one => one.Name == "chp").Select(one => one.Pid).ToHashSet();
        // Beside are those that only race; who collapses too is seen in its own attempts.
        var operations = Operations.Of(trace, pids).OrderBy(one => one.First).ToList();
        int longest = operations.Count == 0 ? 0 : operations.Max(one => one.Last - one.First);
        var found = ImmutableArray.CreateBuilder<CollapseAttempt>();
        var open = new Dictionary<int, List<int>>();
        for (int i = 0; i < trace.All.Length; i++)
        {
            var one = trace.All[i];
            if (one.Name == "chp")
                open[one.Pid] = [];
            if (!open.TryGetValue(one.Pid, out var events))
                continue;
            events.Add(i);
            if (one.Name != "chp_r")
                continue;
            open.Remove(one.Pid);
            var entry = trace.All[events[0]];
            found.Add(new CollapseAttempt(found.Count + 1, one.Pid, entry.Number("addr"), (int)entry.Number("order"), [.. events],
                [.. MetBy(operations, longest, events[0], i)]));
        }
        return found.ToImmutable();
    }

    // Who is in the middle of something when the attempt begins has met others before.
    private static IEnumerable<Operation> MetBy(List<Operation> operations, int longest, int first, int last)
    {
        int from = Overlapping(operations, longest, first, last).Select(one => one.Held ?? first).Append(first).Min();
        return Overlapping(operations, longest, from, last);
    }

    private static IEnumerable<Operation> Overlapping(List<Operation> operations, int longest, int first, int last)
    {
        int low = 0, high = operations.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = operations[middle].First < first - longest ? (middle + 1, high) : (low, middle);
        }
        for (int i = low; i < operations.Count && operations[i].First <= last; i++)
            if (operations[i].Last >= first)
                yield return operations[i];
    }
}
