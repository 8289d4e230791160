using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Checking;

/// <summary>One line of a run.</summary>
/// <param name="Text">What happened.</param>
/// <param name="Table">The table as it was last looked at: before the pass, or after it.</param>
/// <param name="Attempt">The attempt that the line is about, if it is about one on this table.</param>
public sealed record RunLine(string Text, PageTable Table, Attempt? Attempt = null);

/// <summary>Two runs of one scenario, step by step.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="First">What the first version did, a line a step.</param>
/// <param name="Second">What the second version did.</param>
/// <param name="DiffersAt">The first step that differs.</param>
public sealed record Difference(Scenario Scenario, ImmutableArray<RunLine> First, ImmutableArray<RunLine> Second, int DiffersAt);

/// <summary>What a search for a difference came to.</summary>
/// <param name="Difference">The smallest found; null if there is none within the bound.</param>
/// <param name="Scenarios">Scenarios tried.</param>
/// <param name="Bound">What was searched, in words.</param>
public sealed record DiffReport(Difference? Difference, int Scenarios, string Bound);

/// <summary>Where two versions part.</summary>
public static class VersionDiff
{
    private const int Passes = 2;

    /// <summary>Runs one scenario on both.</summary>
    /// <returns>The two runs, or null if they are the same.</returns>
    public static Difference? On(Scenario scenario, KhugepagedVersion first, KhugepagedVersion second)
    {
        var (ours, theirs) = (scenario.Run(first, Passes), scenario.Run(second, Passes));
        if (AreSame(ours, theirs))
            return null;
        var (a, b) = (Lines(scenario.Table, ours), Lines(scenario.Table, theirs));
        return new Difference(scenario, a, b, a.Zip(b).TakeWhile(pair => pair.First.Text == pair.Second.Text).Count());
    }

    /// <summary>
    /// Looks for the smallest scenario that tells two versions apart: every one of the small geometries, smallest first; failing
    /// that, random ones at the real size, shrunk.
    /// </summary>
    /// <param name="first">One version.</param>
    /// <param name="second">The other.</param>
    /// <param name="tell">Told from time to time how many scenarios were tried.</param>
    public static DiffReport Search(KhugepagedVersion first, KhugepagedVersion second, Action<int>? tell = null)
    {
        const int random = 10_000;
        int tried = 0;
        foreach (var scenario in SmallScenarios.All())
        {
            if (++tried % 1000 == 0)
                tell?.Invoke(tried);
            if (On(scenario, first, second) is { } difference)
            {
                var small = Shrinker.Shrink(difference.Scenario, candidate => On(candidate, first, second) is not null);
                return new DiffReport(On(small, first, second), tried, SmallScenarios.Bound);
            }
        }
        foreach (var scenario in ScenarioGenerator.Random(1, Geometry.X86).Take(random))
        {
            tried++;
            if (On(scenario, first, second) is null)
                continue;
            var small = Shrinker.Shrink(scenario, candidate => On(candidate, first, second) is not null);
            return new DiffReport(On(small, first, second), tried, "random scenarios at the real size");
        }
        return new DiffReport(null, tried, $"{SmallScenarios.Bound}; {random} random ones at the real size");
    }

    /// <summary>The two runs of one scenario are the same: scans, attempts, results, counters and tables.</summary>
    public static bool AreSame(ImmutableArray<PassRun> ours, ImmutableArray<PassRun> theirs)
    {
        for (int pass = 0; pass < ours.Length; pass++)
        {
            var (a, b) = (ours[pass], theirs[pass]);
            if (a.Report.Tables.Count != b.Report.Tables.Count || a.Madvise?.Errno != b.Madvise?.Errno
                || !a.Report.Added.SizesEqual(b.Report.Added) || a.Report.Added.PagesCollapsed != b.Report.Added.PagesCollapsed
                || !a.After.Equals(b.After))
            {
                return false;
            }
            for (int i = 0; i < a.Report.Tables.Count; i++)
                if (a.Report.Tables[i].Status != b.Report.Tables[i].Status || a.Report.Tables[i].Scan.Result != b.Report.Tables[i].Scan.Result
                    || !a.Report.Tables[i].Attempts.SequenceEqual(b.Report.Tables[i].Attempts))
                {
                    return false;
                }
        }
        return true;
    }

    private static ImmutableArray<RunLine> Lines(PageTable before, ImmutableArray<PassRun> runs)
    {
        var lines = ImmutableArray.CreateBuilder<RunLine>();
        var now = before;
        for (int pass = 0; pass < runs.Length; pass++)
        {
            var run = runs[pass];
            Add(string.Create(CultureInfo.InvariantCulture, $"pass {pass + 1}"));
            if (run.Report.Tables.Count == 0)
                Add("not scanned");
            foreach (var table in run.Report.Tables)
            {
                Add($"scan {table.Scan.Result.TraceName()}");
                foreach (var attempt in table.Attempts)
                    Add(attempt.ToString(), table.Start == 0 ? attempt : null);
                if (table.LeftTheTable)
                    Add("leaves the table");
                Add($"result {table.Status.TraceName()}");
            }
            if (run.Madvise is { } madvise)
                Add($"returns {madvise.Return} {madvise.Errno}");
            now = run.After;
            Add($"table {run.After}");
            Add($"counts {string.Join(' ', run.Report.Added.Sizes().Select(Count))}".TrimEnd());
        }
        return lines.ToImmutable();

        void Add(string text, Attempt? attempt = null) => lines.Add(new RunLine(text, now, attempt));

        static string Count((string Name, int Order, long Value) entry) =>
            string.Create(CultureInfo.InvariantCulture, $"{entry.Name.Replace("collapse_", "", StringComparison.Ordinal)}.{entry.Order}={entry.Value}");
    }
}
