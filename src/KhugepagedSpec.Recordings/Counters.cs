using KhugepagedSpec.Collapse;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Recordings;

/// <summary>Compares what the kernel's counters grew by in a pass with what the model's did.</summary>
internal static class Counters
{
    /// <summary>The first counter that differs, or null.</summary>
    /// <param name="recorded">The kernel's.</param>
    /// <param name="added">The model's.</param>
    /// <param name="foreign">Scans of processes that the model does not have; what they counted is taken off.</param>
    /// <param name="geometry">The geometry of the tables.</param>
    /// <param name="isKhugepaged">khugepaged scanned; otherwise it slept.</param>
    public static Difference? Compare(PassCounters recorded, Statistics added, IReadOnlyList<ScanLine> foreign, Geometry geometry,
        bool isKhugepaged)
    {
        if (recorded.AreShared)
            return null;
        var kernel = recorded.Modelled();
        foreach (var line in foreign)
            if (CollapseCounters.Of(line.Status) is var (statistic, vmEvent))
            {
                kernel.Count(statistic, geometry.PmdOrder, -1);
                kernel.Count(vmEvent, -1);
            }
        return (recorded.Statistics is null ? null : CompareSizes(recorded, kernel, added))
            ?? (recorded.Events is null ? null : CompareEvents(recorded, kernel, added))
            ?? CompareGauges(recorded, added.Gauges)
            ?? Difference.If("pages_collapsed", kernel.PagesCollapsed, added.PagesCollapsed)
            ?? (isKhugepaged ? Difference.If("full_scans", kernel.FullScans, added.FullScans) : null);
    }

    private static Difference? CompareSizes(PassCounters recorded, Statistics kernel, Statistics added)
    {
        foreach (var (name, order, value) in recorded.Statistics!.Value)
            if (!Statistics.TryParse(name, out MthpStatistic _))
                return new("statistics", $"{name}.{order}={value}", "not modelled");
        return kernel.SizesEqual(added) ? null : new("statistics", List(kernel), List(added));

        static string List(Statistics counters) =>
            string.Join(' ', counters.Sizes().Select(counter => $"{counter.Name}.{counter.Order}={counter.Value}"));
    }

    private static Difference? CompareGauges(PassCounters recorded, Gauges moved)
    {
        if (recorded.Gauges is not { } read)
            return null;
        var kernel = new Gauges();
        foreach (var (name, order, value) in read)
        {
            if (!Gauges.TryParse(name, out var gauge))
                return new("gauges", $"{name}.{order}={value}", "not modelled");
            kernel.Add(gauge, order, value);
        }
        return Difference.If("gauges", kernel.ToString(), moved.ToString());
    }

    private static Difference? CompareEvents(PassCounters recorded, Statistics kernel, Statistics added)
    {
        foreach (var (name, value) in recorded.Events!.Value)
            if (!Statistics.TryParse(name, out VmEvent _))
                return new("vmstat", $"{name}={value}", "not modelled");
        return kernel.EventsEqual(added) ? null : new("vmstat", List(kernel), List(added));

        static string List(Statistics counters) => string.Join(' ', counters.Events().Select(counter => $"{counter.Name}={counter.Value}"));
    }
}
