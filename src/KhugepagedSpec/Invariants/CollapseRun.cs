using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Invariants;

/// <summary>
/// One pass over one PMD range, as a model or a real kernel did it: what invariants judge. What was not observed is null.
/// </summary>
public sealed record CollapseRun
{
    /// <summary>The machine it was on.</summary>
    public MachineType Machine { get; init; } = MachineType.X86;

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

    /// <summary>The visit ended with the mmap lock held; null if that was not observed.</summary>
    public bool? LeftLocked { get; init; }

    /// <summary>The index of the first attempt that found the VMA armed by userfaultfd under the write lock; null if none did.</summary>
    public int? ArmedFrom { get; init; }

    /// <summary>What others changed in the gaps of the attempts.</summary>
    public ImmutableArray<ChangeByOthers> Changes { get; init; } = [];

    /// <summary>Something went wrong on purpose, so that what should have worked may not have.</summary>
    public bool HadFaults { get; init; }

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
        bool changesBetween = scenario.Faults.Any(fault => fault.When == Gap.BetweenPasses);
        for (int pass = 0; pass < passes; pass++)
        {
            if (changesBetween)
            {
                running.BetweenPasses();
                (before, contents) = (running.Table, Contents(running));
            }
            var (settings, vma) = (running.Machine.Settings, running.Vma);
            var run = running.Pass();
            // A VMA may reach into other ranges.
            var table = run.Report.Tables.FirstOrDefault(one => one.Mm == running.Process.Id && one.Start == 0);
            var now = Contents(running);
            runs.Add(new CollapseRun
            {
                Machine = scenario.Machine,
                Settings = settings,
                Kind = scenario.Kind,
                Vma = vma,
                Enabled = table?.Scan.Enabled ?? OrderSet.Empty,
                Before = before,
                After = run.After,
                Status = table?.Status,
                Attempts = table is null ? [] : [.. table.Attempts],
                Added = run.Report.Added,
                LeftTheTable = table?.LeftTheTable ?? false,
                LeftLocked = table?.LeftLocked ?? false,
                ArmedFrom = table?.ArmedFrom,
                Changes = table is null || table.Changes.Count == 0 ? [] : [.. table.Changes],
                HadFaults = !scenario.Faults.IsEmpty,
                FirstContentsLost = FirstLost(contents, now, table?.Changes),
            });
            (before, contents) = (run.After, now);
        }
        return new History(runs.MoveToImmutable(), scenario, version);
    }

    // What others did to a page is not collapse's loss.
    private static int FirstLost(long[] before, long[] after, List<ChangeByOthers>? changes)
    {
        int same = before.AsSpan().CommonPrefixLength(after);
        if (same == before.Length || changes is null || changes.Count == 0)
            return same == before.Length ? -1 : same;
        var changed = changes.Select(change => change.Index).ToHashSet();
        for (; same < before.Length; same++)
            if (before[same] != after[same] && !changed.Contains(same))
                return same;
        return -1;
    }

    private static long[] Contents(RunningScenario running)
    {
        var contents = new long[running.Machine.Geometry.Pages];
        for (int page = 0; page < contents.Length; page++)
            contents[page] = TableImage.ReadContents(running.Machine, running.Process, page);
        return contents;
    }
}
