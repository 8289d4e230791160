using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Guests.Race;

/// <summary>
/// What a trace visited, counted line by line: who acted between which two steps of an attempt to collapse, and what attempts came
/// to. An actor acts where an event of its thread lies; it may have begun before, and events are ordered no better than their probes
/// stand from what they observe.
/// </summary>
public sealed class RaceCoverage
{
    /// <summary>Who is not of the recording's threads: the children of fork.</summary>
    private const string Child = "fork", First = "chp", Last = "chp_r", Ends = "mm_collapse_huge_page", Scanned = "mm_khugepaged_scan_pmd",
        Unknown = "?";

    /// <summary>The probes in collapse_huge_page, as it comes to them.</summary>
    public static ImmutableArray<string> InOrder { get; } =
    [
        First, "reval", "reval_r", "vsw", "vsw_r", "pmdchk", "anonw", "anonw_r", "pcf", "pcf_r", "sync", "sync_r", "isoptl", "iso",
        "isolru", "rel", "pmdback", "copy", "relsrc", "pmdpop", "mappte", "mappmd", Last,
    ];

    private static readonly HashSet<string> Steps = new(InOrder, StringComparer.Ordinal);

    private readonly Dictionary<int, string> _roles;
    private readonly Dictionary<int, Attempt> _running = [];
    private readonly Dictionary<string, long> _events = new(StringComparer.Ordinal);
    private readonly Dictionary<(string From, string To), Dictionary<string, long>> _gaps = [];
    private readonly Dictionary<(string From, string To), long> _passed = [];
    private readonly Dictionary<string, long> _scans = new(StringComparer.Ordinal);
    private readonly HashSet<int> _attempted = [];
    private readonly Dictionary<string, (long All, long WithCompany, Dictionary<string, long> By)> _results = new(StringComparer.Ordinal);

    /// <summary>Nothing yet.</summary>
    /// <param name="roles">Who a thread is.</param>
    public RaceCoverage(IEnumerable<(string Role, int Thread)> roles) =>
        _roles = roles.ToDictionary(one => one.Thread, one => one.Role);

    /// <summary>Events by actor; khugepaged's own as well.</summary>
    public IReadOnlyDictionary<string, long> Events => _events;

    /// <summary>How often an attempt went from one step to the next.</summary>
    public IReadOnlyDictionary<(string From, string To), long> Passed => _passed;

    /// <summary>In how many of these who acted meanwhile.</summary>
    public IReadOnlyDictionary<(string From, string To), Dictionary<string, long>> Gaps => _gaps;

    /// <summary>By result as the kernel prints it: attempts, those during which somebody acted, and who did in how many.</summary>
    public IReadOnlyDictionary<string, (long All, long WithCompany, Dictionary<string, long> By)> Results => _results;

    /// <summary>By result as the kernel prints it: scans of a range that led to no attempt.</summary>
    public IReadOnlyDictionary<string, long> Scans => _scans;

    /// <summary>Attempts that began and ended in the trace.</summary>
    public long Attempts => _results.Values.Sum(result => result.All);

    /// <summary>Attempts during which another actor did something.</summary>
    public long WithCompany => _results.Values.Sum(result => result.WithCompany);

    /// <summary>Counts one line of ftrace; one that is no event is left out.</summary>
    public void Count(string line)
    {
        if (TraceEvent.Read(line, 0, out _) is not { } one)
            return;
        var (thread, name) = (one.Pid, one.Name);
        string role = _roles.GetValueOrDefault(thread, Child);
        _events[role] = _events.GetValueOrDefault(role) + 1;
        foreach (var (other, attempt) in _running)
            if (other != thread)
                attempt.Company.Add(role);
        if (Steps.Contains(name))
            Step(thread, name);
        else if (name == Ends && _running.GetValueOrDefault(thread) is { } ending)
            ending.Result = one.Value("status") ?? Unknown;
        else if (name == Scanned && !_attempted.Remove(thread))
            _scans[one.Value("status") ?? Unknown] = _scans.GetValueOrDefault(one.Value("status") ?? Unknown) + 1;
    }

    private void Step(int thread, string name)
    {
        if (name == First)
        {
            _running[thread] = new Attempt();
            _attempted.Add(thread);
            return;
        }
        if (!_running.TryGetValue(thread, out var attempt))
            return;
        var gap = (attempt.Last, name);
        _passed[gap] = _passed.GetValueOrDefault(gap) + 1;
        if (!_gaps.TryGetValue(gap, out var by))
            _gaps[gap] = by = new Dictionary<string, long>(StringComparer.Ordinal);
        AddOne(by, attempt.Company);
        attempt.All.UnionWith(attempt.Company);
        attempt.Company.Clear();
        attempt.Last = name;
        if (name == Last)
            End(thread, attempt);
    }

    private void End(int thread, Attempt attempt)
    {
        _running.Remove(thread);
        var (all, withCompany, by) = _results.GetValueOrDefault(
            attempt.Result, (0, 0, new Dictionary<string, long>(StringComparer.Ordinal)));
        AddOne(by, attempt.All);
        _results[attempt.Result] = (all + 1, withCompany + (attempt.All.Count > 0 ? 1 : 0), by);
    }

    private static void AddOne(Dictionary<string, long> counts, IEnumerable<string> who)
    {
        foreach (string one in who)
            counts[one] = counts.GetValueOrDefault(one) + 1;
    }

    private sealed class Attempt
    {
        public string Last = First, Result = Unknown;
        public HashSet<string> Company { get; } = new(StringComparer.Ordinal);
        public HashSet<string> All { get; } = new(StringComparer.Ordinal);
    }
}
