using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What would be, for people and for scripts.</summary>
internal static class WhatIfText
{
    public static void Print(WhatIfAnswer answer)
    {
        var (capture, head) = (answer.Machine, answer.Head);
        MachineText.PrintHead(capture);
        if (capture.IsPartial)
            Line($"{MachineText.Ending(capture)}");
        MachineText.PrintSkipped(capture);
        Line($"before: {head.Kilobytes(capture.Pages.Anonymous):N0} kB anonymous, "
            + $"{head.Kilobytes(capture.Pages.Large):N0} kB of it in large folios "
            + $"({head.Kilobytes(capture.Pages.PmdMapped):N0} kB PMD-mapped), {head.Kilobytes(capture.Pages.Swap):N0} kB swapped out");
        Line($"{head.Kilobytes(capture.Outside.Anonymous):N0} kB lie in no whole PMD range of an anonymous VMA, and stay as they are");
        Line($"present: {SettingsText.Of(head.Settings, head.PageBytes / 1024)}");
        if (answer.IsAsked)
            Line($"as asked: {SettingsText.Of(answer.Asked.Case.Settings, head.PageBytes / 1024)}");
        if (Between(answer.IsAsked ? answer.Asked.Case.Settings : head.Settings) is { } between)
            Line($"max_ptes_none {between} holds at the PMD's size; below it a value "
                + $"between 0 and {head.Geometry.MaxPtesLimit} counts as 0");
        foreach (var version in answer.Sorted)
            PrintVersion(head, version.Key, version, answer.AdviceOn(version).Front);
        WhatIfTables.Print(answer);
        if (answer.ShowsCost)
            foreach (var version in answer.Sorted)
                PrintCost(version.Key, [.. version]);
        OverTimeText.Print(answer.OverTime);
        Line($"""

            large: what large folios map in the end; added: where nothing was, the memory that khugepaged costs; at faults: what page
            faults would add at most, without khugepaged, if the process began anew and touched what it has now, at the same addresses
            (nothing, if no large block is free); tried and wasted: folios allocated, and given back unused, in the first full scan;
            again: wasted in each scan once nothing changes any more. * maps more than whatever costs as little: the larger of added and
            at faults.
            visited: whether the process is on khugepaged's list, which the kernel does not show: yes, as it has PMD-mapped memory there;
            at the next fault of the PMD's size; or only if something else put it there. The figures are as if it was.
            """);
        if (answer.Aim is { } aim)
            AdviceText.Print(answer, aim);
        Line($"Not known from outside, so not in this: pins (GUP), PR_THP_DISABLE_EXCEPT_ADVISED, and accessed "
            + $"bits where a VMA was referenced in part ({capture.Processes.Sum(CaptureText.UsedInPart)} VMAs: all used).");
    }

    private static void PrintVersion(CaptureHead head, string version, IEnumerable<WhatIfReport> reports,
        ImmutableArray<WhatIfReport> front)
    {
        // Room for 10 TB and for a billion folios.
        string memoryHead = $"{"large",18}{"added",18}{"at faults",18}{"swap-in",18}";
        Line($"\n{version,-22}{"ranges",14}{memoryHead}{"tried",14}{"wasted",14}{"again",14}{"wake-ups",12}  folios made");
        foreach (var report in reports)
        {
            string name = $"{(front.Contains(report) ? '*' : ' ')} {report.Case.Name}", end = report.IsSettled ? "" : ", not settled";
            string memory = string.Concat(new[] { report.LargeAfter, report.Added, report.AtFaults.Added, report.SwappedIn }
                .Select(pages => Said($"{head.Kilobytes(pages),15:N0} kB")));
            string work = Said($"{report.Tried,14:N0}{report.Wasted,14:N0}{report.WastedAgain,14:N0}{report.WakeUps,12:N0}");
            Line($"{name,-22}{report.Scanned,14:N0}{memory}{work}  {Folios(report.Made, head)}{end}");
        }
    }

    private static void PrintCost(string version, ImmutableArray<WhatIfReport> reports)
    {
        Line($"");
        CostText.PrintTable($"cost, {version}", [.. reports.Select(report => CostRow.Of(report, report.Cost))]);
        Line($"");
        CostText.PrintTable("of each scan after", [.. reports.Select(report => CostRow.Of(report, report.CostAgain))]);
    }

    // A limit that is none for the smaller sizes that are enabled.
    private static int? Between(ThpSettings settings) =>
        settings.MaxPtesNone > 0 && settings.MaxPtesNone < settings.Geometry.MaxPtesLimit
        && settings.OrdersFor(advised: true).HasBelow(settings.Geometry.PmdOrder) ? settings.MaxPtesNone : null;

    /// <summary>Folios by size, the largest first.</summary>
    public static string Folios(IEnumerable<KeyValuePair<int, long>> made, CaptureHead head)
    {
        var sizes = made.GroupBy(pair => pair.Key).OrderByDescending(group => group.Key)
            .Select(group => string.Create(CultureInfo.InvariantCulture,
                $"{group.Sum(pair => pair.Value)} x {Sizes.Name(group.Key, head.PageBytes / 1024)}"));
        return string.Join(", ", sizes) is { Length: > 0 } text ? text : "none";
    }
}
