using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// What collapse counts: by size always, in vmstat at the PMD order only. Source: Linux 7.2, <c>mm/khugepaged.c:alloc_charge_folio</c>,
/// <c>__collapse_huge_page_isolate</c>; <c>include/linux/huge_mm.h:count_mthp_stat</c>.
/// </summary>
public static class CollapseCounters
{
    /// <summary>The counters of a limit that was exceeded; null if the result is none of a limit.</summary>
    public static (MthpStatistic Size, VmEvent Event)? Of(ScanResult result) => result switch
    {
        ScanResult.ExceedNonePte => (MthpStatistic.CollapseExceedNonePte, VmEvent.ThpScanExceedNonePte),
        ScanResult.ExceedSwapPte => (MthpStatistic.CollapseExceedSwapPte, VmEvent.ThpScanExceedSwapPte),
        ScanResult.ExceedSharedPte => (MthpStatistic.CollapseExceedSharedPte, VmEvent.ThpScanExceedSharePte),
        _ => null,
    };

    /// <summary>Counts a folio that was had, or was not.</summary>
    internal static void Allocation(Machine machine, int order, bool isHad)
    {
        if (isHad)
            Count(machine, MthpStatistic.CollapseAlloc, VmEvent.ThpCollapseAlloc, order);
        else
            Count(machine, MthpStatistic.CollapseAllocFailed, VmEvent.ThpCollapseAllocFailed, order);
    }

    /// <summary>Counts a limit that was exceeded.</summary>
    /// <returns>The result, so that a test can end with it.</returns>
    internal static ScanResult Exceeded(Machine machine, ScanResult limit, int order)
    {
        var (statistic, vmEvent) = Of(limit) ?? throw new ArgumentOutOfRangeException(nameof(limit), limit, "not a limit");
        Count(machine, statistic, vmEvent, order);
        return limit;
    }

    /// <summary>pages_collapsed: a range in which khugepaged collapsed something. Source:
    /// <c>mm/khugepaged.c:collapse_single_pmd</c>.</summary>
    internal static void PagesCollapsed(Machine machine, TableRun run)
    {
        machine.Statistics.PagesCollapsed++;
        machine.Version.Sabotage?.AtPagesCollapsed(machine, run.Attempts.Count(attempt => attempt.Status == ScanResult.Succeed));
    }

    private static void Count(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        if (order == machine.Geometry.PmdOrder)
            machine.Statistics.Count(vmEvent);
        machine.Statistics.Count(statistic, order);
        machine.Version.Sabotage?.AtCounter(machine, statistic, vmEvent, order);
    }
}
