using System.Collections.Immutable;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Text;

/// <summary>All that was asked, and the answers.</summary>
/// <param name="Capture">The process.</param>
/// <param name="Reports">An answer a case.</param>
/// <param name="IsAsked">Settings were given: there is a case 'as asked'.</param>
internal sealed record WhatIfAnswer(ProcessCapture Capture, ImmutableArray<WhatIfReport> Reports, bool IsAsked)
{
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
