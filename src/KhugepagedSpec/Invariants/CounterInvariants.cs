using KhugepagedSpec.Memory;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Invariants;

/// <summary>What the counters must say, and what must be given back.</summary>
internal static class CounterInvariants
{
    public static (int? Cell, string Why)? NoLockLeft(CollapseRun run) =>
        run.LeftLocked == true ? (null, "the mmap lock is still held when the visit ends") : null;

    public static (int? Cell, string Why)? AddUp(CollapseRun run)
    {
        if (run.Added is not { } added)
            return null;
        int pmdOrder = run.Geometry.PmdOrder;
        for (int order = 0; order <= pmdOrder; order++)
        {
            var attempts = run.Attempts.Where(attempt => attempt.Order == order).ToList();
            long tried = added[MthpStatistic.CollapseAlloc, order] + added[MthpStatistic.CollapseAllocFailed, order];
            // A deferred split list that cannot be set up is reported as a failed allocation, though there was one.
            if (tried != attempts.Count)
                return (null,
                    $"collapse_alloc and collapse_alloc_failed grew by {tried} at order {order}, {attempts.Count} attempts were made");
            foreach (var (result, statistic) in Limits)
            {
                bool inScan = order == pmdOrder && run.Attempts.IsEmpty && run.Status == result;
                int expected = attempts.Count(attempt => attempt.Status == result) + (inScan ? 1 : 0);
                if (added[statistic, order] != expected)
                    return (null, $"{Statistics.NameOf(statistic)} grew by {added[statistic, order]} at order {order}, {result.KernelName()} was met {expected} times");
            }
        }
        foreach (var (vmEvent, statistic) in Events)
            if (run.ReadVmstat && added[vmEvent] != added[statistic, pmdOrder])
                return (null, $"{Statistics.NameOf(vmEvent)} grew by {added[vmEvent]}, {Statistics.NameOf(statistic)} at the PMD order by {added[statistic, pmdOrder]}");
        int collapsed = run.Kind == CollapseKind.Khugepaged && run.Collapsed.Any() ? 1 : 0;
        return added.PagesCollapsed == collapsed ? null : (null, $"pages_collapsed grew by {added.PagesCollapsed}, for {collapsed} range");
    }

    private static readonly (ScanResult Result, MthpStatistic Statistic)[] Limits =
    [
        (ScanResult.ExceedNonePte, MthpStatistic.CollapseExceedNonePte),
        (ScanResult.ExceedSwapPte, MthpStatistic.CollapseExceedSwapPte),
        (ScanResult.ExceedSharedPte, MthpStatistic.CollapseExceedSharedPte),
    ];

    private static readonly (VmEvent Event, MthpStatistic Statistic)[] Events =
    [
        (VmEvent.ThpCollapseAlloc, MthpStatistic.CollapseAlloc),
        (VmEvent.ThpCollapseAllocFailed, MthpStatistic.CollapseAllocFailed),
        (VmEvent.ThpScanExceedNonePte, MthpStatistic.CollapseExceedNonePte),
        (VmEvent.ThpScanExceedSwapPte, MthpStatistic.CollapseExceedSwapPte),
        (VmEvent.ThpScanExceedSharePte, MthpStatistic.CollapseExceedSharedPte),
    ];
}
