using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Scenarios;

/// <summary>Where a VMA lies, against the PMD range at page 0.</summary>
/// <param name="Name">In words.</param>
/// <param name="Of">Its first page and one past its last, from the pages of a range.</param>
public sealed record VmaExtent(string Name, Func<int, (long Start, long End)> Of);

/// <summary>What is around a table and rarely matters: settings, flags and extents off the beaten track, each now and then.</summary>
/// <param name="choices">Where its choices come from.</param>
internal sealed class Surroundings(Choices choices)
{
    /// <summary>Every way a VMA may lie: none makes more than one PMD range whole.</summary>
    public static ImmutableArray<VmaExtent> Extents { get; } =
    [
        new("the range", pages => (0, pages)),
        new("from below it", pages => (-(pages - 1), pages)),
        new("to beyond it", pages => (0, pages + pages - 1)),
        new("from below to beyond", pages => (-(pages / 2), pages + pages / 2)),
        new("not its first page", pages => (1, pages)),
        new("not its last page", pages => (0, pages - 1)),
        new("its second half and beyond", pages => (pages / 2, 2 * pages - 1)),
    ];

    /// <summary>The scenario with something unusual around it.</summary>
    public Scenario Unusual(Scenario scenario) => choices.Below(11) switch
    {
        7 => WithoutPages(scenario),
        0 => scenario with { Settings = scenario.Settings with { Enabled = choices.Of<GlobalEnabled>(Enum.GetValues<GlobalEnabled>()) } },
        1 or 8 => scenario with
        {
            Settings = Mixed(
            scenario.Settings) with
            { Enabled = choices.Of<GlobalEnabled>(Enum.GetValues<GlobalEnabled>()) }
        },
        2 or 9 => Placed(scenario, choices.Of(Extents.AsSpan())),
        3 => scenario with
        {
            ThpDisable = choices.Of<ThpDisable>(Enum.GetValues<ThpDisable>()),
            Vma = choices.OneIn(2)
            ? Without(scenario.Vma, VmaFlags.HugePage) : scenario.Vma
        },
        4 => scenario with { Vma = Without(scenario.Vma, choices.OneIn(2) ? VmaFlags.Write : VmaFlags.HugePage) },
        5 => scenario with
        {
            Vma = Without(scenario.Vma,
            VmaFlags.HugePage) with
            { Flags = (scenario.Vma.Flags & ~VmaFlags.HugePage) | VmaFlags.NoHugePage }
        },
        _ => OnTwoNodes(scenario),
    };

    // A range in which nothing is any more, or never was, of a VMA that has pages elsewhere.
    private Scenario WithoutPages(Scenario scenario)
    {
        var empty = PageTable.Empty(scenario.Table.Geometry, choices.OneIn(2) ? PmdState.None : PmdState.Table);
        return scenario with
        {
            Table = empty,
            Vma = scenario.Vma with { HasAnonVma = true },
            Kind = choices.OneIn(2) ? CollapseKind.Madvise : CollapseKind.Khugepaged,
        };
    }

    private static Vma Without(Vma vma, VmaFlags flags) => vma with { Flags = vma.Flags & ~flags };

    // Each size's file on its own.
    private ThpSettings Mixed(ThpSettings settings)
    {
        var mixed = settings.WithSizes(OrderSet.Empty, SizeEnabled.Never);
        foreach (int order in settings.Geometry.AnonOrders.Orders())
            mixed = choices.Of<SizeEnabled>(Enum.GetValues<SizeEnabled>()) switch
            {
                SizeEnabled.Always => mixed with { Always = mixed.Always.With(order) },
                SizeEnabled.Madvise => mixed with { Madvise = mixed.Madvise.With(order) },
                SizeEnabled.Inherit => mixed with { Inherit = mixed.Inherit.With(order) },
                _ => mixed,
            };
        return mixed;
    }

    // What does not lie in the VMA is empty.
    private static Scenario Placed(Scenario scenario, VmaExtent extent)
    {
        if (scenario.Table.Pmd != PmdState.Table)
            return scenario;
        var (start, end) = extent.Of(scenario.Table.Cells.Length);
        var cells = scenario.Table.Cells.ToBuilder();
        for (int i = 0; i < cells.Count; i++)
            if (i < start || i >= end)
                cells[i] = Cell.None;
        var table = new PageTable(scenario.Table.Geometry, cells.MoveToImmutable());
        return scenario with
        {
            Table = table,
            Vma = scenario.Vma with { Start = start, End = end, HasAnonVma = Scenario.Of(table).Vma.HasAnonVma }
        };
    }

    // A folio is on one node: small pages change places, large ones stay.
    private Scenario OnTwoNodes(Scenario scenario)
    {
        if (scenario.Table.Pmd != PmdState.Table)
            return scenario;
        int from = choices.Below(scenario.Table.Cells.Length);
        var cells = scenario.Table.Cells.ToBuilder();
        for (int i = from; i < cells.Count; i++)
            if (cells[i].Kind == PteKind.Page && cells[i].Order == 0 && !cells[i].Has(CellFlags.Ksm))
                cells[i] = cells[i] with { Node = 1 };
        var table = new PageTable(scenario.Table.Geometry, cells.MoveToImmutable());
        return scenario with { Table = table, Numa = Scenario.NodesOf(table, areFar: choices.OneIn(2)) };
    }
}
