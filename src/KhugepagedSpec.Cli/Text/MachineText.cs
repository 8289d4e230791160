using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Several processes that were captured, for people.</summary>
internal static class MachineText
{
    /// <summary>Rows of a table; the smaller ones are one.</summary>
    public const int MostRows = 12;

    /// <summary>All of a capture.</summary>
    public static void PrintCapture(MachineCapture machine, TimeSpan time)
    {
        if (machine is { Processes: [var one], Head.Count: 1 })
        {
            CaptureText.Print(one);
            PrintCgroups(machine);
            Line($"{Ending(machine)}; {time.TotalSeconds:0.0} s");
            return;
        }
        PrintHead(machine);
        PrintProcesses(machine);
        PrintCgroups(machine);
        foreach (var process in machine.Processes)
            CaptureText.PrintDisagreeing(process);
        int unsure = machine.Processes.Sum(CaptureText.UsedInPart);
        if (unsure > 0)
            Line($"{unsure} VMAs were referenced in part: all their pages count as used");
        Line($"{Ending(machine)}; {time.TotalSeconds:0.0} s");
    }

    /// <summary>What was captured, and how much of it changed while it was read.</summary>
    public static void PrintHead(MachineCapture machine)
    {
        if (machine is { Processes: [var one], Head.Count: 1 })
        {
            CaptureText.PrintHead(one);
            PrintShared(machine);
            return;
        }
        var head = machine.Processes[0].Head;
        Line($"{machine.Processes.Length} processes ({machine.Head.Asked}), Linux {machine.Head.Kernel}, "
            + $"{head.PageBytes / 1024}kB pages, {machine.Head.At:yyyy-MM-dd HH:mm:ss} UTC");
        var vmas = machine.Processes.SelectMany(process => process.Vmas).ToList();
        long empty = vmas.Sum(vma => vma.Ranges.Where(range => range.Table.Pmd == PmdState.None).Sum(range => range.Count));
        Line($"{machine.Ranges:N0} PMD ranges in {vmas.Count(vma => !vma.Ranges.IsEmpty):N0} of {vmas.Count:N0} private VMAs: "
            + $"{empty:N0} without a page, {machine.ChangedRanges:N0} changed while they were read");
        PrintShared(machine);
    }

    /// <summary>How the capture ended, in a line.</summary>
    public static string Ending(MachineCapture machine)
    {
        if (machine is { Processes: [var one], Head.Count: 1 })
            return CaptureText.Ending(one);
        int whole = machine.Processes.Count(process => !process.IsPartial);
        string why = machine.Ending switch
        {
            CaptureEnding.Interrupted => ": interrupted",
            CaptureEnding.CutShort => ": the file ends in the middle",
            _ => "",
        };
        return machine.IsPartial ? Said($"PARTIAL{why}; {whole} of {machine.Head.Count} processes were read to the end") : "complete";
    }

    /// <summary>Those that could not be read, or not to the end.</summary>
    public static void PrintSkipped(MachineCapture machine)
    {
        foreach (var skipped in machine.Skipped)
            Line($"left out: {skipped.Why}");
        if (machine.Head.Count > 1)
            foreach (var process in machine.Processes.Where(process => process.IsPartial))
                Line($"{process.Head.Command} ({process.Head.Pid}): {CaptureText.Ending(process)}");
    }

    private static void PrintShared(MachineCapture machine)
    {
        if (machine.Shared > 0)
            Line($"{machine.Processes[0].Head.Kilobytes(machine.Shared):N0} kB are of shared mappings or hugetlb, "
                + $"counted in each process that maps them: there, and not judged");
    }

    private static void PrintProcesses(MachineCapture machine)
    {
        var head = machine.Processes[0].Head;
        Line($"\n{"pid",9} {"command",-18}{"Anonymous",15}{"AnonHugePages",17}{"Swap",14}{"large folios",16}{"shared",15}  smaps_rollup");
        var sorted = machine.Processes.OrderByDescending(process => process.Pages.Anonymous).ThenBy(process => process.Head.Pid).ToList();
        foreach (var process in sorted.Take(MostRows))
            Row(Said($"{process.Head.Pid,9} {Columns.Cut(process.Head.Command, 17),-18}"), [process]);
        if (sorted.Count > MostRows)
            Row(Said($"{"",9} {sorted.Count - MostRows + " smaller ones",-18}"), sorted[MostRows..]);
        Row(Said($"{"",9} {"total",-18}"), sorted);

        void Row(string name, List<ProcessCapture> of)
        {
            var sum = of.Aggregate(default(PageCounts), (all, process) => all + process.Pages);
            long shared = of.Sum(process => process.Head.Shared);
            Line($"{name}{Kb(sum.Anonymous),15}{Kb(sum.PmdMapped),17}{Kb(sum.Swap),14}{Kb(sum.Large),16}{Kb(shared),15}  {Rollup(of)}");
        }

        string Kb(long pages) => Said($"{head.Kilobytes(pages):N0} kB");

        string Rollup(List<ProcessCapture> of)
        {
            long theirs = of.Sum(process => process.End.Rollup?.Anonymous ?? process.Pages.Anonymous);
            long here = of.Sum(process => process.Pages.Anonymous);
            return of.Any(process => process.RollupDiffers) ? $"DIFFERENT: Anonymous {Kb(theirs)}"
                : of.All(process => process.End.Rollup is null) ? "not read"
                : theirs == here ? "the same" : $"Anonymous {Kb(theirs)}: it changed meanwhile";
        }
    }

    private static void PrintCgroups(MachineCapture machine)
    {
        if (machine.Cgroups.IsEmpty)
            return;
        var head = machine.Processes[0].Head;
        Line($"\n{"cgroup",-40} {"processes",12}{"Anonymous here",18}{"memory.stat",16}{"difference",15}");
        foreach (var cgroup in machine.Cgroups)
        {
            var inside = machine.Processes.Where(process => cgroup.Holds(process.Head.Cgroup)).ToList();
            long here = inside.Sum(process => process.Pages.Anonymous), theirs = cgroup.After.Anonymous;
            string difference = inside.Count < cgroup.Processes ? "a part of it" : Signed(head.Kilobytes(theirs - here));
            string count = inside.Count < cgroup.Processes ? $"{inside.Count} of {cgroup.Processes}" : $"{inside.Count}";
            Line($"{Columns.CutLeft(cgroup.Path, 40),-40} {count,12}"
                + $"{head.Kilobytes(here),15:N0} kB{head.Kilobytes(theirs),13:N0} kB{difference,15}");
            if (cgroup.Before.Anonymous != cgroup.After.Anonymous)
                Line($"  it changed meanwhile: memory.stat had {head.Kilobytes(cgroup.Before.Anonymous):N0} kB before");
        }
        Line($"memory.stat counts what is charged, once, to the cgroup that touched it first; "
            + $"here is what each process maps.");
        Line($"Where they differ, pages are shared after fork, in the swap cache, charged elsewhere, or of processes that were left out.");
    }

    private static string Signed(long kilobytes) => kilobytes == 0 ? "none" : Said($"{kilobytes:+#,0;-#,0} kB");
}
