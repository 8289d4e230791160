using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Scenarios for a kernel, from the generators that the properties use: in batches that share a pass, and so their settings.
/// </summary>
/// <param name="seed">The same seed gives the same scenarios.</param>
/// <param name="kernel">What can be made.</param>
public sealed class LiveScenarios(ulong seed, KernelAbilities kernel)
{
    /// <summary>Scenarios of each batch.</summary>
    public const int Together = 16;

    private const int ShortageEvery = 40, ProgramEvery = 12, LimitsEvery = 3, AtLimits = 4, WritersEvery = 8, Cold = 2;

    // Choices of their own, so that what was generated before is what it was.
    private const ulong OfLimits = 0x4c696d69, OfFailures = 0x4661696c, OfCold = 0x436f6c64, OfWriter = 0x57726974, OfNodes = 0x4e6f6465,
        OfShared = 0x53686172;

    private Geometry Real => kernel.Machine.Geometry;

    /// <summary>The scenarios of all batches, without end.</summary>
    public IEnumerable<Scenario> All()
    {
        for (int number = 0; ; number++)
            foreach (var scenario in Batch(number))
                yield return scenario;
    }

    /// <summary>A batch; any may be made without those before it.</summary>
    /// <param name="number">Which one, from 0.</param>
    public ImmutableArray<Scenario> Batch(int number)
    {
        var choices = Choices(number);
        var generator = new ScenarioGenerator(choices, Real, kernel.Kinds);
        var first = InShortage(choices, Draw(choices, generator), number);
        if (IsOfForgottenFailures(number) && !kernel.IsHere && kernel.Nodes == 1)
            return Failing(first, number);
        if (HasWriter(number))
            first = ForWriter(first, number);
        if (kernel.HasSwap && choices.OneIn(4))
            first = first with
            {
                Settings = first.Settings.WithSizes(first.Settings.OrdersFor(advised: true).With(Real.PmdOrder),
                    SizeEnabled.Madvise) with
                { MaxPtesSwap = Real.MaxPtesLimit },
            };
        var batch = new List<Scenario>(Together) { first };
        while (batch.Count < Together)
        {
            // What meets a limit exactly still meets it when it is turned round.
            var next = choices.OneIn(3) ? Turned(choices, batch[choices.Below(batch.Count)]) : Draw(choices, generator);
            batch.Add(LiveInput.Fit(next with { Settings = first.Settings, Kind = first.Kind, Faults = first.Faults }, kernel));
        }
        AddAtLimits(batch, number);
        AddCold(batch, number);
        AddShared(batch, number);
        bool someoneShares = batch.Any(scenario => scenario.Table.Cells.Any(cell => cell.Has(CellFlags.Shared)));
        var settings = someoneShares && !first.Settings.Always.IsEmpty
            ? first.Settings.WithSizes(first.Settings.Always, SizeEnabled.Madvise)
            : first.Settings;
        return OnNodes([.. batch.Select(scenario => scenario with { Settings = settings })], number);
    }

    /// <summary>Memory is short of large blocks in this batch: it leaves its guest's memory in disorder.</summary>
    /// <param name="number">Which one.</param>
    public static bool IsShortOfBlocks(int number) => number % ShortageEvery == ShortageEvery - 1;

    /// <summary>The first process of this batch has a thread that keeps writing to its pages on another CPU, if there is one. One thread a
    /// CPU: a TLB that is not flushed is when another process runs.</summary>
    /// <param name="number">Which one.</param>
    public static bool HasWriter(int number) => number % WritersEvery == 3;

    /// <summary>The batches that so many scenarios fill, the last one perhaps in part.</summary>
    public static int BatchesOf(int scenarios) => (scenarios + Together - 1) / Together;

    private RandomChoices Choices(int number, ulong of = 0) => new(seed * 1_000_003 + (ulong)number + of);

    private static bool IsOfForgottenFailures(int number) => number % (2 * ShortageEvery) == ShortageEvery - 1;

    // What comes after a failed allocation fails in another way, which must not be forgotten for it: no order below the PMD's takes a
    // shared page.
    private ImmutableArray<Scenario> Failing(Scenario first, int number)
    {
        var choices = Choices(number, OfFailures);
        int from = kernel.CollapsesToMthp ? choices.Between(Shortage.LowestBlockOrder, Real.PmdOrder) : Real.PmdOrder;
        var orders = new[] { choices.Between(Geometry.MinOrder, from - 1), choices.Between(from, Real.PmdOrder), Real.PmdOrder }
            .Aggregate(OrderSet.Empty, (all, order) => all.With(order));
        var settings = ThpSettings.Defaults(Real).WithSizes(orders, SizeEnabled.Madvise) with { MaxPtesShared = Real.MaxPtesLimit };
        return [.. Enumerable.Range(0, Together).Select(_ =>
        {
            int shared = choices.Between(1, 16), at = choices.Between(1, Real.Pages - shared - 1);
            string table = $".*{at} h*{shared} {(choices.OneIn(2) ? '.' : 'x')}*{Real.Pages - at - shared}";
            return LiveInput.Fit(
                Scenario.Of(PageTable.Parse(table, Real)) with
                {
                    Settings = settings,
                    Kind = first.Kind,
                    Faults = Shortage.OfBlocks(from, Real),
                },
                kernel);
        })];
    }

    // Much is collapsed, of pages that are young and dirty whatever a thread writes to them. Each collapse waits for the other CPU.
    private Scenario ForWriter(Scenario first, int number)
    {
        const int lowest = 4;
        var choices = Choices(number, OfWriter);
        var orders = OrderSet.Of(kernel.CollapsesToMthp ? choices.Between(lowest, Real.PmdOrder) : Real.PmdOrder);
        var cells = new List<string>();
        for (int at = 0, run; at < Real.Pages; at += run)
        {
            run = Math.Min(choices.Between(1, Real.Pages / 2), Real.Pages - at);
            cells.Add($"{(at > 0 && choices.OneIn(3) ? '.' : 'x')}*{run}");
        }
        return LiveInput.Fit(
            Scenario.Of(PageTable.Parse(string.Join(' ', cells), Real)) with
            {
                Settings = ThpSettings.Defaults(Real).WithSizes(orders, SizeEnabled.Madvise),
                Kind = first.Kind,
            },
            kernel);
    }

    // Whether a node may be reclaimed into is the machine's setting.
    private ImmutableArray<Scenario> OnNodes(ImmutableArray<Scenario> batch, int number)
    {
        if (kernel.Nodes == 1)
            return batch;
        var choices = Choices(number, OfNodes);
        bool areFar = choices.OneIn(2);
        return [.. batch.Select(scenario => LiveInput.Fit(FarPages.Into(choices, scenario, areFar), kernel))];
    }

    private void AddAtLimits(List<Scenario> batch, int number)
    {
        if (number % LimitsEvery != 1 || !batch[0].Faults.IsEmpty)
            return;
        var choices = Choices(number, OfLimits);
        for (int i = Together - AtLimits; i < Together; i++)
            batch[i] = LiveInput.Fit(
                Scenario.Of(AtTheLimits.Next(choices, batch[0].Settings)) with { Settings = batch[0].Settings, Kind = batch[0].Kind },
                kernel);
    }

    private void AddCold(List<Scenario> batch, int number)
    {
        if (number % LimitsEvery != 2 || !batch[0].Faults.IsEmpty)
            return;
        var choices = Choices(number, OfCold);
        for (int i = Together - Cold; i < Together; i++)
            batch[i] = LiveInput.Fit(
                Scenario.Of(ColdFolios.Next(choices, kernel.Machine)) with { Settings = batch[0].Settings, Kind = batch[0].Kind }, kernel);
    }

    // MADV_COLLAPSE is rare, and shows only above a limit that it does not heed it.
    private void AddShared(List<Scenario> batch, int number)
    {
        bool isCall = batch[0].Kind == CollapseKind.Madvise;
        if ((number % LimitsEvery != 0 && !isCall) || !batch[0].Faults.IsEmpty)
            return;
        var choices = Choices(number, OfShared);
        var asked = Scenario.Of(SharedFolios.Next(choices, batch[0].Settings, isAbove: choices.OneIn(2) || isCall));
        int at = Math.Max(batch.FindLastIndex(scenario => scenario.Table.Cells.All(cell => cell.Slot == 0)), 1);
        batch[at] = LiveInput.Fit(asked with { Settings = batch[0].Settings, Kind = batch[0].Kind }, kernel);
    }

    // Now and then: no free blocks, or a memory cgroup at its limit.
    private Scenario InShortage(Choices choices, Scenario scenario, int number) => (number % ShortageEvery) switch
    {
        9 or 29 when kernel.HasMemcg => LiveInput.Fit(scenario with { Faults = Shortage.OfCharge }, kernel),
        ShortageEvery - 1 when !kernel.IsHere && kernel.Nodes == 1 => LiveInput.Fit(
            scenario with
            {
                Kind = CollapseKind.Khugepaged,
                Vma = scenario.Vma with { Start = 0, End = Real.Pages },
                Faults = Shortage.OfBlocks(choices.Between(Shortage.LowestBlockOrder, Real.PmdOrder), Real),
            },
            kernel),
        _ => scenario,
    };

    private Scenario Draw(Choices choices, ScenarioGenerator generator)
    {
        var scenario = generator.Next();
        if (kernel.HasSwap && choices.OneIn(3))
            scenario = scenario with { Table = SwapRuns.Into(choices, scenario.Table) };
        if (choices.OneIn(ProgramEvery))
            return LiveInput.Fit(
                Scenario.Of(ProgramScenarios.Next(choices, Real, Impossible), Real) with
                {
                    Settings = scenario.Settings,
                    Kind = scenario.Kind
                }, kernel);
        if (choices.OneIn(24))
            scenario = scenario with
            {
                Table = PageTable.Empty(Real,
                choices.Of<PmdState>([PmdState.None, PmdState.Table, PmdState.HugeZero]))
            };
        if (choices.OneIn(3))
            scenario = scenario with { Vma = scenario.Vma with { HasAnonVma = true } };
        if (scenario.Kind == CollapseKind.Khugepaged && choices.OneIn(8))
        {
            var (first, end) = VectorProcess.Extent(choices.Of<VmaShape>(Enum.GetValues<VmaShape>()), Real.Pages);
            scenario = scenario with { Vma = scenario.Vma with { Start = first, End = end } };
        }
        if (choices.OneIn(40))
            scenario = scenario with
            {
                Vma = scenario.Vma with
                {
                    Flags = (
                scenario.Vma.Flags & ~VmaFlags.HugePage) | VmaFlags.NoHugePage
                }
            };
        if (choices.OneIn(24))
            scenario = scenario with { Vma = scenario.Vma with { Flags = scenario.Vma.Flags & ~VmaFlags.Write } };
        if (kernel.HasUffdRwp && choices.OneIn(16))
            scenario = scenario with { Vma = scenario.Vma with { Flags = (scenario.Vma.Flags & ~VmaFlags.UffdWp) | VmaFlags.UffdRwp } };
        return LiveInput.Fit(scenario, kernel);
    }

    private ProgramVerb[] Impossible =>
        [.. new[] { ProgramVerb.PageOut,
            ProgramVerb.Guard }.Where(verb => !(verb == ProgramVerb.PageOut ? kernel.HasSwap && !HangsAtRuns : kernel.HasGuards))];

    // A process that touches one of more slots in a row than a cluster has faults for ever.
    private bool HangsAtRuns => kernel.Machine.SwapClusterOrder < Real.PmdOrder;

    private static Scenario Turned(Choices choices, Scenario scenario)
    {
        int by = 1 << choices.Below(scenario.Table.Geometry.PmdOrder);
        if (!scenario.Program.IsEmpty)
            return scenario;
        var cells = scenario.Table.Cells.ToArray();
        var turned = new Cell[cells.Length];
        for (int i = 0; i < cells.Length; i++)
            turned[(i + by) % cells.Length] = cells[i];
        return scenario with { Table = new PageTable(scenario.Table.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(turned)) };
    }
}
