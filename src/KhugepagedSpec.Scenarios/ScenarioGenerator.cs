using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Scenarios;

/// <summary>Scenarios: a table, settings that matter for it, a VMA with or without something special, now and then an injected
/// fault.</summary>
/// <param name="choices">Where its choices come from.</param>
/// <param name="geometry">The geometry of the tables.</param>
/// <param name="kinds">The letters of the notation that may occur as defects; null for the usual ones.</param>
public sealed class ScenarioGenerator(Choices choices, Geometry geometry, string? kinds = null)
{
    // What matters most, more often.
    private static readonly (InjectedFault What, Gap When)[] CommonFaults =
    [
        (InjectedFault.AllocFails, Gap.BeforeRead), (InjectedFault.AllocFails, Gap.BeforeRead),
            (InjectedFault.ChargeFails, Gap.BeforeRead), (InjectedFault.CopyFails, Gap.BeforeRead),
        (InjectedFault.PageLocked, Gap.BeforeRead), (InjectedFault.PageOffLru, Gap.BeforeRead),
            (InjectedFault.SwapinFails, Gap.BeforeRead), (InjectedFault.SwapinRetries, Gap.BeforeRead),
        (InjectedFault.UffdRegistered, Gap.BeforeRead), (InjectedFault.UffdRegistered, Gap.BeforeWrite),
            (InjectedFault.PagesAge, Gap.BeforeWrite),
    ];

    // Everything that can go wrong, wherever it can, but for what a device does: it came later, and would make other scenarios of a seed.
    internal static readonly (InjectedFault What, Gap When)[] AllFaults =
        [.. Enum.GetValues<InjectedFault>().Where(what => what < InjectedFault.PageTurnsExclusive)
            .SelectMany(what => FaultInjection.GapsOf(what).Select(gap => (what, gap)))];

    private readonly TableGenerator _tables = new(choices, geometry, kinds);
    private readonly NearTheLimit _nearTheLimit = new(choices, geometry, kinds);
    private readonly Surroundings _surroundings = new(choices);

    /// <summary>Random scenarios without end; the same seed gives the same.</summary>
    public static IEnumerable<Scenario> Random(ulong seed, Geometry geometry)
    {
        var generator = new ScenarioGenerator(new RandomChoices(seed), geometry);
        while (true)
            yield return generator.Next();
    }

    /// <summary>A scenario.</summary>
    public Scenario Next()
    {
        if (choices.OneIn(11))
        {
            var near = _nearTheLimit.Next();
            var orders = choices.OneIn(2) ? Orders().With(geometry.PmdOrder) : Orders();
            return near with { Settings = near.Settings.WithSizes(orders, SizeEnabled.Madvise) };
        }
        if (kinds is null && choices.OneIn(50))
            return Program();
        if ((kinds is null || kinds.Contains('s')) && choices.OneIn(24))
            return SwappedOut();
        var scenario = Scenario.Of(_tables.Next());
        var settings = Settings(scenario.Settings);
        scenario = scenario with
        {
            Settings = choices.OneIn(5) ? AtTheLimits(settings, scenario.Table) : settings,
            Vma = scenario.Vma with { Flags = scenario.Vma.Flags | Flags() },
            Kind = choices.OneIn(12) ? CollapseKind.Madvise : CollapseKind.Khugepaged,
            Faults = choices.OneIn(3) ? [AFault()] : [],
        };
        return choices.OneIn(9) ? _surroundings.Unusual(scenario) : scenario;
    }

    // Runs of swap entries, mostly such as come back, now and then into what happens meanwhile.
    private Scenario SwappedOut()
    {
        var table = _tables.Next();
        var scenario = Scenario.Of(table.Pmd == PmdState.Table ? SwapRuns.Into(choices, table) : table);
        var settings = Settings(scenario.Settings);
        return scenario with
        {
            Settings = choices.OneIn(3)
                ? settings
                : settings.WithSizes(Orders().With(geometry.PmdOrder), SizeEnabled.Madvise) with { MaxPtesSwap = geometry.MaxPtesLimit },
            Vma = scenario.Vma with { Flags = scenario.Vma.Flags | Flags() },
            Faults = choices.Below(4) switch
            {
                0 => [new FaultInjection(InjectedFault.PageMigrates, Times: choices.Between(1, 3))],
                1 => [new FaultInjection(InjectedFault.SwapinAllocFails, Order: choices.OneIn(2)
                    ? choices.Between(Geometry.MinOrder, geometry.PmdOrder - 1) : null)],
                _ => [],
            },
        };
    }

    private Scenario Program()
    {
        var scenario = Scenario.Of(ProgramScenarios.Next(choices, geometry), geometry);
        return scenario with
        {
            Settings = Settings(scenario.Settings),
            Kind = choices.OneIn(12) ? CollapseKind.Madvise
            : CollapseKind.Khugepaged
        };
    }

    private OrderSet Orders() => choices.Below(8) switch
    {
        0 => OrderSet.Of(geometry.PmdOrder),
        1 or 2 => OrderSet.Of(choices.Between(Geometry.MinOrder, geometry.PmdOrder - 1)),
        3 => geometry.AnonOrders,
        4 => geometry.AnonOrders.Without(geometry.PmdOrder),
        _ => new OrderSet((uint)choices.Below(1 << (geometry.PmdOrder + 1))) & geometry.AnonOrders,
    };

    private ThpSettings Settings(ThpSettings settings)
    {
        var orders = Orders();
        int maximum = geometry.MaxPtesLimit;
        return settings.WithSizes(orders, choices.OneIn(6) ? SizeEnabled.Always : SizeEnabled.Madvise) with
        {
            MaxPtesNone = choices.Below(9) switch
            {
                0 or 1 => 0,
                <= 6 => maximum,
                7 => (maximum + 1) / 2 - choices.Below(2),
                _ =>
                choices.Below(maximum + 1)
            },
            MaxPtesSwap = choices.OneIn(3) ? choices.Below(3) : maximum,
            MaxPtesShared = choices.OneIn(3) ? choices.Below(3) : maximum,
        };
    }

    // The PMD's order enabled, and each limit exactly what the table has, or one less.
    private ThpSettings AtTheLimits(ThpSettings settings, PageTable table)
    {
        int none = 0, swap = 0, shared = 0;
        foreach (var cell in table.Cells)
        {
            none += cell.IsNoneOrZero ? 1 : 0;
            swap += cell.Kind is PteKind.Swap or PteKind.GuardMarker ? 1 : 0;
            shared += cell.Has(CellFlags.Shared) ? 1 : 0;
        }
        return settings.WithSizes(settings.OrdersFor(advised: true).With(geometry.PmdOrder), SizeEnabled.Madvise) with
        {
            MaxPtesNone = Limit(none),
            MaxPtesSwap = Limit(swap),
            MaxPtesShared = Limit(shared),
        };

        int Limit(int count) => Math.Clamp(count - (choices.OneIn(3) ? 1 : 0), 0, geometry.MaxPtesLimit);
    }

    private VmaFlags Flags() => choices.Below(12) switch
    {
        0 => choices.OneIn(4) ? VmaFlags.UffdMissing | VmaFlags.UffdWp : VmaFlags.UffdMissing,
        1 => VmaFlags.UffdWp,
        2 => VmaFlags.Locked,
        3 => VmaFlags.Droppable,
        _ => VmaFlags.None,
    };

    private FaultInjection AFault()
    {
        int? order = choices.OneIn(3) ? choices.Between(Geometry.MinOrder, geometry.PmdOrder) : null;
        var (what, when) = choices.OneIn(2) ? choices.Of<(InjectedFault, Gap)>(CommonFaults) : choices.Of<(InjectedFault, Gap)>(AllFaults);
        return new FaultInjection(
            what, when, order,
            Offset: when == Gap.BetweenPasses && order is { } some ? choices.Below(geometry.Pages >> some) << some : null,
            Times: choices.Between(1, 3));
    }
}
