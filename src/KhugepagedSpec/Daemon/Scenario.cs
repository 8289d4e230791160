using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Daemon;

/// <summary>One page table, the VMA around it, the settings, who collapses, and what will go wrong. A run of it has no other
/// input.</summary>
public sealed record Scenario
{
    /// <summary>The page table, at page 0 of the process.</summary>
    public required PageTable Table { get; init; }

    /// <summary>The VMA; page 0 is the table's first.</summary>
    public required Vma Vma { get; init; }

    /// <summary>The sysfs settings.</summary>
    public required ThpSettings Settings { get; init; }

    /// <summary>Who collapses.</summary>
    public CollapseKind Kind { get; init; } = CollapseKind.Khugepaged;

    /// <summary>How the process refuses THP.</summary>
    public ThpDisable ThpDisable { get; init; }

    /// <summary>The machine it is on. Its table need not be as large as that machine's.</summary>
    public MachineType Machine { get; init; } = MachineType.X86;

    /// <summary>The NUMA nodes.</summary>
    public NumaTopology Numa { get; init; } = NumaTopology.SingleNode;

    /// <summary>What will go wrong.</summary>
    public ImmutableArray<FaultInjection> Faults { get; init; } = [];

    /// <summary>
    /// What the process does before the first pass, under the settings, if the scenario begins as a program: table and VMA come of it, and
    /// whether khugepaged knows the process at all. Empty: the process is known.
    /// </summary>
    public ImmutableArray<ProgramStep> Program { get; init; } = [];

    /// <summary>A scenario that begins as a program, under the settings of a fresh boot.</summary>
    public static Scenario Of(ImmutableArray<ProgramStep> program, Geometry geometry) =>
        Of(PageTable.Empty(geometry, PmdState.None)) with { Program = program };

    /// <summary>A scenario with a VMA over exactly the table's range and the settings of a fresh boot.</summary>
    public static Scenario Of(PageTable table) => new()
    {
        Table = table,
        Vma = Vma.ExactPmdRange(table.Geometry) with { HasAnonVma = NeedsAnonVma(table) },
        Settings = ThpSettings.Defaults(table.Geometry),
    };

    /// <summary>Runs passes of khugepaged, or MADV_COLLAPSE calls on the range.</summary>
    /// <param name="version">The khugepaged to run.</param>
    /// <param name="passes">How many.</param>
    /// <param name="traced">Keep trace lines and every step of each walk.</param>
    public ImmutableArray<PassRun> Run(KhugepagedVersion version, int passes, bool traced = false)
    {
        var running = new RunningScenario(this, version, traced);
        var runs = ImmutableArray.CreateBuilder<PassRun>(passes);
        for (int pass = 0; pass < passes; pass++)
            runs.Add(running.Pass());
        return runs.MoveToImmutable();
    }

    /// <summary>
    /// The scenario as the arguments of the command <c>explain</c> that show it, quoted for a shell. What no argument says stands in
    /// brackets after them, so that neither a shell nor the command takes the text for all of it; see <see cref="Unsaid"/>.
    /// </summary>
    public override string ToString() =>
        Unsaid is { IsEmpty: false } unsaid ? $"{ScenarioText.Arguments(this)} (and {string.Join(", ", unsaid)})"
            : ScenarioText.Arguments(this);

    /// <summary>What no argument of a command says of this scenario, in words; empty if <see cref="ToString"/> says all of it.</summary>
    public ImmutableArray<string> Unsaid => [.. ScenarioText.Unsaid(this)];

    /// <inheritdoc/>
    public bool Equals(Scenario? other) => other is not null && ScenarioDifference.First(this, other) is null;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Table, Vma, Settings, Kind, Faults.Length, Program.Length);

    /// <summary>Something in the table needed an anon_vma; a VMA may have one without it, from pages elsewhere in it.</summary>
    public static bool NeedsAnonVma(PageTable table) => table.Pmd is not (PmdState.None or PmdState.Table) || table.Cells.Any(NeedsAnonVma);

    /// <summary>As many nodes as a table names; too far apart if asked for, which takes two.</summary>
    public static NumaTopology NodesOf(PageTable table, bool areFar) =>
        NumaTopology.Of(Math.Max(table.Cells.Max(cell => cell.Node) + 1, areFar ? 2 : 1), areFar);

    // MADV_GUARD_INSTALL and UFFDIO_POISON prepare one; UFFDIO_WRITEPROTECT does not. Seen on Linux 7.2.13.
    private static bool NeedsAnonVma(Cell cell) =>
        cell.Kind is not (PteKind.None or PteKind.ZeroPage or PteKind.UffdWpMarker or PteKind.Special);
}

/// <summary>One pass, or one MADV_COLLAPSE call, over a scenario.</summary>
/// <param name="Report">What it did.</param>
/// <param name="Madvise">What the call returned; null for khugepaged.</param>
/// <param name="After">The table afterwards; large folios it made are marked new.</param>
/// <param name="Trace">The tracepoints it hit; empty unless asked for.</param>
public sealed record PassRun(PassReport Report, MadviseReport? Madvise, PageTable After, ImmutableArray<TraceEvent> Trace);

/// <summary>A scenario under way: one machine, one process, pass by pass.</summary>
public sealed class RunningScenario
{
    private readonly Scenario _scenario;
    private readonly AddressSpace _process;
    private readonly Khugepaged _khugepaged;
    private int _passes, _breaks;

    /// <summary>Boots a machine and builds the scenario on it.</summary>
    public RunningScenario(Scenario scenario, KhugepagedVersion version, bool traced = false)
    {
        _scenario = scenario;
        Machine = new Machines.Machine(version, scenario.Settings, scenario.Faults)
        {
            Type = scenario.Machine,
            Numa = scenario.Numa,
            KeepWalks = traced,
            Trace = traced ? [] : null,
        };
        _process = scenario.Program.IsEmpty ? Machine.AddProcess() : Machine.StartProcess();
        _process.ThpDisable = scenario.ThpDisable;
        _khugepaged = new Khugepaged(Machine);
        foreach (var step in scenario.Program)
            step.Run(Machine, _process, 0);
        if (!scenario.Program.IsEmpty)
            return;
        _process.Add(scenario.Vma);
        TableImage.Place(Machine, _process, 0, scenario.Table);
    }

    /// <summary>The VMA of the table's range; the scenario's own where there is none.</summary>
    public Vma Vma => _process.FindVma(0) is { } vma && vma.Start < Machine.Geometry.Pages ? vma : _scenario.Vma;

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>The process.</summary>
    public AddressSpace Process => _process;

    /// <summary>The table as it is now.</summary>
    public PageTable Table => TableImage.Read(Machine, _process, 0);

    /// <summary>What happens before the next pass; nothing before the first. Once for each pass: a second call does nothing.</summary>
    public void BetweenPasses()
    {
        if (_passes == 0 || _passes == _breaks)
            return;
        _breaks = _passes;
        Interference.ActOutsideAttempts(Machine, _process, 0, Gap.BetweenPasses);
    }

    /// <summary>One pass of khugepaged, or one MADV_COLLAPSE call on the range.</summary>
    public PassRun Pass()
    {
        BetweenPasses();
        _passes++;
        int since = Machine.Memory.Clock++;
        Machine.Trace?.Clear();
        MadviseReport? madvise = null;
        if (_scenario.Kind == CollapseKind.Madvise)
            madvise = MadviseCollapse.Call(Machine, _process, Vma, 0, Machine.Geometry.Pages);
        var report = madvise?.Report ?? _khugepaged.Pass();
        return new PassRun(report, madvise, TableImage.Read(Machine, _process, 0, since), [.. Machine.Trace ?? []]);
    }
}
