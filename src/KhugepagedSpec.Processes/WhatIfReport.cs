using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Processes;

/// <summary>What khugepaged would come to under one case, in full scans until one makes nothing.</summary>
/// <param name="Case">The case.</param>
/// <param name="Scanned">PMD ranges with a page table that the first scan came to.</param>
/// <param name="Made">Folios made, by order.</param>
/// <param name="LargeAfter">Pages of the processes that large folios map in the end.</param>
/// <param name="Added">Pages added where nothing was, or the zero page: what it costs.</param>
/// <param name="SwappedIn">Pages brought back from swap.</param>
/// <param name="Tried">Folios allocated in the first scan.</param>
/// <param name="Wasted">Those of them that were given back unused.</param>
/// <param name="WastedAgain">The same in each scan once nothing changes any more.</param>
/// <param name="Scans">Full scans until one made nothing, that one included.</param>
/// <param name="IsSettled">False if the most scans allowed were not enough.</param>
/// <param name="WakeUps">Wake-ups of khugepaged in the first scan.</param>
/// <param name="ByVma">The same by VMA, for those that were scanned, the largest first.</param>
/// <param name="Left">Ranges that the first scan left alone, by reason, most first.</param>
public sealed record WhatIfReport(
    WhatIfCase Case, long Scanned, ImmutableSortedDictionary<int, long> Made, long LargeAfter, long Added, long SwappedIn, long Tried,
        long Wasted, long WastedAgain,
    int Scans, bool IsSettled, int WakeUps, ImmutableArray<VmaReport> ByVma, ImmutableArray<LeftAlone> Left)
{
    /// <summary>What all those scans cost, but the last where it made nothing.</summary>
    public CollapseCost Cost { get; init; }

    /// <summary>The same of each scan once nothing changes any more; of the last one if that is not so.</summary>
    public CollapseCost CostAgain { get; init; }

    /// <summary>What page faults would do under these settings, in processes that begin anew.</summary>
    public FaultBound AtFaults { get; init; }

    /// <summary>The same by process, in khugepaged's order.</summary>
    public ImmutableArray<ProcessReport> ByProcess { get; init; } = [];

    /// <summary>Wake-ups of khugepaged in all scans.</summary>
    public long AllWakeUps { get; init; }

    /// <summary>Seconds that a number of wake-ups takes, by the sleep between them: what they do themselves is not counted.</summary>
    public double Seconds(long wakeUps) => wakeUps * Case.Settings.ScanSleepMilliseconds / 1000.0;

    /// <summary>Runs a case on one process.</summary>
    public static WhatIfReport Of(ProcessCapture capture, WhatIfCase what) => WhatIfRun.Of([capture], what);

    /// <summary>Runs a case on processes that share khugepaged.</summary>
    public static WhatIfReport Of(MachineCapture machine, WhatIfCase what) => WhatIfRun.Of(machine.Processes, what);
}

/// <summary>What would become of one process.</summary>
/// <param name="Process">The process.</param>
/// <param name="Scanned">PMD ranges of it that were scanned.</param>
/// <param name="Made">Folios made, by order.</param>
/// <param name="LargeAfter">Pages of it that large folios map in the end.</param>
/// <param name="Added">Pages added where nothing was.</param>
/// <param name="SwappedIn">Pages brought back from swap.</param>
/// <param name="AtFaults">What page faults would do in it, if it began anew.</param>
public sealed record ProcessReport(
    ProcessCapture Process, long Scanned, ImmutableSortedDictionary<int, long> Made, long LargeAfter, long Added, long SwappedIn,
    FaultBound AtFaults);

/// <summary>What would become of one VMA.</summary>
/// <param name="Vma">The VMA.</param>
/// <param name="Scanned">PMD ranges of it that were scanned.</param>
/// <param name="Made">Folios made, by order.</param>
/// <param name="Added">Pages added where nothing was.</param>
/// <param name="Process">Whose it is.</param>
public sealed record VmaReport(CapturedVma Vma, long Scanned, ImmutableSortedDictionary<int, long> Made, long Added, CaptureHead Process)
{
    /// <summary>Whether khugepaged comes to it: once its process is listed, it comes to every VMA of it.</summary>
    public Visit Visit { get; init; }

    /// <summary>Whether this VMA puts its process onto the list.</summary>
    public Visit Lists { get; init; }

    /// <summary>There was something to scan.</summary>
    internal static bool HasTable(TableRun table) => table.Scan.Result != ScanResult.NoPteTable;

    /// <summary>Pages that a collapse added where nothing was, or the zero page.</summary>
    internal static long Filled(Attempt attempt) => attempt.Isolate?.NoneOrZero ?? 0;
}

/// <summary>PMD ranges whose scan ended early, for the same reason.</summary>
/// <param name="Result">The reason.</param>
/// <param name="Entry">The entry that one alone ended the scan, in the notation's words; null where no single entry did.</param>
/// <param name="Ranges">How many.</param>
/// <param name="Pages">Present anonymous pages in them.</param>
/// <param name="FirstPage">The entry's page in the first of them, or the range's first page.</param>
/// <param name="First">The process that the first of them is in.</param>
public sealed record LeftAlone(ScanResult Result, string? Entry, long Ranges, long Pages, long FirstPage, CaptureHead First)
{
    internal static ImmutableArray<LeftAlone> Of(ImmutableArray<ProcessCapture> captures, FullScan scan) =>
        [
            .. scan.Tables.Where(table => table.Scan.Result is not (ScanResult.Succeed or ScanResult.NoPteTable or ScanResult.PmdMapped))
                .Select(table => (Run: table, captures[table.Mm - 1].RangeAt(table.Start)!.Table.Cells))
                .GroupBy(one => (one.Run.Scan.Result, Entry: EntryOf(one.Run, one.Cells)))
                .Select(group => new LeftAlone(
                    group.Key.Result, group.Key.Entry, group.LongCount(),
                        group.Sum(one => one.Cells.LongCount(cell => cell.Kind == PteKind.Page)),
                    group.First().Run.Start + Math.Max(0, group.First().Run.Scan.EndedAt), captures[group.First().Run.Mm - 1].Head))
                .OrderByDescending(left => left.Ranges).ThenBy(left => left.FirstPage),
        ];

    // What limits count takes many entries.
    private static string? EntryOf(TableRun run, ImmutableArray<Cell> cells) =>
        run.Scan.EndedAt < 0 || run.Scan.Result is ScanResult.ExceedNonePte or ScanResult.ExceedSwapPte or ScanResult.ExceedSharedPte ? null
        : TableNotation.MeaningOf(cells[run.Scan.EndedAt]);
}
