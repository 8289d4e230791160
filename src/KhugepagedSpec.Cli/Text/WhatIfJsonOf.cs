using System.Globalization;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What would be, for scripts and for the page.</summary>
internal static class WhatIfJsonOf
{
    /// <summary>All of it.</summary>
    /// <param name="answer">What there is to say.</param>
    /// <param name="mostVmas">VMAs of a case, the largest; a page of a whole machine would be too long with all of them.</param>
    public static WhatIfJson Answer(WhatIfAnswer answer, int mostVmas = int.MaxValue)
    {
        var (machine, head) = (answer.Machine, answer.Head);
        bool areSeveral = answer.AreSeveral;
        return new WhatIfJson(
            areSeveral ? null : head.Pid, areSeveral ? null : head.Command, machine.Head.Asked, machine.Head.Kernel, At(machine.Head.At),
            !areSeveral ? Ending(machine.Processes[0].End.Ending)
                : machine is { IsPartial: true, Ending: CaptureEnding.Complete } ? "in part" : Ending(machine.Ending),
            head.PageBytes / 1024, machine.Ranges,
            machine.ChangedRanges, Memory(head, machine.Pages, machine.Outside.Anonymous), head.Kilobytes(machine.Shared),
            [.. machine.Processes.Select(ProcessOf)],
            [.. machine.Skipped.Select(skipped => new SkippedProcessJson(skipped.Pid, skipped.Why))],
            [.. machine.Cgroups.Select(cgroup => CgroupOf(machine, cgroup))],
            [
                .. answer.OverTime.Select(one => new IntervalJson(At(one.From.Head.At), At(one.To.Head.At), one.Same, one.ProcessesCame,
                    one.ProcessesGone, one.Changes, one.Prediction)),
            ],
            [.. answer.Sorted.SelectMany(version => version).Select(report => CaseOf(machine, report, mostVmas))])
        {
            Sweep = answer.Sweep.IsEmpty ? null :
            [
                .. answer.Sweep.Select(one => new SweepJson(one.Case.Name, one.Case.Settings.MaxPtesNone, head.Kilobytes(one.LargeAfter),
                    head.Kilobytes(one.Added), one.Made.Values.Sum(), one.IsSettled)),
            ],
        };
    }

    private static string At(DateTimeOffset at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Ending(CaptureEnding ending) => ending switch
    {
        CaptureEnding.Complete => "complete",
        CaptureEnding.ProcessEnded => "process ended",
        CaptureEnding.Interrupted => "interrupted",
        _ => "cut short",
    };

    private static MemoryJson Memory(CaptureHead head, PageCounts pages, long outOfReach) => new(
        head.Kilobytes(pages.Anonymous), head.Kilobytes(pages.Large), head.Kilobytes(pages.PmdMapped), head.Kilobytes(pages.Swap),
        head.Kilobytes(outOfReach));

    private static WhatIfProcessJson ProcessOf(ProcessCapture process) => new(
        process.Head.Pid, process.Head.Command, process.Head.Cgroup, Ending(process.End.Ending), process.Ranges, process.ChangedRanges,
        Memory(process.Head, process.Pages, process.Outside.Anonymous), process.Head.Kilobytes(process.Head.Shared),
        process.End.Rollup is { } rollup ? process.Head.Kilobytes(rollup.Anonymous) : null, process.StoodStill,
        process.RollupDiffers || process.Disagreeing.Any(),
        process.Head.ThpDisable == ThpDisable.No ? null : process.Head.ThpDisable.ToString());

    private static WhatIfCgroupJson CgroupOf(MachineCapture machine, CgroupFigures cgroup)
    {
        var head = machine.Processes[0].Head;
        var inside = machine.Processes.Where(process => cgroup.Holds(process.Head.Cgroup)).ToList();
        return new WhatIfCgroupJson(
            cgroup.Path, cgroup.Processes, inside.Count, head.Kilobytes(inside.Sum(process => process.Pages.Anonymous)),
            head.Kilobytes(cgroup.Before.Anonymous), head.Kilobytes(cgroup.After.Anonymous), cgroup.Limit?.File,
            cgroup.Limit is { } limit ? head.Kilobytes(limit.Max) : null, cgroup.Limit is { } room ? head.Kilobytes(room.Room) : null);
    }

    private static WhatIfCaseJson CaseOf(MachineCapture machine, WhatIfReport report, int mostVmas) =>
        CaseOf(machine, machine.Processes[0].Head, report, mostVmas);

    private static WhatIfCaseJson CaseOf(MachineCapture machine, CaptureHead head, WhatIfReport report, int mostVmas) => new(
        report.Case.Version.Name, report.Case.Name, SettingsText.Of(report.Case.Settings, head.PageBytes / 1024),
        report.Case.Settings.MaxPtesNone, report.Scanned, report.Made.ToDictionary(), head.Kilobytes(report.LargeAfter),
        head.Kilobytes(report.Added), head.Kilobytes(report.AtFaults.Added), head.Kilobytes(report.AtFaults.Large),
        head.Kilobytes(report.SwappedIn), report.Tried, report.Wasted, report.WastedAgain, report.Scans, report.IsSettled, report.WakeUps,
        report.Seconds(report.WakeUps), report.AllWakeUps, report.Seconds(report.AllWakeUps),
        [
            .. report.ByProcess.Select(one => new WhatIfProcessCaseJson(
                one.Process.Head.Pid, one.Scanned, one.Made.ToDictionary(), head.Kilobytes(one.LargeAfter), head.Kilobytes(one.Added),
                head.Kilobytes(one.AtFaults.Added), head.Kilobytes(one.AtFaults.Large), head.Kilobytes(one.SwappedIn),
                one.Scanned == 0 ? "nothing to scan" : PassedByText.Of(ProcessVisit.Of(one.Process, report.Case)))),
        ],
        [
            .. report.ByVma.Take(mostVmas).Select(vma => new WhatIfVmaJson(
                vma.Process.Pid, head.Address(vma.Vma.Vma.Start), head.Address(vma.Vma.Vma.End), vma.Vma.Name, vma.Scanned,
                head.Kilobytes(vma.Vma.Pages.Anonymous), head.Kilobytes(vma.Vma.Pages.Large), vma.Made.ToDictionary(),
                head.Kilobytes(vma.Added), PassedByText.Of(vma.Visit), PassedByText.Of(vma.Lists))),
        ],
        Math.Max(0, report.ByVma.Length - mostVmas),
        [
            .. report.Left.Select(left => new LeftJson(left.Result.KernelName(), left.Entry, left.Ranges, head.Kilobytes(left.Pages),
                head.Address(left.FirstPage), left.First.Pid)),
        ],
        [
            .. ProcessVisit.NotScanned(machine, report.Case).Select(passed => new PassedByJson(PassedByText.Of(passed.Reason), passed.Vmas,
                head.Kilobytes(passed.Pages), head.Address(passed.First.Vma.Start), passed.Process.Pid)),
        ],
        [.. WhatIfWarnings.Of(machine, report)], CostText.ToJson(CostRow.Of(report, report.Cost)),
        CostText.ToJson(CostRow.Of(report, report.CostAgain)));
}
