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
        (VmaFlags.UffdMissing, "uffdm"), (VmaFlags.UffdWp, "uffdw"), (VmaFlags.UffdRwp, "uffdr"), (VmaFlags.Locked, "mlock"),
        (VmaFlags.NoHugePage, "nohuge"),
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
        if (scenario.Vma.HasAnonVma && !Scenario.NeedsAnonVma(scenario.Table))
            flags.Add("anonvma");
        if (IsEmptyTable(scenario.Table))
            flags.Add("table");
        if (!scenario.Vma.Has(VmaFlags.Write))
            flags.Add("rdonly");
        string pattern = scenario.Table.Pmd == PmdState.None ? "" : TableNotation.WriteWish(scenario.Table).Replace(' ', ',');
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
            Program = scenario.Program,
        };
        return VectorInput.Parse(input.ToString(), scenario.Settings.Geometry);
    }

    private static bool IsEmptyTable(PageTable table) => table.Pmd == PmdState.Table && table.Cells.All(cell => cell.Kind == PteKind.None);

    /// <summary>The scenario with everything taken out that cannot be made on that kernel.</summary>
    /// <param name="scenario">Any scenario of the kernel's geometry.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="keepsReclaimable">Leave in what reclaim would change where a charge fails; the model knows no reclaim.</param>
    public static Scenario Fit(Scenario scenario, KernelAbilities kernel, bool keepsReclaimable = false)
    {
        int? blocksFrom = Shortage.BlocksFrom(scenario.Mishaps, scenario.Table.Geometry);
        bool isChargeShort = Shortage.IsOfCharge(scenario.Mishaps);
        if (!scenario.Program.IsEmpty && (isChargeShort || blocksFrom is not null))
            scenario = scenario with { Program = [] };
        var cells = scenario.Table.Cells.ToArray();
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
        table = new PageTable(table.Geometry, [.. cells], PmdOf(scenario.Table, cells, isChargeShort || blocksFrom is not null));
        var exact = Scenario.Of(table).Vma;
        var flags = scenario.Vma.Flags & KnownFlags;
        if (!kernel.HasUffdRwp || flags.HasFlag(VmaFlags.UffdWp) || table.Cells.Any(NeedsWriteProtection))
            flags &= ~VmaFlags.UffdRwp;
        var usual = flags.HasFlag(VmaFlags.NoHugePage) ? exact.Flags & ~VmaFlags.HugePage : exact.Flags;
        if (!scenario.Vma.Has(VmaFlags.Write))
            usual &= ~VmaFlags.Write;
        return scenario with
        {
            Table = table,
            Vma = exact with
            {
                HasAnonVma = exact.HasAnonVma || (scenario.Vma.HasAnonVma && isKnownShape),
                Start = isKnownShape ? scenario.Vma.Start : exact.Start,
                End = isKnownShape ? scenario.Vma.End : exact.End,
                Flags = usual | flags,
            },
            Settings = Fit(scenario.Settings, table, kernel, isChargeShort),
            ThpDisable = scenario.ThpDisable == ThpDisable.ExceptAdvised ? ThpDisable.No : scenario.ThpDisable,
            Numa = NumaTopology.SingleNode,
            Mishaps = isChargeShort || (blocksFrom is not null && scenario.Kind == CollapseKind.Khugepaged) ? scenario.Mishaps : [],
        };
    }

    // A PMD entry that cannot be made is none; one whose pages were changed is a table's.
    private static PmdState PmdOf(PageTable wanted, Cell[] cells, bool isShort) => wanted.Pmd switch
    {
        PmdState.Huge => !isShort && cells.AsSpan().SequenceEqual(wanted.Cells.AsSpan()) ? PmdState.Huge : PmdState.Table,
        PmdState.HugeZero => isShort ? PmdState.None : PmdState.HugeZero,
        PmdState.Migration or PmdState.DevicePrivate => PmdState.None,
        _ => wanted.Pmd,
    };

    // Made by write-protecting, which excludes read-write protection; a page protected against reads is made without.
    private static bool NeedsWriteProtection(Cell cell) =>
        cell.Kind is PteKind.UffdWpMarker or PteKind.PoisonMarker || (cell.Kind != PteKind.Page && cell.Has(CellFlags.UffdWp));

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
