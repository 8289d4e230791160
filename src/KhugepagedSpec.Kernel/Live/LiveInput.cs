using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Kernel.Vectors;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Kernel.Live;

/// <summary>Between a scenario and the recorder's line of input.</summary>
public static class LiveInput
{
    private static readonly ImmutableArray<(VmaFlags Flag, string Word)> FlagWords =
    [
        (VmaFlags.UffdMissing, "uffdm"), (VmaFlags.UffdWp, "uffdw"), (VmaFlags.Locked, "mlock"), (VmaFlags.NoHugePage, "nohuge"),
    ];

    private static readonly VmaFlags KnownFlags = FlagWords.Aggregate(VmaFlags.None, (all, pair) => all | pair.Flag);

    /// <summary>The line of input that asks for a scenario.</summary>
    /// <param name="id">The vector's name.</param>
    /// <param name="scenario">A scenario that <see cref="Fit(Scenario, KernelAbilities, bool)"/> leaves as it is.</param>
    /// <param name="passes">How many passes.</param>
    public static VectorInput Of(string id, Scenario scenario, int passes)
    {
        var flags = FlagWords.Where(pair => scenario.Vma.Has(pair.Flag)).Select(pair => pair.Word).ToList();
        if (scenario.ThpDisable == ThpDisable.Completely)
            flags.Add("thpdis");
        string pattern = TableNotation.WriteRecorded(scenario.Table).Replace(' ', ',');
        var input = new VectorInput
        {
            Id = id,
            Settings = scenario.Settings with { PagesToScan = 1_000_000_000 },
            Kind = scenario.Kind,
            Shape = ShapeOf(scenario.Vma, scenario.Settings.Geometry.Pages) ?? VmaShape.Exact,
            Flags = [.. flags],
            Passes = passes,
            Mishaps = scenario.Mishaps,
            Pattern = "",
            PatternText = pattern,
        };
        return VectorInput.Parse(input.ToString(), scenario.Settings.Geometry);
    }

    /// <summary>The scenario with everything taken out that cannot be made on that kernel.</summary>
    /// <param name="scenario">Any scenario of the kernel's geometry.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="keepsReclaimable">Leave in what reclaim would change where a charge fails; the model knows no reclaim.</param>
    public static Scenario Fit(Scenario scenario, KernelAbilities kernel, bool keepsReclaimable = false)
    {
        var cells = scenario.Table.Cells.ToArray();
        int? blocksFrom = Shortage.BlocksFrom(scenario.Mishaps, scenario.Table.Geometry);
        bool isChargeShort = Shortage.IsOfCharge(scenario.Mishaps);
        bool hasKsm = kernel.TellsKsm && cells.Any(cell => cell.Has(CellFlags.Ksm)), isKnownShape = ShapeOf(scenario.Vma, cells.Length) is not null;
        for (int i = 0; i < cells.Length; i++)
            cells[i] = isKnownShape && !scenario.Vma.Covers(i, i + 1) ? Cell.None
                : CanBeMade(cells[i], kernel, hasKsm) && cells[i].Order < (blocksFrom ?? byte.MaxValue) ? cells[i]
                : Cell.Plain;
        var table = new PageTable(scenario.Table.Geometry, [.. cells]);
        foreach (var folio in FolioPlan.Impossible(table))
            MakePlain(cells, folio);
        if (isChargeShort && !keepsReclaimable)
            NothingToReclaim(cells);
        table = new PageTable(table.Geometry, [.. cells]);
        var exact = Scenario.Of(table).Vma;
        var flags = scenario.Vma.Flags & KnownFlags;
        return scenario with
        {
            Table = table,
            Vma = exact with
            {
                Start = isKnownShape ? scenario.Vma.Start : exact.Start,
                End = isKnownShape ? scenario.Vma.End : exact.End,
                Flags = (flags.HasFlag(VmaFlags.NoHugePage) ? exact.Flags & ~VmaFlags.HugePage : exact.Flags) | flags,
            },
            Settings = Fit(scenario.Settings, table, kernel, isChargeShort),
            ThpDisable = scenario.ThpDisable == ThpDisable.ExceptAdvised ? ThpDisable.No : scenario.ThpDisable,
            Numa = NumaTopology.SingleNode,
            Mishaps = isChargeShort || (blocksFrom is not null && scenario.Kind == CollapseKind.Khugepaged) ? scenario.Mishaps : [],
        };
    }

    // A charge that fails makes the cgroup reclaim, which splits folios that are mapped in part and looks at lazyfree pages.
    private static void NothingToReclaim(Cell[] cells)
    {
        for (int i = 0; i < cells.Length; i++)
            if (cells[i].Has(CellFlags.LazyFree))
                cells[i] = Cell.Plain;
        foreach (var folio in FolioPlan.Folios(cells))
            if (folio.Kept.Count < folio.Pages)
                MakePlain(cells, folio);
    }

    private static void MakePlain(Cell[] cells, PlannedFolio folio)
    {
        foreach (int index in folio.Kept)
            cells[index] = Cell.Plain;
    }

    /// <summary>The VMA's extent as a shape; null if it is none.</summary>
    private static VmaShape? ShapeOf(Vma vma, int pages)
    {
        foreach (var shape in Enum.GetValues<VmaShape>())
            if (VectorProcess.Extent(shape, pages) == (vma.Start, vma.End))
                return shape;
        return null;
    }

    private static bool CanBeMade(Cell cell, KernelAbilities kernel, bool hasKsm)
    {
        if (cell.Kind == PteKind.Page && cell.Order > 0)
            return cell.Order >= Geometry.MinOrder && cell == Cell.OfFolio(cell.Order, cell.Page);
        // ksmd would make one page of all that are zero, too.
        return TableNotation.LetterOf(cell) is { } letter && kernel.Kinds.Contains(letter) && !(hasKsm && letter == 'Z');
    }

    // A size set to always makes the sharing child eligible, or not, depending on when it was forked. Before 7.2 nothing runs
    // unless the PMD's size is enabled.
    private static ThpSettings Fit(ThpSettings settings, PageTable table, KernelAbilities kernel, bool isChargeShort)
    {
        var orders = settings.OrdersFor(advised: true);
        while (isChargeShort && !orders.IsEmpty && orders.Lowest < Shortage.LowestChargedOrder)
            orders = orders.Without(orders.Lowest);
        if (!kernel.CollapsesToMthp)
            orders = orders.With(settings.Geometry.PmdOrder);
        bool always = !settings.Always.IsEmpty && !table.Cells.Any(cell => cell.Has(CellFlags.Shared));
        return settings.WithSizes(orders, always ? SizeEnabled.Always : SizeEnabled.Madvise) with { Enabled = GlobalEnabled.Madvise };
    }
}
