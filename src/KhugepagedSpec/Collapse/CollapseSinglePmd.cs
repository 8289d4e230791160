using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// One visit of a PMD range: the scan, and the walk over its windows if the scan succeeds. Source: Linux 7.2,
/// <c>mm/khugepaged.c:collapse_single_pmd</c>, and the frame of <c>collapse_scan_pmd</c>.
/// </summary>
/// <param name="machine">The machine.</param>
internal sealed class CollapseSinglePmd(Machine machine) : IRangeVisitor
{
    private readonly Occupancy _occupancy = new(machine.Geometry);

    /// <inheritdoc/>
    public TableRun Run(AddressSpace mm, Vma vma, long start, CollapseKind kind, ref long progress)
    {
        mm.MmapLock.Read();
        Interference.ActOutsideAttempts(machine, mm, start, Gap.BeforeScan);
        var scan = CollapseScanPmd.Run(machine, mm, vma, start, kind, _occupancy, ref progress);
        var run = new TableRun(mm.Id, start, scan, machine.Version.Trace);
        mm.MmapLock.EndRead();
        if (scan.Result == ScanResult.Succeed)
            run.Status = new MthpCollapse(machine, mm, vma, run, kind, _occupancy).Run();
        run.LeftLocked = mm.MmapLock.IsHeld;
        int pfn = machine.Version.Trace.ScanNamesEndingPageOnly ? scan.EndingPfn : scan.LastPfn;
        machine.Trace?.Add(new TraceEvent.ScanPmd(mm.Id, pfn, scan.Referenced, scan.NoneOrZero, run.Status, scan.Unmapped,
            scan.IsWritable));
        if (kind == CollapseKind.Khugepaged && run.Status == ScanResult.Succeed)
            CollapseCounters.PagesCollapsed(machine, run);
        return run;
    }
}
