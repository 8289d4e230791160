using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Collapse;

/// <summary>How a limit that was exceeded is counted: per size always, in vmstat at the PMD order only.</summary>
public static class ExceedStatistics
{
    /// <summary>The counters of a limit that was exceeded; null if the result is none of a limit.</summary>
    public static (MthpStatistic Size, VmEvent Event)? Of(ScanResult result) => result switch
    {
        ScanResult.ExceedNonePte => (MthpStatistic.CollapseExceedNonePte, VmEvent.ThpScanExceedNonePte),
        ScanResult.ExceedSwapPte => (MthpStatistic.CollapseExceedSwapPte, VmEvent.ThpScanExceedSwapPte),
        ScanResult.ExceedSharedPte => (MthpStatistic.CollapseExceedSharedPte, VmEvent.ThpScanExceedSharePte),
        _ => null,
    };

    internal static void Count(Machine machine, ScanResult result, int order)
    {
        bool isPmdOrder = order == machine.Geometry.PmdOrder;
        var accounting = machine.Version.Accounting;
        if (!isPmdOrder && accounting == AccountingRule.LimitsAtPmdOrderOnly)
            return;
        var (statistic, vmEvent) = Of(result) ?? throw new ArgumentOutOfRangeException(nameof(result), result, "not a limit");
        machine.Statistics.Count(statistic, order);
        if (isPmdOrder || accounting == AccountingRule.EventsAtEveryOrder)
            machine.Statistics.Count(vmEvent);
    }
}
