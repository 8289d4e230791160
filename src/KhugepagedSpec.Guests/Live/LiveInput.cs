using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

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
    /// <param name="scenario">The scenario.</param>
    /// <param name="passes">How many passes.</param>
    /// <param name="beside">Populate what the VMA has beside the range, where its extent is one of the shapes.</param>
    /// <exception cref="FormatException">The line has no place for something; the message is one line.</exception>
    public static VectorInput Of(string id, Scenario scenario, int passes, bool beside)
    {
        var shape = ShapeOf(scenario.Vma, scenario.Settings.Geometry.Pages);
        if (!beside && shape is { } known && VectorProcess.Neighbours(known) != default)
            shape = null;
        var (first, end) = (scenario.Vma.Start, scenario.Vma.End);
        var input = new VectorInput
        {
            Id = id,
            Machine = scenario.Machine,
            Settings = scenario.Settings with { PagesToScan = 1_000_000_000 },
            Kind = scenario.Kind,
            Shape = shape ?? VmaShape.Exact,
            Bare = shape is null ? ((int)Math.Clamp(first, int.MinValue, int.MaxValue), (int)Math.Clamp(end, int.MinValue, int.MaxValue))
                : null,
            Flags = [.. FlagsOf(scenario)],
            Passes = passes,
            Faults = scenario.Faults,
            Pattern = "",
            PatternText = scenario.Table.Pmd == PmdState.None ? "" : TableNotation.WriteWish(scenario.Table).Replace(' ', ','),
            Program = scenario.Program,
        };
        var read = VectorInput.Parse(input.ToString(), scenario.Settings.Geometry);
        return ScenarioDifference.First(scenario, ScenarioOf(read)) is { } lost
            ? throw new FormatException($"a kernel would be given {lost}") : read;
    }

    /// <summary>The scenario that a line of input asks for; what was done after the table was populated is not in it.</summary>
    public static Scenario ScenarioOf(VectorInput input)
    {
        var scenario = RecordedHistory.ScenarioOf(new RecordedVector { Input = input, Before = TableBuilder.Wish(input), Passes = [] });
        return input.Program.IsEmpty ? scenario
            : Scenario.Of(input.Program, input.Settings.Geometry) with
            {
                Machine = input.Machine,
                Settings = scenario.Settings,
                Kind = scenario.Kind,
                ThpDisable = scenario.ThpDisable,
                Faults = scenario.Faults,
                Numa = scenario.Numa,
            };
    }

    // A program makes its VMA itself.
    private static IEnumerable<string> FlagsOf(Scenario scenario)
    {
        if (scenario.ThpDisable != ThpDisable.No)
            yield return scenario.ThpDisable == ThpDisable.Completely ? "thpdis" : "thpadv";
        if (!scenario.Program.IsEmpty)
        {
            if (scenario.Settings.UseZeroPage)
                yield return "hugezero";
            if (scenario.Numa.NodeReclaim)
                yield return "far";
            yield break;
        }
        foreach (var (flag, word) in FlagWords)
            if (scenario.Vma.Has(flag))
                yield return word;
        if (scenario.Vma.HasAnonVma && !Scenario.NeedsAnonVma(scenario.Table))
            yield return "anonvma";
        if (IsEmptyTable(scenario.Table))
            yield return "table";
        if (scenario.Numa.NodeReclaim)
            yield return "far";
        if (!scenario.Vma.Has(VmaFlags.Write))
            yield return "rdonly";
        if ((scenario.Vma.Flags & (VmaFlags.HugePage | VmaFlags.NoHugePage)) == VmaFlags.None)
            yield return "noadv";
    }

    /// <summary>The VMA's extent is a shape that has pages of its own beside the range.</summary>
    public static bool HasNeighbours(Vma vma, int pages) => ShapeOf(vma, pages) is { } shape && VectorProcess.Neighbours(shape) != default;

    /// <summary>Those extents, as FIRST-LAST.</summary>
    public static string ExtentsWithNeighbours(int pages) => string.Join(
        ", ",
        from shape in Enum.GetValues<VmaShape>()
        where VectorProcess.Neighbours(shape) != default
        select BareExtent.Write(VectorProcess.Extent(shape, pages)));

    private static bool IsEmptyTable(PageTable table) => table.Pmd == PmdState.Table && table.Cells.All(cell => cell.Kind == PteKind.None);

    /// <summary>The scenario with everything taken out that cannot be made on that kernel.</summary>
    /// <param name="scenario">Any scenario of the kernel's geometry.</param>
    /// <param name="kernel">The kernel.</param>
    public static Scenario Fit(Scenario scenario, KernelAbilities kernel)
    {
        int? blocksFrom = Shortage.BlocksFrom(scenario.Faults, scenario.Table.Geometry);
        bool isChargeShort = Shortage.IsOfCharge(scenario.Faults);
        if (!scenario.Program.IsEmpty && (isChargeShort || blocksFrom is not null))
            scenario = scenario with { Program = [] };
        var cells = scenario.Table.Cells.ToArray();
        var shape = ShapeOf(scenario.Vma, cells.Length);
        bool hasKsm = kernel.Kinds.Contains('K') && cells.Any(cell => cell.Has(CellFlags.Ksm)), isKnownShape = shape is not null;
        for (int i = 0; i < cells.Length; i++)
            cells[i] = isKnownShape && !scenario.Vma.Covers(i, i + 1) ? Cell.None
                : CanBeMade(cells[i], kernel, hasKsm) && cells[i].Order < (blocksFrom ?? byte.MaxValue) ? cells[i]
                : Cell.Plain;
        var table = new PageTable(scenario.Table.Geometry, [.. cells]);
        foreach (var folio in FolioPlan.Impossible(table))
            MakePlain(cells, folio);
        foreach (var folio in FolioPlan.Folios(cells).Where(folio => IsSplitByAdvice(cells, folio)))
            foreach (int page in folio.Kept)
                cells[page] = Cell.OfFolio(folio.Order, cells[page].Page);
        foreach (var folio in FolioPlan.Folios(cells).Where(folio => IsAgedByFaults(cells, folio, kernel)))
            foreach (int page in folio.Kept)
                cells[page] = Cell.OfFolio(folio.Order, cells[page].Page) with { Node = cells[page].Node };
        if (UnsharedFolioBesideShared(cells) >= 0)
            for (int i = 0; i < cells.Length; i++)
                if (cells[i].Order > 0)
                    cells[i] = cells[i] with { Flags = cells[i].Flags & ~CellFlags.Shared };
        if (isChargeShort)
            NothingToReclaim(cells);
        WithinClusters(cells, kernel.Machine);
        table = new PageTable(table.Geometry, [.. cells], PmdOf(scenario.Table, cells, isChargeShort || blocksFrom is not null));
        var exact = Scenario.Of(table).Vma;
        var flags = scenario.Vma.Flags & KnownFlags;
        if (!kernel.HasUffd)
            flags &= ~VmaFlags.UffdMissing;
        if (!kernel.HasUffdWp)
            flags &= ~VmaFlags.UffdWp;
        if (!kernel.HasUffdRwp || flags.HasFlag(VmaFlags.UffdWp) || table.Cells.Any(NeedsWriteProtection))
            flags &= ~VmaFlags.UffdRwp;
        if (!flags.HasFlag(VmaFlags.UffdRwp) && table.Cells.Any(IsArming))
            flags |= VmaFlags.UffdWp;
        var usual = flags.HasFlag(VmaFlags.NoHugePage) ? exact.Flags & ~VmaFlags.HugePage : exact.Flags;
        if (!scenario.Vma.Has(VmaFlags.Write))
            usual &= ~VmaFlags.Write;
        return scenario with
        {
            Table = table,
            Machine = kernel.Machine,
            Vma = exact with
            {
                HasAnonVma = exact.HasAnonVma
                    || (shape is { } known && (scenario.Vma.HasAnonVma || VectorProcess.Neighbours(known) != default)),
                Start = isKnownShape ? scenario.Vma.Start : exact.Start,
                End = isKnownShape ? scenario.Vma.End : exact.End,
                Flags = usual | flags,
            },
            Settings = Fit(scenario.Settings, table, kernel, isChargeShort),
            ThpDisable = scenario.ThpDisable == ThpDisable.ExceptAdvised ? ThpDisable.No : scenario.ThpDisable,
            Numa = kernel.Nodes == 1 ? NumaTopology.SingleNode : Scenario.NodesOf(table, scenario.Numa.NodeReclaim),
            Faults = isChargeShort || (blocksFrom is not null && scenario.Kind == CollapseKind.Khugepaged) ? scenario.Faults : [],
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

    /// <summary>A PTE that user space can make only where the VMA is registered with userfaultfd.</summary>
    internal static bool IsArming(Cell cell) => cell.Kind is PteKind.UffdWpMarker or PteKind.PoisonMarker || cell.Has(CellFlags.UffdWp);

    // The kernel warns of more slots in a row than a cluster has, and does not bring them back.
    private static void WithinClusters(Cell[] cells, MachineType machine)
    {
        if (machine.SwapClusterOrder >= machine.Geometry.PmdOrder)
            return;
        int most = 1 << machine.SwapClusterOrder;
        foreach (var run in SwapRun.Of(cells))
            for (int at = run.At + most; at < run.At + run.Pages; at += most + 1)
                cells[at] = cells[at] with { Slot = 0 };
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
    internal static VmaShape? ShapeOf(Vma vma, int pages)
    {
        foreach (var shape in Enum.GetValues<VmaShape>())
            if (VectorProcess.Extent(shape, pages) == (vma.Start, vma.End))
                return shape;
        return null;
    }

    // Written; cold; given up; given up and written again; written, and mapped by a child too.
    private static readonly CellFlags[] OfFolios =
    [
        CellFlags.Young | CellFlags.Dirty, CellFlags.Dirty, CellFlags.LazyFree, CellFlags.LazyFree | CellFlags.Young | CellFlags.Dirty,
        CellFlags.Young | CellFlags.Dirty | CellFlags.Shared,
    ];

    /// <summary>A folio that is not there as a whole, but is cold or given up in part: the advice would split it.</summary>
    internal static bool IsSplitByAdvice(IReadOnlyList<Cell> cells, PlannedFolio folio) =>
        folio.Kept.Count < folio.Pages
            && folio.Kept.Exists(i => !cells[i].Has(CellFlags.Young | CellFlags.Dirty) || cells[i].Has(CellFlags.LazyFree));

    /// <summary>A folio on another node, some of whose pages are to be cold. Where NUMA balancing has taken the access from them, the fault
    /// on one gives it back to all, and makes them young (Linux 7.2, <c>mm/memory.c:numa_rebuild_large_mapping</c>).</summary>
    internal static bool IsAgedByFaults(IReadOnlyList<Cell> cells, PlannedFolio folio, KernelAbilities kernel) =>
        kernel.BalancesNuma && cells[folio.Kept[0]].Node > 0
            && folio.Kept.Select(page => cells[page].Has(CellFlags.Young)).Distinct().Count() > 1;

    /// <summary>A page of a large folio that only this process maps, beside some that a child maps too; -1 if there is none. The child is
    /// forked once they are all there, and a fork takes from each that it is exclusive.</summary>
    internal static int UnsharedFolioBesideShared(IReadOnlyList<Cell> cells)
    {
        int unshared = -1;
        bool someAreShared = false;
        for (int i = 0; i < cells.Count; i++)
            if (cells[i] is { Kind: PteKind.Page, Order: > 0 } cell)
                if (cell.Has(CellFlags.Shared))
                    someAreShared = true;
                else if (unshared < 0)
                    unshared = i;
        return someAreShared ? unshared : -1;
    }

    internal static bool CanBeMade(Cell cell, KernelAbilities kernel, bool hasKsm)
    {
        if (cell.Node >= kernel.Nodes)
            return false;
        if (cell.Kind == PteKind.Page && cell.Order > 0)
            return cell.Order >= Geometry.MinOrder && OfFolios.Contains(cell.Flags)
                && !(cell.Has(CellFlags.Shared) && cell.Order == kernel.Machine.Geometry.PmdOrder)
                && cell == Cell.OfFolio(cell.Order, cell.Page) with { Flags = cell.Flags, Node = cell.Node };
        if (cell.Node > 0)
            return cell == Cell.Plain with { Node = cell.Node };
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
        bool always = !settings.Always.IsEmpty && !kernel.IsHere && !table.Cells.Any(cell => cell.Has(CellFlags.Shared));
        return settings.WithSizes(orders, always ? SizeEnabled.Always : SizeEnabled.Madvise) with { Enabled = GlobalEnabled.Madvise };
    }
}
