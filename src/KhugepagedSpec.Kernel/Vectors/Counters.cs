using KhugepagedSpec.Collapse;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Kernel.Vectors;

/// <summary>Compares what the kernel's counters grew by in a pass with what the model's did.</summary>
internal static class Counters
{
    /// <summary>The first counter that differs, or null.</summary>
    /// <param name="recorded">The kernel's.</param>
    /// <param name="added">The model's.</param>
    /// <param name="foreign">Scans of processes that the model does not have.</param>
    /// <param name="geometry">The geometry of the tables.</param>
    /// <param name="isKhugepaged">khugepaged scanned; otherwise it slept.</param>
    public static Difference? Compare(PassCounters recorded, Statistics added, IReadOnlyList<ScanLine> foreign, Geometry geometry, bool isKhugepaged) =>
        CompareSizes(recorded, added, foreign, geometry)
        ?? CompareEvents(recorded, added, foreign)
        ?? Difference.If("pages_collapsed", recorded.PagesCollapsed, added.PagesCollapsed)
        ?? (isKhugepaged ? Difference.If("full_scans", recorded.FullScans, added.FullScans) : null);

    private static Difference? CompareSizes(PassCounters recorded, Statistics added, IReadOnlyList<ScanLine> foreign, Geometry geometry)
    {
        if (recorded.Statistics is not { } sizes)
            return null;
        var kernel = new Statistics();
        foreach (var (name, order, value) in sizes)
        {
            if (!Statistics.TryParse(name, out MthpStatistic statistic))
                return new("statistics", $"{name}.{order}={value}", "not modelled");
            kernel.Count(statistic, order, value);
        }
        foreach (var line in foreign)
            if (Exceeded(line.Status) is var (statistic, _))
                kernel.Count(statistic, geometry.PmdOrder, -1);
        return kernel.SizesEqual(added) ? null : new("statistics", List(kernel.Sizes()), List(added.Sizes()));

        static string List(IEnumerable<(string Name, int Order, long Value)> counters) =>
            string.Join(' ', counters.Select(counter => $"{counter.Name}.{counter.Order}={counter.Value}"));
    }

    private static Difference? CompareEvents(PassCounters recorded, Statistics added, IReadOnlyList<ScanLine> foreign)
    {
        if (recorded.Events is not { } events)
            return null;
        var kernel = new Statistics();
        foreach (var (name, value) in events)
        {
            if (!Statistics.TryParse(name, out VmEvent vmEvent))
                return new("vmstat", $"{name}={value}", "not modelled");
            kernel.Count(vmEvent, value);
        }
        foreach (var line in foreign)
            if (Exceeded(line.Status) is var (_, vmEvent))
                kernel.Count(vmEvent, -1);
        return kernel.EventsEqual(added) ? null : new("vmstat", List(kernel.Events()), List(added.Events()));

        static string List(IEnumerable<(string Name, long Value)> counters) =>
            string.Join(' ', counters.Select(counter => $"{counter.Name}={counter.Value}"));
    }

    private static (MthpStatistic Size, VmEvent Event)? Exceeded(ScanResult result) => result switch
    {
        ScanResult.ExceedNonePte => (MthpStatistic.CollapseExceedNonePte, VmEvent.ThpScanExceedNonePte),
        ScanResult.ExceedSwapPte => (MthpStatistic.CollapseExceedSwapPte, VmEvent.ThpScanExceedSwapPte),
        ScanResult.ExceedSharedPte => (MthpStatistic.CollapseExceedSharedPte, VmEvent.ThpScanExceedSharePte),
        _ => null,
    };
}
