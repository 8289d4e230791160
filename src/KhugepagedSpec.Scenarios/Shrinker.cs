using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Makes a scenario small while it still shows what it showed: no injected faults, no flags, fewer and lower orders,
/// smaller limits, entries emptied or made plain by aligned block, from the largest block to the smallest, half the table. The
/// result is deterministic and locally minimal: no single simplification keeps what it shows.
/// </summary>
public static class Shrinker
{
    /// <summary>More simplifications than this are never tried.</summary>
    public const int MostTries = 20_000;

    /// <summary>Shrinks <paramref name="scenario"/>.</summary>
    /// <param name="scenario">A scenario for which <paramref name="shows"/> is true.</param>
    /// <param name="shows">What must stay true.</param>
    public static Scenario Shrink(Scenario scenario, Func<Scenario, bool> shows)
    {
        int tries = 0;
        bool progress = true;
        while (progress && tries < MostTries)
        {
            progress = false;
            foreach (var simpler in Simpler(scenario))
            {
                if (++tries > MostTries)
                    break;
                if (!shows(simpler))
                    continue;
                scenario = simpler;
                progress = true;
                break;
            }
        }
        return scenario;
    }

    /// <summary>PTEs that are not empty: what counterexamples are measured by.</summary>
    public static int Size(Scenario scenario) => scenario.Table.Cells.Count(cell => cell.Kind != PteKind.None);

    /// <summary>Every single simplification, the largest first.</summary>
    public static IEnumerable<Scenario> Simpler(Scenario scenario) =>
        SimplerSurroundings(scenario)
            .Concat(SimplerCells(scenario))
            .Concat(SimplerCells(scenario).Select(simpler => AsFarFromTheLimits(scenario, simpler)).OfType<Scenario>())
            .Concat(ScenarioHalf.All(scenario));

    private static IEnumerable<Scenario> SimplerSurroundings(Scenario scenario)
    {
        for (int i = 0; i < scenario.Faults.Length; i++)
            yield return scenario with { Faults = scenario.Faults.RemoveAt(i) };
        if (scenario.Table.Cells.Any(cell => cell.Slot > 0))
            yield return scenario with { Table = TableNotation.WithSlots(scenario.Table, _ => 0) };
        for (int i = 1; i < scenario.Program.Length; i++)
            yield return scenario with { Program = scenario.Program.RemoveAt(i) };
        if (scenario.Kind != CollapseKind.Khugepaged)
            yield return scenario with { Kind = CollapseKind.Khugepaged };
        if (scenario.Numa != NumaTopology.SingleNode)
            yield return OnOneNode(scenario);
        var exact = Scenario.Of(scenario.Table).Vma;
        var usual = (scenario.Vma.Flags & ~VmaFlags.NoHugePage) | exact.Flags;
        if (usual != scenario.Vma.Flags)
            yield return scenario with { Vma = scenario.Vma with { Flags = usual } };
        if (scenario.Vma.HasAnonVma && !exact.HasAnonVma)
            yield return scenario with { Vma = scenario.Vma with { HasAnonVma = false } };
        if ((scenario.Vma.Start, scenario.Vma.End) != (exact.Start, exact.End))
            yield return scenario with { Vma = scenario.Vma with { Start = exact.Start, End = exact.End } };
        if (scenario.ThpDisable != ThpDisable.No)
            yield return scenario with { ThpDisable = ThpDisable.No };
        var plain = exact.Flags;
        foreach (var flag in Enum.GetValues<VmaFlags>())
            if ((scenario.Vma.Flags & ~plain & flag) != 0)
                yield return scenario with { Vma = scenario.Vma with { Flags = scenario.Vma.Flags & ~flag } };
        var settings = scenario.Settings;
        if (!settings.UseZeroPage)
            yield return scenario with { Settings = settings with { UseZeroPage = true } };
        if (settings.Enabled != GlobalEnabled.Madvise)
            yield return scenario with { Settings = settings with { Enabled = GlobalEnabled.Madvise } };
        foreach (int order in (settings.Always | settings.Madvise | settings.Inherit).Orders())
            yield return scenario with
            {
                Settings = settings with
                {
                    Always = settings.Always.Without(order),
                    Madvise = settings.Madvise.Without(order),
                    Inherit = settings.Inherit.Without(order),
                },
            };
        foreach (int order in settings.Madvise.Orders())
            if (order > Geometry.MinOrder && settings.SizeOf(order - 1) == SizeEnabled.Never)
                yield return scenario with { Settings = settings with { Madvise = settings.Madvise.Without(order).With(order - 1) } };
        foreach (int order in settings.Always.Orders())
            yield return scenario with
            {
                Settings = settings with
                {
                    Always = settings.Always.Without(order),
                    Madvise = settings.Madvise.With(order)
                }
            };
        int maximum = settings.Geometry.MaxPtesLimit;
        if (settings.MaxPtesNone is not 0)
            yield return scenario with { Settings = settings with { MaxPtesNone = 0 } };
        // 0 is simplest, then the maximum; a value in between only gets smaller.
        if (settings.MaxPtesNone > 0 && settings.MaxPtesNone < maximum)
            foreach (int smaller in new[] { maximum, settings.MaxPtesNone / 2, settings.MaxPtesNone - 1 })
                yield return scenario with { Settings = settings with { MaxPtesNone = smaller } };
        var defaults = ThpSettings.Defaults(settings.Geometry);
        if (settings.MaxPtesSwap != defaults.MaxPtesSwap)
            yield return scenario with { Settings = settings with { MaxPtesSwap = defaults.MaxPtesSwap } };
        if (settings.MaxPtesShared != defaults.MaxPtesShared)
            yield return scenario with { Settings = settings with { MaxPtesShared = defaults.MaxPtesShared } };
    }

    private static Scenario OnOneNode(Scenario scenario) => scenario with
    {
        Numa = NumaTopology.SingleNode,
        Table = new PageTable(scenario.Table.Geometry, [.. scenario.Table.Cells.Select(cell => cell with { Node = 0 })],
            scenario.Table.Pmd),
    };

    private static IEnumerable<Scenario> SimplerCells(Scenario scenario)
    {
        if (scenario.Table.Pmd != PmdState.Table)
            yield break;
        foreach (var replacement in new[] { Cell.None, Cell.Plain })
            for (int order = scenario.Table.Geometry.PmdOrder; order >= 0; order--)
                for (int offset = 0; offset < scenario.Table.Cells.Length; offset += 1 << order)
                    if (With(scenario, offset, 1 << order, replacement) is { } simpler)
                        yield return simpler;
    }

    // Fewer entries of a kind and a limit that is lower by as many: what shows at a limit shows again. Null if no limit moves.
    private static Scenario? AsFarFromTheLimits(Scenario scenario, Scenario simpler)
    {
        var settings = simpler.Settings;
        var moved = settings with
        {
            MaxPtesNone = Moved(settings.MaxPtesNone, cell => cell.IsNoneOrZero),
            MaxPtesSwap = Moved(settings.MaxPtesSwap, cell => cell.Kind == PteKind.Swap),
            MaxPtesShared = Moved(settings.MaxPtesShared, cell => cell.Has(CellFlags.Shared)),
        };
        return moved == settings ? null : simpler with { Settings = moved };

        int Moved(int limit, Func<Cell, bool> counts) =>
            limit is 0 || limit == settings.Geometry.MaxPtesLimit
                ? limit
                : Math.Clamp(limit + simpler.Table.Cells.Count(counts) - scenario.Table.Cells.Count(counts), 0,
                    settings.Geometry.MaxPtesLimit);
    }

    // The scenario with a block of cells replaced, unless that would not make it simpler.
    private static Scenario? With(Scenario scenario, int offset, int count, Cell replacement)
    {
        var table = scenario.Table;
        bool simplifies = false;
        for (int i = offset; i < offset + count; i++)
            simplifies |= table.Cells[i].Kind != PteKind.None && table.Cells[i] != replacement;
        if (!simplifies)
            return null;
        var cells = table.Cells.ToBuilder();
        for (int i = offset; i < offset + count; i++)
            if (cells[i].Kind != PteKind.None)
                cells[i] = replacement;
        var simpler = new PageTable(table.Geometry, cells.MoveToImmutable(), table.Pmd);
        return scenario with
        {
            Table = simpler,
            Vma = scenario.Vma with { HasAnonVma = Scenario.Of(simpler).Vma.HasAnonVma },
            Numa = Scenario.NodesOf(simpler, scenario.Numa.NodeReclaim),
        };
    }
}
