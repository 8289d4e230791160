using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Invariants;

/// <summary>
/// One pass over one PMD range, as a model or a real kernel did it: what invariants judge. What was not observed is null.
/// </summary>
public sealed record CollapseRun
{
    /// <summary>The sysfs settings.</summary>
    public required ThpSettings Settings { get; init; }

    /// <summary>Who collapsed.</summary>
    public required CollapseKind Kind { get; init; }

    /// <summary>The VMA.</summary>
    public required Vma Vma { get; init; }

    /// <summary>The orders allowed.</summary>
    public required OrderSet Enabled { get; init; }

    /// <summary>The table before.</summary>
    public required PageTable Before { get; init; }

    /// <summary>The table after.</summary>
    public required PageTable After { get; init; }

    /// <summary>The visit's result; null if the range was not visited.</summary>
    public ScanResult? Status { get; init; }

    /// <summary>The calls of collapse_huge_page, in order.</summary>
    public required ImmutableArray<Attempt> Attempts { get; init; }

    /// <summary>What the counters grew by.</summary>
    public Statistics? Added { get; init; }

    /// <summary>vmstat's counters were read too, not only the per-size ones.</summary>
    public bool ReadVmstat { get; init; } = true;

    /// <summary>The walk came to a window outside the table.</summary>
    public bool LeftTheTable { get; init; }

    /// <summary>Something went wrong on purpose, so that what should have worked may not have.</summary>
    public bool HadMishaps { get; init; }

    /// <summary>The first PTE whose contents changed, -1 if none did.</summary>
    public int? FirstContentsLost { get; init; }

    /// <summary>The windows that were collapsed.</summary>
    public IEnumerable<Attempt> Collapsed => Attempts.Where(attempt => attempt.Status == ScanResult.Succeed);

    /// <summary>The geometry of the table.</summary>
    public Geometry Geometry => Settings.Geometry;

    /// <summary>Some attempt brought pages back from swap.</summary>
    public bool SwappedIn => Attempts.Any(attempt => attempt.Swapin is { SwappedIn: > 0 });
}

/// <summary>Passes over one PMD range with nothing else happening in between.</summary>
/// <param name="Runs">The passes, in order; at least one.</param>
/// <param name="Scenario">For a model: what it was given.</param>
/// <param name="Version">For a model: which one.</param>
public sealed record History(ImmutableArray<CollapseRun> Runs, Scenario? Scenario = null, KhugepagedVersion? Version = null)
{
    /// <summary>Lets a model run <paramref name="scenario"/>.</summary>
    public static History Of(Scenario scenario, KhugepagedVersion version, int passes)
    {
        var running = new RunningScenario(scenario, version);
        var runs = ImmutableArray.CreateBuilder<CollapseRun>(passes);
        var before = running.Table;
        var contents = Contents(running);
        for (int pass = 0; pass < passes; pass++)
        {
            var run = running.Pass();
            var table = run.Report.Tables.Count > 0 ? run.Report.Tables[0] : null;
            var now = Contents(running);
            runs.Add(new CollapseRun
            {
                Settings = scenario.Settings,
                Kind = scenario.Kind,
                Vma = running.Vma,
                Enabled = table?.Scan.Enabled ?? OrderSet.Empty,
                Before = before,
                After = run.After,
                Status = table?.Status,
                Attempts = table is null ? [] : [.. table.Attempts],
                Added = run.Report.Added,
                LeftTheTable = table?.LeftTheTable ?? false,
                HadMishaps = !scenario.Mishaps.IsEmpty,
                FirstContentsLost = FirstDifference(contents, now),
            });
            (before, contents) = (run.After, now);
        }
        return new History(runs.MoveToImmutable(), scenario, version);
    }

    private static int FirstDifference(long[] before, long[] after)
    {
        int same = before.AsSpan().CommonPrefixLength(after);
        return same == before.Length ? -1 : same;
    }

    private static long[] Contents(RunningScenario running)
    {
        var contents = new long[running.Machine.Geometry.Pages];
        for (int page = 0; page < contents.Length; page++)
            contents[page] = TableImage.ReadContents(running.Machine, running.Process, page);
        return contents;
    }
}
