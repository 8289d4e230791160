using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Processes;

/// <summary>What khugepaged would come to under one case, in full scans until one makes nothing.</summary>
/// <param name="Case">The case.</param>
/// <param name="Scanned">PMD ranges with a page table that the first scan came to.</param>
/// <param name="Made">Folios made, by order.</param>
/// <param name="LargeAfter">Pages of the process that large folios map in the end.</param>
/// <param name="Added">Pages added where nothing was, or the zero page: what it costs.</param>
/// <param name="SwappedIn">Pages brought back from swap.</param>
/// <param name="Tried">Folios allocated in the first scan.</param>
/// <param name="Wasted">Those of them that were given back unused.</param>
/// <param name="WastedAgain">The same in each scan once nothing changes any more.</param>
/// <param name="Scans">Full scans until one made nothing, that one included.</param>
/// <param name="IsSettled">False if the most scans allowed were not enough.</param>
/// <param name="WakeUps">Wake-ups of khugepaged in the first scan.</param>
/// <param name="ByVma">The same by VMA, for those that were scanned.</param>
/// <param name="Left">Ranges that the first scan left alone, by reason, most first.</param>
public sealed record WhatIfReport(
    WhatIfCase Case, long Scanned, ImmutableSortedDictionary<int, long> Made, long LargeAfter, long Added, long SwappedIn, long Tried,
        long Wasted, long WastedAgain,
    int Scans, bool IsSettled, int WakeUps, ImmutableArray<VmaReport> ByVma, ImmutableArray<LeftAlone> Left)
{
    private const int MostScans = 10;

    /// <summary>Runs a case.</summary>
    public static WhatIfReport Of(ProcessCapture capture, WhatIfCase what)
    {
        var machine = new WhatIfMachine(capture, what.Version, what.Settings);
        var (largeBefore, swapBefore) = (machine.LargePages, machine.SwappedOut);
        var scans = new List<FullScan> { machine.Scan() };
        while (scans[^1].Made.Any() && scans.Count < MostScans)
            scans.Add(machine.Scan());
        var made = scans.SelectMany(scan => scan.Made).ToList();
        return new WhatIfReport(
            what,
            scans[0].Tables.Count(VmaReport.HasTable),
            made.GroupBy(one => one.Attempt.Order).ToImmutableSortedDictionary(group => group.Key, group => group.LongCount()),
            capture.Pages.Large + machine.LargePages - largeBefore,
            made.Sum(one => VmaReport.Filled(one.Attempt)),
            swapBefore - machine.SwappedOut,
            scans[0].Tried, scans[0].Wasted, scans[^1].Wasted, scans.Count, !scans[^1].Made.Any(), scans[0].WakeUps,
                VmaReport.Of(capture, scans[0], made),
            LeftAlone.Of(capture, scans[0]));
    }
}

/// <summary>What would become of one VMA.</summary>
/// <param name="Vma">The VMA.</param>
/// <param name="Scanned">PMD ranges of it that were scanned.</param>
/// <param name="Made">Folios made, by order.</param>
/// <param name="Added">Pages added where nothing was.</param>
public sealed record VmaReport(CapturedVma Vma, long Scanned, ImmutableSortedDictionary<int, long> Made, long Added)
{
    internal static ImmutableArray<VmaReport> Of(ProcessCapture capture, FullScan first, List<(TableRun Table, Attempt Attempt)> made)
    {
        var scanned = first.Tables.Where(HasTable).GroupBy(table => capture.VmaAt(table.Start))
            .ToDictionary(group => group.Key, group => group.LongCount());
        var ofVma = made.ToLookup(one => capture.VmaAt(one.Table.Start), one => one.Attempt);
        return
        [
            .. scanned.Select(pair => new VmaReport(
                pair.Key, pair.Value,
                ofVma[pair.Key].GroupBy(attempt => attempt.Order)
                    .ToImmutableSortedDictionary(group => group.Key, group => group.LongCount()),
                ofVma[pair.Key].Sum(Filled)))
            .OrderByDescending(report => report.Vma.Pages.Anonymous).ThenBy(report => report.Vma.Vma.Start),
        ];
    }

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
public sealed record LeftAlone(ScanResult Result, string? Entry, long Ranges, long Pages, long FirstPage)
{
    internal static ImmutableArray<LeftAlone> Of(ProcessCapture capture, FullScan scan) =>
        [
            .. scan.Tables.Where(table => table.Scan.Result is not (ScanResult.Succeed or ScanResult.NoPteTable or ScanResult.PmdMapped))
                .Select(table => (Run: table, Cells: capture.RangeAt(table.Start)!.Table.Cells))
                .GroupBy(one => (one.Run.Scan.Result, Entry: EntryOf(one.Run, one.Cells)))
                .Select(group => new LeftAlone(
                    group.Key.Result, group.Key.Entry, group.LongCount(),
                        group.Sum(one => one.Cells.LongCount(cell => cell.Kind == PteKind.Page)),
                    group.First().Run.Start + Math.Max(0, group.First().Run.Scan.EndedAt)))
                .OrderByDescending(left => left.Ranges).ThenBy(left => left.FirstPage),
        ];

    // What limits count takes many entries.
    private static string? EntryOf(TableRun run, ImmutableArray<Cell> cells) =>
        run.Scan.EndedAt < 0 || run.Scan.Result is ScanResult.ExceedNonePte or ScanResult.ExceedSwapPte or ScanResult.ExceedSharedPte ? null
        : TableNotation.MeaningOf(cells[run.Scan.EndedAt]);
}
