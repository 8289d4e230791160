using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking;

/// <summary>One line of a run.</summary>
/// <param name="Text">What happened.</param>
/// <param name="Table">The table as it was last looked at: before the pass, or after it.</param>
/// <param name="Step">What kind of step it is, with its result and without figures.</param>
/// <param name="Place">Where it stands in a run, whatever comes of it: the pass, what is done, and of an attempt offset and order.</param>
/// <param name="Attempt">The attempt that the line is about, if it is about one on this table.</param>
public sealed record RunLine(string Text, PageTable Table, string Step, string Place, Attempt? Attempt = null);

/// <summary>Two runs of one scenario, step by step.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="First">What the first version did, a line a step.</param>
/// <param name="Second">What the second version did.</param>
/// <param name="DiffersAt">The first step that differs.</param>
/// <param name="FirstCost">What the first version gained and spent.</param>
/// <param name="SecondCost">What the second version did.</param>
public sealed record Difference(Scenario Scenario, ImmutableArray<RunLine> First, ImmutableArray<RunLine> Second, int DiffersAt,
    CostSurvey FirstCost, CostSurvey SecondCost)
{
    /// <summary>The lines of both, those of one place beside each other.</summary>
    public ImmutableArray<(RunLine? First, RunLine? Second)> Rows => RunRows.Of(First, Second);
}

/// <summary>What a search for a difference came to.</summary>
/// <param name="Difference">The smallest found; null if there is none within the bound.</param>
/// <param name="Scenarios">Scenarios tried.</param>
/// <param name="Bound">What was searched, in words.</param>
public sealed record DiffReport(Difference? Difference, int Scenarios, string Bound);

/// <summary>Where two versions part.</summary>
public static class VersionDiff
{
    /// <summary>Passes of each run.</summary>
    public const int Passes = 2;

    /// <summary>Runs one scenario on both.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="first">One version.</param>
    /// <param name="second">The other.</param>
    /// <param name="kinds">What counts as a difference.</param>
    /// <returns>The two runs, or null if they are the same.</returns>
    public static Difference? On(
        Scenario scenario, KhugepagedVersion first, KhugepagedVersion second, DifferenceIn kinds = DifferenceIn.Behaviour)
    {
        bool traced = kinds.HasFlag(DifferenceIn.Trace);
        var (ours, theirs) = (scenario.Run(first, Passes, traced), scenario.Run(second, Passes, traced));
        if ((In(ours, theirs, first.Trace, second.Trace) & kinds) == 0)
            return null;
        var (a, b) = (Lines(scenario.Table, ours, kinds, first.Trace), Lines(scenario.Table, theirs, kinds, second.Trace));
        return new Difference(scenario, a, b, a.Zip(b).TakeWhile(pair => pair.First.Text == pair.Second.Text).Count(),
            Cost(ours), Cost(theirs));
    }

    /// <summary>
    /// Looks for the smallest scenario that tells two versions apart: every one of the small geometries, smallest first; failing
    /// that, random ones at the real size, shrunk.
    /// </summary>
    /// <param name="first">One version.</param>
    /// <param name="second">The other.</param>
    /// <param name="scope">What to look for, and under which settings; null for all.</param>
    /// <param name="tell">Told from time to time how many scenarios were tried.</param>
    public static DiffReport Search(KhugepagedVersion first, KhugepagedVersion second, DiffScope? scope = null, Action<int>? tell = null)
    {
        const int random = 10_000;
        scope ??= DiffScope.All;
        int tried = 0;
        foreach (var scenario in scope.Scenarios(random))
        {
            if (++tried % 1000 == 0)
                tell?.Invoke(tried);
            if (On(scenario, first, second, scope.In) is null)
                continue;
            var shrunk =
                Shrinker.Shrink(scenario, candidate => scope.Given.Has(candidate) && On(candidate, first, second, scope.In) is not null);
            bool isSmall = scenario.Table.Geometry != Geometry.X86;
            return new DiffReport(On(shrunk, first, second, scope.In), tried, isSmall ? SmallScenarios.Bound
                : "random scenarios at the real size");
        }
        return new DiffReport(null, tried, scope.Bound(random));
    }

    /// <summary>The two runs of one scenario are the same: scans, attempts, results, counters and tables.</summary>
    public static bool AreSame(ImmutableArray<PassRun> ours, ImmutableArray<PassRun> theirs) =>
        In(ours, theirs, null, null) == DifferenceIn.None;

    /// <summary>What differs on one scenario, of the kinds asked for.</summary>
    public static DifferenceIn In(Scenario scenario, KhugepagedVersion first, KhugepagedVersion second, DifferenceIn kinds)
    {
        bool traced = kinds.HasFlag(DifferenceIn.Trace);
        return kinds & In(scenario.Run(first, Passes, traced), scenario.Run(second, Passes, traced), first.Trace, second.Trace);
    }

    private static DifferenceIn In(ImmutableArray<PassRun> ours, ImmutableArray<PassRun> theirs, TraceText? ourText, TraceText? theirText)
    {
        var kinds = DifferenceIn.None;
        for (int pass = 0; pass < ours.Length; pass++)
        {
            var (a, b) = (ours[pass], theirs[pass]);
            if (!a.Report.Added.SizesEqual(b.Report.Added) || a.Report.Added.PagesCollapsed != b.Report.Added.PagesCollapsed)
                kinds |= DifferenceIn.Counters;
            if (!a.After.Equals(b.After))
                kinds |= DifferenceIn.Table;
            if (a.Madvise?.Errno != b.Madvise?.Errno)
                kinds |= DifferenceIn.Result;
            if (a.Report.Tables.Count != b.Report.Tables.Count)
                kinds |= DifferenceIn.Attempts | DifferenceIn.Result;
            foreach (var (x, y) in a.Report.Tables.Zip(b.Report.Tables))
            {
                if (x.Status != y.Status)
                    kinds |= DifferenceIn.Result;
                if (x.Scan.Result != y.Scan.Result || !x.Attempts.SequenceEqual(y.Attempts))
                    kinds |= DifferenceIn.Attempts;
            }
            if (ourText is not null && theirText is not null
                && !a.Trace.Select(line => line.Line(ourText)).SequenceEqual(b.Trace.Select(line => line.Line(theirText))))
                kinds |= DifferenceIn.Trace;
        }
        return kinds;
    }

    private static CostSurvey Cost(ImmutableArray<PassRun> runs) => CostSurvey.Of([.. runs.SelectMany(run => run.Report.Tables)]);

    // Of the kinds asked for; results and the pass they are of stand in any case.
    private static ImmutableArray<RunLine> Lines(PageTable before, ImmutableArray<PassRun> runs, DifferenceIn kinds, TraceText text)
    {
        var lines = ImmutableArray.CreateBuilder<RunLine>();
        var now = before;
        for (int pass = 0; pass < runs.Length; pass++)
        {
            var run = runs[pass];
            Add(DifferenceIn.Behaviour, string.Create(CultureInfo.InvariantCulture, $"pass {pass + 1}"), "pass", "");
            if (run.Report.Tables.Count == 0)
                Add(DifferenceIn.Attempts | DifferenceIn.Result, "not scanned", "not scanned", "scan 0");
            foreach (var table in run.Report.Tables)
            {
                var (scan, result) = (table.Scan.Result.TraceName(), table.Status.TraceName());
                Add(DifferenceIn.Attempts, $"scan {scan}", $"scan {scan}", $"scan {table.Start}");
                foreach (var attempt in table.Attempts)
                    Add(DifferenceIn.Attempts, attempt.ToString(), StepOf(attempt, before.Geometry),
                        $"attempt {table.Start} {attempt.Offset}/{attempt.Order}", table.Start == 0 ? attempt : null);
                if (table.LeftTheTable)
                    Add(DifferenceIn.Attempts, "leaves the table", "leaves the table", $"leaves {table.Start}");
                Add(DifferenceIn.Result, $"result {result}", $"result {result}", $"result {table.Start}");
            }
            if (run.Madvise is { } madvise)
                Add(DifferenceIn.Result, $"returns {madvise.Return} {madvise.Errno}", $"returns {madvise.Errno}", "returns");
            now = run.After;
            Add(DifferenceIn.Table, $"table {run.After}", "table", "table");
            Add(DifferenceIn.Counters, $"counts {string.Join(' ', run.Report.Added.Sizes().Select(Count))}".TrimEnd(), "counts", "counts");
            if (run.Report.Added.PagesCollapsed is var collapsed
                && collapsed != run.Report.Tables.Count(table => table.Status == ScanResult.Succeed))
                Add(DifferenceIn.Counters, string.Create(CultureInfo.InvariantCulture, $"pages_collapsed={collapsed}"), "pages_collapsed",
                    "pages_collapsed");
            if (kinds.HasFlag(DifferenceIn.Trace))
                foreach (var line in run.Trace)
                    Add(DifferenceIn.Trace, line.Line(text), $"trace {line.GetType().Name}", $"trace {line.GetType().Name}");

            void Add(DifferenceIn of, string says, string step, string place, Attempt? attempt = null)
            {
                if ((of & kinds) != 0)
                    lines.Add(new RunLine(says, now, step, $"pass {pass + 1} {place}", attempt));
            }
        }
        return lines.ToImmutable();

        static string Count((string Name, int Order, long Value) entry) =>
            string.Create(CultureInfo.InvariantCulture,
                $"{entry.Name.Replace("collapse_", "", StringComparison.Ordinal)}.{entry.Order}={entry.Value}");
    }

    private static string StepOf(Attempt attempt, Geometry geometry) =>
        $"{attempt.Status.TraceName()} {(attempt.Order == geometry.PmdOrder ? "at" : "below")} the PMD order";
}
