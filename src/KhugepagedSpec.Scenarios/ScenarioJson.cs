using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Scenarios;

/// <summary>A scenario as JSON, all of it; what has its usual value is left out.</summary>
/// <param name="Table">The page table in the notation.</param>
/// <param name="PmdOrder">The PMD's order.</param>
/// <param name="Vma">The VMA.</param>
/// <param name="Settings">The sysfs settings.</param>
/// <param name="Kind">Who collapses.</param>
/// <param name="ThpDisable">How the process refuses THP.</param>
/// <param name="Numa">The NUMA nodes; null for one.</param>
/// <param name="Faults">What goes wrong, each as on the command line.</param>
/// <param name="Program">What the process does before the first pass; null if the scenario does not begin as a program.</param>
/// <param name="Machine">The machine; null for x86-64.</param>
public sealed record ScenarioJson(
    string Table, int PmdOrder, VmaJson Vma, SettingsJson Settings, CollapseKind Kind, ThpDisable ThpDisable, NumaJson? Numa,
        ImmutableArray<string> Faults,
    string? Program = null, string? Machine = null)
{
    // Far enough off for any walk over the VMA to have an end.
    private const long MostPages = 1 << 24;

    /// <summary>Takes a scenario apart.</summary>
    /// <exception cref="FormatException">It has something that JSON has no place for; the message is one line.</exception>
    public static ScenarioJson Of(Scenario scenario)
    {
        var json = new ScenarioJson(
            scenario.Table.ToString(), scenario.Table.Geometry.PmdOrder,
            new VmaJson(scenario.Vma.Start, scenario.Vma.End, scenario.Vma.Flags, scenario.Vma.HasAnonVma),
            SettingsJson.Of(scenario.Settings),
            scenario.Kind, scenario.ThpDisable,
            scenario.Numa == NumaTopology.SingleNode ? null
                : new NumaJson(scenario.Numa.NodeReclaim, scenario.Numa.ReclaimDistance, [.. scenario.Numa.Distances]),
            [.. scenario.Faults.Select(fault => fault.ToString())],
            scenario.Program.IsEmpty ? null : ProgramStep.Write(scenario.Program, scenario.Settings.Geometry),
            scenario.Machine == MachineType.X86 ? null : scenario.Machine.Name);
        return ScenarioDifference.First(scenario, json.ToScenario()) is { } lost
            ? throw new FormatException($"the scenario as JSON would have {lost}")
            : json;
    }

    /// <summary>Puts the scenario together.</summary>
    /// <exception cref="FormatException">The table, the VMA, an order or an injected fault cannot be; the message is one line.</exception>
    public Scenario ToScenario()
    {
        if (PmdOrder is < Geometry.MinOrder or > Geometry.MaxPmdOrder)
            throw new FormatException($"pmdOrder {PmdOrder}: expected {Geometry.MinOrder} to {Geometry.MaxPmdOrder}");
        var geometry = new Geometry(PmdOrder);
        if (Vma.Flags.HasFlag(VmaFlags.Anonymous | VmaFlags.UffdMinor))
            throw new FormatException(
                "vma: UffdMinor is for shmem and hugetlb, not for anonymous memory: expected UffdMissing, UffdWp or UffdRwp");
        if (Numa?.FindError() is { } error)
            throw new FormatException(error);
        if (Vma.Start >= Vma.End || Vma.Start <= -MostPages || Vma.End >= MostPages)
            throw new FormatException(
                $"vma: pages {Vma.Start} to {Vma.End}: expected an end above the start, both between -{MostPages} and {MostPages}");
        var table = PageTable.Parse(Table, geometry);
        int nodes = Numa?.Distances.Length ?? 1;
        if (Numa is not null && table.Cells.FirstOrDefault(cell => cell.Node >= nodes) is { Node: > 0 } far)
            throw new FormatException($"table: a page on node {far.Node}: expected 0 to {nodes - 1}, as numa.distances has");
        return new Scenario
        {
            Table = table,
            Machine = Machine is null ? MachineType.X86
                : MachineType.Find(Machine)
                    ?? throw new FormatException($"machine '{Machine}': expected one of {string.Join(", ", MachineType.All)}"),
            Vma = new Vma(Vma.Start, Vma.End, Vma.Flags, Vma.HasAnonVma),
            Settings = Settings.ToSettings(geometry),
            Kind = Kind,
            ThpDisable = ThpDisable,
            Numa = Numa is null ? NumaTopology.SingleNode : new NumaTopology(Numa.NodeReclaim, Numa.Distances, Numa.ReclaimDistance),
            Faults = [.. Faults.Select(FaultInjection.Parse)],
            Program = Program is null ? [] : ProgramStep.Parse(Program, geometry),
        };
    }
}

/// <summary>A VMA as JSON.</summary>
public sealed record VmaJson(long Start, long End, VmaFlags Flags, bool HasAnonVma);

/// <summary>The sysfs settings as JSON.</summary>
public sealed record SettingsJson(
    GlobalEnabled Enabled, ImmutableArray<int> Always, ImmutableArray<int> Madvise, ImmutableArray<int> Inherit, int MaxPtesNone,
        int MaxPtesSwap, int MaxPtesShared,
    long PagesToScan)
{
    /// <summary>Takes settings apart.</summary>
    public static SettingsJson Of(ThpSettings settings) => new(
        settings.Enabled, [.. settings.Always.Orders()], [.. settings.Madvise.Orders()], [.. settings.Inherit.Orders()],
            settings.MaxPtesNone,
        settings.MaxPtesSwap, settings.MaxPtesShared, settings.PagesToScan);

    /// <summary>Puts the settings together.</summary>
    /// <exception cref="FormatException">The kernel would refuse one of them; the message is one line.</exception>
    public ThpSettings ToSettings(Geometry geometry)
    {
        var settings = ThpSettings.Defaults(geometry) with
        {
            Enabled = Enabled,
            Always = Orders(Always, geometry),
            Madvise = Orders(Madvise, geometry),
            Inherit = Orders(Inherit, geometry),
            MaxPtesNone = MaxPtesNone,
            MaxPtesSwap = MaxPtesSwap,
            MaxPtesShared = MaxPtesShared,
            PagesToScan = PagesToScan,
        };
        if (settings.FindError() is { } error)
            throw new FormatException(error);
        return settings;
    }

    private static OrderSet Orders(ImmutableArray<int> orders, Geometry geometry)
    {
        var set = OrderSet.Empty;
        foreach (int order in orders)
            set = geometry.AnonOrders.Contains(order)
                ? set.With(order)
                : throw new FormatException($"order {order}: expected {Geometry.MinOrder} to {geometry.PmdOrder}");
        return set;
    }
}

/// <summary>NUMA nodes as JSON.</summary>
public sealed record NumaJson(bool NodeReclaim, int ReclaimDistance, ImmutableArray<ImmutableArray<int>> Distances)
{
    /// <summary>Why there are no such nodes; null if there are.</summary>
    public string? FindError() =>
        Distances.IsEmpty || Distances.Any(row => row.Length != Distances.Length)
            ? $"numa.distances: {Distances.Length} rows of {string.Join(", ", Distances.Select(row => row.Length).Distinct())}: expected a square"
            : null;
}
