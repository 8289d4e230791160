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

    private const int MostRounds = 64;

    /// <summary>The PMD order of x86-64.</summary>
    public const int PmdOrder = 9;

    /// <summary>Its first event.</summary>
    public int First => Events[0];

    /// <summary>Its last event.</summary>
    public int Last => Events[^1];

    /// <summary>The window's addresses.</summary>
    public AddressRange Window => new(Address, PageSize << Order);

    /// <summary>Those of its PMD range.</summary>
    public AddressRange PmdRange => PmdRangeOf(Address);

    /// <summary>Whose page tables it works on, as the kernel's pointer; null if it does not say.</summary>
    public long? Mm { get; init; }

    /// <summary>It is khugepaged's, not that of MADV_COLLAPSE.</summary>
    public bool IsDaemons { get; init; } = true;

    /// <summary>The chain of those who met each other before it has no beginning within what was looked at.</summary>
    public bool HasEndlessPast { get; init; }

    /// <summary>Operations on the same PMD range of the same tables that overlap it.</summary>
    public IEnumerable<Operation> Company => Beside.Where(one => one.Last >= First && IsAbout(one, Mm, PmdRange));

    /// <summary>The page of the window that an address is in; null if it is outside.</summary>
    public int? PageOf(long address)
    {
        long page = (address - Address) / PageSize;
        return address >= Address && page < 1L << Order ? (int)page : null;
    }

    /// <summary>The address of a page of the window.</summary>
    public long AddressOf(int page) => Address + (page * PageSize);

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
        var operations = Operations.Of(trace).OrderBy(one => one.First).ToList();
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
            found.Add(Make(trace, found.Count + 1, [.. events], operations, longest));
        }
        return found.ToImmutable();
    }

    private static CollapseAttempt Make(RaceTrace trace, int number, ImmutableArray<int> events, List<Operation> operations, int longest)
    {
        var entry = trace.All[events[0]];
        int pid = entry.Pid;
        long? mm = entry.Value("mm") is null ? null : entry.Number("mm");
        long address = entry.Number("addr");
        var (beside, isCut) = MetBy(operations, longest, events[0], events[^1],
            one => one.Pid != pid && IsAbout(one, mm, PmdRangeOf(address)));
        return new CollapseAttempt(number, pid, address, (int)entry.Number("order"), events, [.. beside.Where(one => one.Pid != pid)])
        {
            Mm = mm,
            HasEndlessPast = isCut,
            IsDaemons = trace.Threads.GetValueOrDefault(pid, AddressSpaces.Daemon) == AddressSpaces.Daemon,
        };
    }

    private static AddressRange PmdRangeOf(long address) => new(address & -PmdSize, PmdSize);

    private static bool IsAbout(Operation one, long? mm, AddressRange range) => one.IsOf(mm)
        && (one.IsIn(range) || one.Kind is OperationKind.Exclusive or OperationKind.Fork or OperationKind.Collapse);

    // Who is in the middle of something when the attempt begins has met others before, and they have; where they changed the range, the
    // order in which they did so matters. A collapse before has the mmap lock for writing, so that the chain ends there at the latest.
    private static (IEnumerable<Operation> Met, bool IsCut) MetBy(List<Operation> operations, int longest, int first, int last,
        Func<Operation, bool> matters)
    {
        for (int from = first, round = 0; ; round++)
        {
            var met = Overlapping(operations, longest, from, last);
            int before = met.Where(matters).Select(one => one.Held ?? from).Append(from).Min();
            if (before == from || round == MostRounds)
                return (met, before < from);
            from = before;
        }
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
