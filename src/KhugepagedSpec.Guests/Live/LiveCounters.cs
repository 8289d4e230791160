using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>The counters that the agent has open: those of khugepaged first, then the per-size ones that this kernel has.</summary>
internal sealed class LiveCounters
{
    private const int FullScans = 0, PagesCollapsed = 1, FirstOfSizes = 2;

    private readonly List<(string Name, int Order)> _opened = [];

    /// <summary>Has the agent open them.</summary>
    public LiveCounters(GuestKernel guest, MachineType machine)
    {
        Open("khugepaged/full_scans", "full_scans", 0);
        Open("khugepaged/pages_collapsed", "pages_collapsed", 0);
        foreach (int order in machine.Geometry.AnonOrders.Orders())
            foreach (var statistic in Enum.GetValues<MthpStatistic>())
                Open($"{StepWriter.Size(order, machine)}/stats/{Statistics.NameOf(statistic)}", Statistics.NameOf(statistic), order);
        foreach (int order in machine.Geometry.AnonOrders.Orders())
            foreach (var gauge in Enum.GetValues<MthpGauge>())
                Open($"{StepWriter.Size(order, machine)}/stats/{Gauges.NameOf(gauge)}", Gauges.NameOf(gauge), order);
        HasSizeStatistics = _opened.Any(counter => counter.Name == Statistics.NameOf(MthpStatistic.CollapseAlloc));

        void Open(string file, string name, int order)
        {
            guest.Take(0, $"count /sys/kernel/mm/transparent_hugepage/{file}\n", out string error);
            if (error.Length == 0)
                _opened.Add((name, order));
        }
    }

    /// <summary>The kernel counts collapses per size (7.2).</summary>
    public bool HasSizeStatistics { get; }

    /// <summary>The counters as the agent tells them.</summary>
    public static long[] Read(AgentPart part)
    {
        long[] counters = new long[part.Data.Length / 8];
        Buffer.BlockCopy(part.Data, 0, counters, 0, part.Data.Length);
        return counters;
    }

    /// <summary>What a text of <c>/proc/vmstat</c> counts of the events that are known.</summary>
    public static Statistics ReadEvents(AgentPart vmstat)
    {
        var events = new Statistics();
        foreach (string line in Encoding.ASCII.GetString(vmstat.Data).Split('\n'))
            if (line.IndexOf(' ') is var space and > 0 && Statistics.TryParse(line.AsSpan(0, space), out VmEvent vmEvent))
                events.Count(vmEvent, long.Parse(line.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture));
        return events;
    }

    /// <summary>What the counters grew by between two looks.</summary>
    public PassCounters Added((long[] Counters, Statistics? Events) before, (long[] Counters, Statistics? Events) after)
    {
        var sizes = ImmutableArray.CreateBuilder<(string, int, long)>();
        var gauges = ImmutableArray.CreateBuilder<(string, int, long)>();
        for (int i = FirstOfSizes; i < _opened.Count; i++)
            if (Grown(i) is var grown and not 0)
                (Gauges.TryParse(_opened[i].Name, out _) ? gauges : sizes).Add((_opened[i].Name, _opened[i].Order, grown));
        return new PassCounters(
            Grown(FullScans), Grown(PagesCollapsed), HasSizeStatistics ? sizes.ToImmutable() : null,
            after.Events is null ? null : [.. after.Events.Since(before.Events!).Events()])
        {
            Gauges = gauges.ToImmutable(),
        };

        long Grown(int i) => after.Counters[i] - before.Counters[i];
    }
}
