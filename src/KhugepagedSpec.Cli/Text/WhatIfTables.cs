using KhugepagedSpec.Processes;
using KhugepagedSpec.Results;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>One case in detail: by process, by cgroup, by VMA, what was left alone, and how long it takes.</summary>
internal static class WhatIfTables
{
    private const int NameWidth = 44;

    /// <summary>Prints the tables of the case that is shown in detail.</summary>
    public static void Print(WhatIfAnswer answer)
    {
        var (head, report) = (answer.Head, answer.Detailed);
        if (answer.AreSeveral)
        {
            PrintProcesses(head, report);
            PrintCgroups(head, answer.Machine, report);
        }
        PrintVmas(head, report, answer.AreSeveral);
        PrintLeft(head, report, answer.AreSeveral);
        PrintPassedBy(answer, report);
        PrintTime(answer, report);
        foreach (string warning in WhatIfWarnings.Of(answer.Machine, report))
            Line($"warning: {warning}");
    }

    private static void PrintPassedBy(WhatIfAnswer answer, WhatIfReport report)
    {
        var passed = ProcessVisit.NotScanned(answer.Machine, report.Case);
        if (passed.IsEmpty)
            return;
        Line($"\nVMAs not scanned, {report.Case.Version.Name}, {report.Case.Name}");
        foreach (var one in passed)
        {
            string whose = answer.AreSeveral ? Said($" of {one.Process.Pid}") : "";
            Line($"  {one.Vmas,11:N0}  {Kb(answer.Head, one.Pages),16}  {PassedByText.Of(one.Reason)}, "
                + $"first at {one.Process.Address(one.First.Vma.Start)}{whose}");
        }
    }

    private static void PrintProcesses(CaptureHead head, WhatIfReport report)
    {
        Line($"\nby process, {report.Case.Version.Name}, {report.Case.Name}");
        PrintHeadOfProcesses();
        var sorted = report.ByProcess.OrderByDescending(one => one.Process.Pages.Anonymous).ThenBy(one => one.Process.Head.Pid).ToList();
        foreach (var one in sorted.Take(MachineText.MostRows))
            Row(head, Said($"{one.Process.Head.Pid,9} {one.Process.Head.Command}"), [one]);
        if (sorted.Count > MachineText.MostRows)
            Row(head, Said($"{"",9} {sorted.Count - MachineText.MostRows} smaller ones"),
                sorted[MachineText.MostRows..]);
        Row(head, Said($"{"",9} total"), sorted);
    }

    private static void PrintCgroups(CaptureHead head, MachineCapture machine, WhatIfReport report)
    {
        var groups = report.ByProcess.GroupBy(one => one.Process.Head.Cgroup).Where(group => group.Key.Length > 0)
            .OrderByDescending(group => group.Sum(one => one.Process.Pages.Anonymous))
            .ThenBy(group => group.Key, StringComparer.Ordinal).ToList();
        if (groups.Count == 0)
            return;
        Line($"\nby cgroup, {report.Case.Version.Name}, {report.Case.Name}");
        PrintHeadOfProcesses();
        foreach (var group in groups.Take(MachineText.MostRows))
        {
            int all = machine.Cgroups.FirstOrDefault(cgroup => cgroup.Path == group.Key)?.Processes ?? 0, here = group.Count();
            string name = Columns.CutLeft(group.Key, NameWidth - 10);
            Row(head, Said($"{name} ({(all > here ? $"{here} of {all}" : $"{here}")})"), [.. group]);
        }
        if (groups.Count > MachineText.MostRows)
            Row(head, Said($"{groups.Count - MachineText.MostRows} smaller ones"),
                [.. groups.Skip(MachineText.MostRows).SelectMany(group => group)]);
    }

    private static void PrintHeadOfProcesses() =>
        Line($"  {"",-NameWidth}{"ranges",11}{"anonymous",18}{"large before",18}{"large after",18}"
            + $"{"added",16}{"at faults",16}  folios made");

    private static void Row(CaptureHead head, string name, IReadOnlyCollection<ProcessReport> all)
    {
        long large = all.Sum(one => one.Process.Pages.Large), after = all.Sum(one => one.LargeAfter);
        long added = all.Sum(one => one.Added), faults = all.Sum(one => one.AtFaults.Added);
        string memory = $"{Kb(head, all.Sum(one => one.Process.Pages.Anonymous)),18}{Kb(head, large),18}{Kb(head, after),18}";
        string costs = $"{Kb(head, added),16}{Kb(head, faults),16}  {WhatIfText.Folios(all.SelectMany(one => one.Made), head)}";
        Line($"  {Columns.Cut(name, NameWidth),-NameWidth}{all.Sum(one => one.Scanned),11:N0}{memory}{costs}");
    }

    private static void PrintVmas(CaptureHead head, WhatIfReport report, bool areSeveral)
    {
        Line($"\nby VMA, {report.Case.Version.Name}, {report.Case.Name}");
        if (report.ByVma.IsEmpty)
        {
            Line($"  none is scanned: no size is enabled for any of them");
            return;
        }
        Line($"  {"",-NameWidth}{"ranges",11}{"anonymous",18}{"large before",18}{"added",16}  {"visited",-12}folios made");
        foreach (var vma in report.ByVma.Take(MachineText.MostRows))
            Print((areSeveral ? Said($"{vma.Process.Pid,9} ") : "")
                + $"{head.Address(vma.Vma.Vma.Start)} {(vma.Vma.Name.Length > 0 ? vma.Vma.Name : "[no name]")}", [vma]);
        if (report.ByVma.Length > MachineText.MostRows)
            Print(Said($"{report.ByVma.Length - MachineText.MostRows} smaller ones"),
                [.. report.ByVma.Skip(MachineText.MostRows)]);
        Print("total", [.. report.ByVma]);

        void Print(string name, IReadOnlyCollection<VmaReport> vmas)
        {
            long anonymous = vmas.Sum(vma => vma.Vma.Pages.Anonymous), large = vmas.Sum(vma => vma.Vma.Pages.Large);
            string visited = vmas.Count == 1 && name != "total" ? PassedByText.Of(vmas.First().Visit) : "";
            string costs = $"{Kb(head, vmas.Sum(vma => vma.Added)),16}  {visited,-12}{WhatIfText.Folios(vmas.SelectMany(vma => vma.Made), head)}";
            Line($"  {Columns.Cut(name, NameWidth),-NameWidth}{vmas.Sum(vma => vma.Scanned),11:N0}"
                + $"{Kb(head, anonymous),18}{Kb(head, large),18}{costs}");
        }
    }

    private static void PrintLeft(CaptureHead head, WhatIfReport report, bool areSeveral)
    {
        if (report.Left.IsEmpty)
            return;
        Line($"\nranges left alone, {report.Case.Version.Name}, {report.Case.Name}");
        foreach (var left in report.Left)
        {
            string entry = left.Entry is { } one ? $": one entry ({one})" : "";
            string whose = areSeveral ? Said($" of {left.First.Pid}") : "";
            Line($"  {left.Ranges,11:N0}  {Kb(head, left.Pages),16}  {left.Result.KernelName()}{entry}, "
                + $"first at {head.Address(left.FirstPage)}{whose}");
        }
    }

    // What the machine needs for all of them, since khugepaged goes from one to the next.
    private static void PrintTime(WhatIfAnswer answer, WhatIfReport report)
    {
        var settings = report.Case.Settings;
        Line($"\ntime, {report.Case.Version.Name}, {report.Case.Name}");
        string all = answer.AreSeveral ? " of all of them" : "", more = report.IsSettled ? "" : " and more";
        Line($"  a full scan{all} takes {report.WakeUps:N0} wake-ups of pages_to_scan {settings.PagesToScan}, "
            + $"{report.Seconds(report.WakeUps):N0} s; "
            + $"nothing more is made after {report.AllWakeUps:N0}, {report.Seconds(report.AllWakeUps):N0} s{more}");
        if (answer.AreSeveral)
            Line($"  as if these processes were alone on khugepaged's list, the oldest first: the kernel does not show it");
        else
            Line($"  as if this process was alone on khugepaged's list");
    }

    private static string Kb(CaptureHead head, long pages) => Said($"{head.Kilobytes(pages):N0} kB");
}
