using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Processes;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What would keep a case from coming true, a line each that names the file and the figure.</summary>
internal static class WhatIfWarnings
{
    private const int MostNames = 5;

    /// <summary>All of a case.</summary>
    public static IEnumerable<string> Of(MachineCapture machine, WhatIfReport report)
    {
        foreach (var one in machine.Processes.Where(process => process.Head.ThpDisable == ThpDisable.Completely))
            yield return Said($"{Named(one)}: /proc/{one.Head.Pid}/status has THP_enabled 0: "
                + $"prctl(PR_SET_THP_DISABLE), so that nothing of it is scanned");
        foreach (string line in Unlisted(machine, report))
            yield return line;
        var head = machine.Processes[0].Head;
        foreach (var shortage in ChargeShortage.Of(machine, report))
        {
            string needed = shortage.Limit.Room < shortage.Folio
                ? Said($"a folio of {head.Kilobytes(shortage.Folio):N0} kB is charged before the pages go that it replaces")
                : Said($"{head.Kilobytes(shortage.Grows):N0} kB would be added");
            yield return Said($"{shortage.Limit.File} is {head.Kilobytes(shortage.Limit.Max):N0} kB, of which ")
                + Said($"{head.Kilobytes(shortage.Limit.Room):N0} kB are left, and {needed}: ")
                + "SCAN_CGROUP_CHARGE_FAIL, unless something is reclaimed";
        }
        foreach (var shortage in BlockShortage.Of(machine, report))
            yield return Said($"/proc/buddyinfo had {shortage.Free:N0} free blocks of {Sizes.Name(shortage.Order, head.PageBytes / 1024)}, ")
                + Said($"and {shortage.Folios:N0} would be made: the rest needs compaction, else SCAN_ALLOC_HUGE_PAGE_FAIL");
    }

    // Who cannot be said to be on khugepaged's list.
    private static IEnumerable<string> Unlisted(MachineCapture machine, WhatIfReport report)
    {
        var (settings, head) = (report.Case.Settings, machine.Processes[0].Head);
        var scanned = report.ByProcess.Where(one => one.Scanned > 0).Select(one => one.Process)
            .ToLookup(process => ProcessVisit.Of(process, report.Case));
        string size = Sizes.Name(settings.Geometry.PmdOrder, head.PageBytes / 1024);
        string file = Said($"hugepages-{size}/enabled is {settings.SizeOf(settings.Geometry.PmdOrder).ToString().ToLowerInvariant()}");
        if (scanned[Visit.OnlyIfListed].Any())
            yield return $"{Names(scanned[Visit.OnlyIfListed])}: {file}, so no page fault puts "
                + $"{Them(scanned[Visit.OnlyIfListed])} onto khugepaged's list, "
                + "and khugepaged comes there only if MADV_HUGEPAGE came after the first touch, two VMAs became one, or the parent was listed; "
                + "else nothing of the above happens";
        if (scanned[Visit.AtFault].Any() && settings != head.Settings)
            yield return $"{Names(scanned[Visit.AtFault])}: no PMD-mapped memory yet: khugepaged comes there once {Them(scanned[Visit.AtFault])} "
                + "touched a new PMD range under these settings, was advised anew, or began anew";
    }

    private static string Them(IEnumerable<ProcessCapture> processes) => processes.Skip(1).Any() ? "each of them" : "it";

    private static string Names(IEnumerable<ProcessCapture> processes)
    {
        var all = processes.OrderByDescending(process => process.Pages.Anonymous).ToList();
        string names = string.Join(", ", all.Take(MostNames).Select(Named));
        return all.Count > MostNames ? Said($"{names} and {all.Count - MostNames} others") : names;
    }

    private static string Named(ProcessCapture process) => Said($"{process.Head.Command} ({process.Head.Pid})");
}
