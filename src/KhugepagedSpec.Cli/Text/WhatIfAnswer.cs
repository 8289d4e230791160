using System.Collections.Immutable;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Text;

/// <summary>All that was asked, and the answers.</summary>
/// <param name="Machine">The processes.</param>
/// <param name="Reports">An answer a case.</param>
/// <param name="IsAsked">Settings were given: there is a case 'as asked'.</param>
/// <param name="Aim">Advice is asked for, with this aim.</param>
/// <param name="MaxAdded">The most that may be added, in percent; null for the aim's own bound.</param>
/// <param name="From">What stands behind whatif to have the same capture.</param>
internal sealed record WhatIfAnswer(
    MachineCapture Machine, ImmutableArray<WhatIfReport> Reports, bool IsAsked, Aim? Aim = null, double? MaxAdded = null,
    string From = "FILE")
{
    /// <summary>Print what each case costs as well.</summary>
    public bool ShowsCost { get; init; }

    /// <summary>What became of them between captures; nothing if there is but one.</summary>
    public ImmutableArray<Interval> OverTime { get; init; } = [];

    /// <summary>Values of max_ptes_none, for the page.</summary>
    public ImmutableArray<WhatIfReport> Sweep { get; init; } = [];

    /// <summary>The first process, whose machine is that of all.</summary>
    public CaptureHead Head => Machine.Processes[0].Head;

    /// <summary>There are others beside it, or were meant to be.</summary>
    public bool AreSeveral => Machine.Head.Count > 1;

    /// <summary>What to take of the cases of one khugepaged.</summary>
    public Advice AdviceOn(IEnumerable<WhatIfReport> reports) =>
        Advice.Of(reports, Machine.Pages.Anonymous, Aim ?? Processes.Aim.Balanced, MaxAdded);

    /// <summary>The cases of each khugepaged: present, as asked, then by what large folios map in the end, the cheapest first among
    /// equals.</summary>
    public IEnumerable<IGrouping<string, WhatIfReport>> Sorted =>
        Reports.Select((report, index) => (report, index))
            .OrderBy(one => one.report.Case.Name switch { "present" => 0, "as asked" => 1, _ => 2 })
            .ThenByDescending(one => one.report.LargeAfter).ThenBy(one => one.report.Added).ThenBy(one => one.index)
            .Select(one => one.report).GroupBy(report => report.Case.Version.Name);

    /// <summary>The case that is shown in detail: as asked, else the machine's own, unless that scans nothing; else the one that gives
    /// most.</summary>
    public WhatIfReport Detailed =>
        Reports.FirstOrDefault(report => report.Case.Name == "as asked" && report.Scanned > 0) ?? (IsAsked ? Asked
            : Sorted.First().FirstOrDefault(report => report.Scanned > 0) ?? Reports[0]);

    /// <summary>The first case with the settings that were given.</summary>
    public WhatIfReport Asked => Reports.First(report => report.Case.Name == "as asked");
}
