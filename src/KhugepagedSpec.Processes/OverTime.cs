using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>What became of the PMD ranges of processes that are in two captures; those that nobody had a page in are not counted.</summary>
/// <param name="Stayed">They look the same.</param>
/// <param name="Larger">More of their pages are in large folios.</param>
/// <param name="Smaller">Fewer are.</param>
/// <param name="Grew">More pages are there, otherwise.</param>
/// <param name="Shrank">Fewer are.</param>
/// <param name="Otherwise">As many pages, and other ones: swapped, shared, written to, lazily freed.</param>
/// <param name="Came">There was no page, and there are now.</param>
/// <param name="Gone">There were pages, and there are none.</param>
/// <param name="Unsure">They changed while they were read.</param>
public readonly record struct RangeChanges(
    long Stayed, long Larger, long Smaller, long Grew, long Shrank, long Otherwise, long Came, long Gone, long Unsure)
{
    /// <summary>All of them.</summary>
    public long All => Stayed + Larger + Smaller + Grew + Shrank + Otherwise + Came + Gone + Unsure;
}

/// <summary>What of a prediction came true.</summary>
/// <param name="Version">The khugepaged that predicted.</param>
/// <param name="Fit">Wake-ups that the time between the captures has room for; null for any number, without a sleep between them.</param>
/// <param name="Needed">Wake-ups that what was predicted takes.</param>
/// <param name="Predicted">Ranges that were to become something else, and did not change while they were read.</param>
/// <param name="CameTrue">Those that became just that.</param>
/// <param name="AsBefore">Those that stayed as they were.</param>
/// <param name="Otherwise">Those that became something else: the process worked on them, or the prediction is wrong.</param>
/// <param name="Unpredicted">Ranges beside them that have more pages in large folios.</param>
public sealed record PredictionCheck(
    string Version, long? Fit, long Needed, long Predicted, long CameTrue, long AsBefore, long Otherwise, long Unpredicted);

/// <summary>Two captures, one after the other.</summary>
/// <param name="From">The first.</param>
/// <param name="To">The second.</param>
/// <param name="Same">Processes in both.</param>
/// <param name="ProcessesCame">Processes in the second only.</param>
/// <param name="ProcessesGone">Processes in the first only.</param>
/// <param name="Changes">What became of the ranges of those in both.</param>
/// <param name="Prediction">What came true; null where the settings were not the same at both ends.</param>
public sealed record Interval(
    MachineCapture From, MachineCapture To, int Same, int ProcessesCame, int ProcessesGone, RangeChanges Changes,
    PredictionCheck? Prediction)
{
    /// <summary>Compares two captures.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The second.</param>
    /// <param name="version">The khugepaged that predicts.</param>
    public static Interval Of(MachineCapture from, MachineCapture to, KhugepagedVersion version)
    {
        var after = to.Processes.ToDictionary(Key);
        var pairs = from.Processes.Select((before, number) => (before, number, after: after.GetValueOrDefault(Key(before))))
            .Where(pair => pair.after is not null).Select(pair => new Pair(pair.before, pair.after!, pair.number)).ToList();
        var changes = new Counter();
        foreach (var pair in pairs)
            changes.Add(pair);
        var (settings, now) = (from.Processes[0].Head.Settings, to.Processes[0].Head.Settings);
        return new Interval(from, to, pairs.Count, to.Processes.Length - pairs.Count, from.Processes.Length - pairs.Count, changes.Sum,
            settings == now ? Check(from, to, pairs, version) : null);
    }

    // Settings that are the same at both ends are taken to be those in between. Ranges that changed while they were read say nothing.
    private static PredictionCheck Check(MachineCapture from, MachineCapture to, List<Pair> pairs, KhugepagedVersion version)
    {
        var settings = from.Processes[0].Head.Settings;
        double milliseconds = (to.Head.At - from.Head.At).TotalMilliseconds;
        long? fit = settings.ScanSleepMilliseconds == 0 ? null : (long)(milliseconds / settings.ScanSleepMilliseconds);
        var machine = new WhatIfMachine(from.Processes, version, settings);
        long needed = 0;
        for (int scans = 0; scans < WhatIfRun.MostScans && needed < (fit ?? long.MaxValue); scans++)
        {
            var scan = machine.Scan();
            if (!scan.Made.Any())
                break;
            needed += scan.WakeUps;
        }
        long cameTrue = 0, asBefore = 0, otherwise = 0, unpredicted = 0;
        foreach (var pair in pairs)
            foreach (var (start, before, after) in pair.Tables())
            {
                if (before is not { Changed: false } || after is { Changed: true })
                    continue;
                var (predicted, seen) = (machine.Table(start, pair.Number), after?.Table);
                if (SeenTable.IsSame(predicted, before.Table))
                    unpredicted += seen is not null && SeenTable.Large(seen) > SeenTable.Large(before.Table) ? 1 : 0;
                else if (seen is not null && SeenTable.IsSame(predicted, seen))
                    cameTrue++;
                else if (seen is not null && SeenTable.IsSame(before.Table, seen))
                    asBefore++;
                else
                    otherwise++;
            }
        return new PredictionCheck(version.Name, fit, needed, cameTrue + asBefore + otherwise, cameTrue, asBefore, otherwise, unpredicted);
    }

    private static (int, long, string) Key(ProcessCapture process) => (process.Head.Pid, process.Head.Started, process.Head.Command);

    private sealed record Pair(ProcessCapture Before, ProcessCapture After, int Number)
    {
        // Every range that has a page in one of the two.
        public IEnumerable<(long Start, CapturedRange? Before, CapturedRange? After)> Tables()
        {
            var (before, after) = (Of(Before), Of(After));
            foreach (var (start, range) in before)
                yield return (start, range, after.GetValueOrDefault(start));
            foreach (var (start, range) in after)
                if (!before.ContainsKey(start))
                    yield return (start, null, range);
        }

        private static Dictionary<long, CapturedRange> Of(ProcessCapture capture)
        {
            var all = new Dictionary<long, CapturedRange>();
            int pages = capture.Head.Geometry.Pages;
            foreach (var range in capture.Vmas.SelectMany(vma => vma.Ranges)
                .Where(range => range.Changed || !SeenTable.IsEmpty(range.Table)))
                for (long i = 0; i < range.Count; i++)
                    all[range.Start + i * pages] = range;
            return all;
        }
    }

    private sealed class Counter
    {
        public RangeChanges Sum { get; private set; }

        public void Add(Pair pair)
        {
            foreach (var (_, before, after) in pair.Tables())
                Sum = before is { Changed: true } || after is { Changed: true } ? Sum with { Unsure = Sum.Unsure + 1 }
                    : before is null ? Sum with { Came = Sum.Came + 1 }
                    : after is null ? Sum with { Gone = Sum.Gone + 1 }
                    : Compared(before.Table, after.Table);
        }

        private RangeChanges Compared(PageTable before, PageTable after)
        {
            if (SeenTable.IsSame(before, after))
                return Sum with { Stayed = Sum.Stayed + 1 };
            var (large, pages) = (SeenTable.Large(after) - SeenTable.Large(before), SeenTable.Pages(after) - SeenTable.Pages(before));
            return large > 0 ? Sum with { Larger = Sum.Larger + 1 }
                : large < 0 ? Sum with { Smaller = Sum.Smaller + 1 }
                : pages > 0 ? Sum with { Grew = Sum.Grew + 1 }
                : pages < 0 ? Sum with { Shrank = Sum.Shrank + 1 }
                : Sum with { Otherwise = Sum.Otherwise + 1 };
        }
    }
}
