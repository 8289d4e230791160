using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// One step of the kernel's own tests of khugepaged, as a scenario: a table, and whether it is a huge page afterwards. Source:
/// Linux 7.2, <c>tools/testing/selftests/mm/khugepaged.c</c>, the anonymous ones, and what was queued for it since.
/// </summary>
/// <param name="Name">The test's name there, and which step of it.</param>
/// <param name="Table">The table before the collapse, in the notation.</param>
/// <param name="Pattern">How user space makes it: the <c>pat=</c> and <c>ops=</c> of a line of input; null if it cannot.</param>
/// <param name="Limit">A limit that differs from the default, as in a line of input; empty for none.</param>
/// <param name="Khugepaged">It is collapsed after khugepaged's passes.</param>
/// <param name="Madvise">It is huge after MADV_COLLAPSE.</param>
public sealed record Selftest(string Name, string Table, string? Pattern, string Limit, bool Khugepaged, bool Madvise)
{
    private const int Passes = 2;

    /// <summary>The machine it runs on.</summary>
    public MachineType Machine { get; init; } = MachineType.X86;

    /// <summary>The order collapsed to, the only one that is enabled.</summary>
    public int Order { get; init; } = MachineType.X86.Geometry.PmdOrder;

    /// <summary>How many folios of that order there are once it is collapsed.</summary>
    public int Folios { get; init; } = 1;

    /// <summary>The VMA's last page and one, where it is smaller than the range.</summary>
    public int? VmaEnd { get; init; }

    /// <summary>The size that page faults fill as well, always: what the tests' <c>-s</c> says; null for none.</summary>
    public int? FaultOrder { get; init; }

    /// <summary>User space cannot build it here: a huge page for each PTE.</summary>
    public bool CannotBeBuilt => Table.EndsWith($"[0+1]*{Machine.Geometry.Pages}", StringComparison.Ordinal);

    /// <summary>
    /// Another process shares pages of it and is scanned beside it, since the size is enabled there too: no model is held to what becomes
    /// of that one, only the outcome is looked at. MADV_COLLAPSE scans nobody else.
    /// </summary>
    public bool IsOutcomeOnly(CollapseKind kind) => kind == CollapseKind.Khugepaged && FaultOrder is not null
        && Pattern?.StartsWith("ops=H", StringComparison.Ordinal) == true;

    /// <summary>The VMA is mlocked.</summary>
    public bool IsLocked { get; init; }

    /// <summary>It is about an order below the PMD's, which MADV_COLLAPSE does not know.</summary>
    public bool IsMthp => Order < Machine.Geometry.PmdOrder;

    /// <summary>All of them, for x86-64: those of 7.2's file in its order, then those of the mTHPs.</summary>
    public static ImmutableArray<Selftest> All => On(MachineType.X86);

    /// <summary>The same for a machine: the tests count in parts of a PMD range.</summary>
    public static ImmutableArray<Selftest> On(MachineType machine) =>
    [
        .. OfLinux72(machine).Select(test => test with { Order = machine.Geometry.PmdOrder, Machine = machine }),
        .. MthpSelftests.On(machine).Select(test => test with { Machine = machine }),
    ];

    /// <summary>
    /// Those of 7.2's file as they run with <c>-s ORDER</c>: pages come as folios of that order, which is enabled for khugepaged too.
    /// </summary>
    public static ImmutableArray<Selftest> WithFaultsOf(int order, MachineType machine) =>
        [.. FolioSelftests.Of(order, machine.Geometry).Select(test => test with
        {
            Order = machine.Geometry.PmdOrder,
            Machine = machine,
            FaultOrder = order,
            Limit = $"always={order} {test.Limit}",
        })];

    private static ImmutableArray<Selftest> OfLinux72(MachineType machine)
    {
        var (order, n) = (machine.Geometry.PmdOrder, machine.Geometry.Pages);
        var (half, swap) = (n / 2, n / 8);
        return
        [
            new("collapse_full", $"x*{n}", $"pat=x{n}", "", true, true),
            new("collapse_empty", "0", $"pat=.{n}", "", false, false),
            new("collapse_single_pte_entry", $"x .*{n - 1}", "pat=x1", "", true, true),
            new("collapse_max_ptes_none, one page short", $"x*{half - 1} .*{half + 1}", $"pat=x{half - 1}", $"none={half}", false, true),
            new("collapse_max_ptes_none, just enough", $"x*{half} .*{half}", $"pat=x{half}", $"none={half}", true, true),
            new("collapse_single_pte_entry_compound", $"f{order}[0+1] .*{n - 1}", $"pat=f{order}[0+1]", "", true, true),
            new("collapse_full_of_compound", $"f{order}[0+{n}]", $"pat=M{order}", "", true, true),
            new("collapse_compound_extreme", $"f{order}[0+1]*{n}", null, "", true, true),
            new("collapse_swapin_single_pte", $"x*{n - 1} s", $"pat=x{n - 1},s1", "", true, true),
            new("collapse_max_ptes_swap, one too many", $"s*{swap + 1} x*{n - swap - 1}",
                $"pat=s{swap + 1},x{n - swap - 1}", "", false, true),
            new("collapse_max_ptes_swap, just as many", $"s*{swap} x*{n - swap}", $"pat=s{swap},x{n - swap}", "", true, true),
            new("collapse_fork", $"h x .*{n - 2}", "pat=h1,x1", "", true, true),
            new("collapse_fork_compound", $"x f{order}[1+{n - 1}]h", $"ops=H0+{n},W0+1 pat=M{order}", $"shared={n - 1}", true, true),
            new("collapse_max_ptes_shared, one too many", $"x*{half - 1} f{order}[{half - 1}+{half + 1}]h",
                $"ops=H0+{n},W0+{half - 1} pat=M{order}", "", false, true),
            new("collapse_max_ptes_shared, just as many", $"x*{half} f{order}[{half}+{half}]h",
                $"ops=H0+{n},W0+{half} pat=M{order}", "", true, true),
            new("madvise_collapse_existing_thps", $"m{order}", $"pat=m{order}", "", true, true),
        ];
    }

    /// <summary>How many folios of its order are expected after a collapse of that kind.</summary>
    public int Expected(CollapseKind kind) => (kind == CollapseKind.Khugepaged ? Khugepaged : Madvise) ? Folios : 0;

    /// <summary>How many there are after the model's passes.</summary>
    public int RunModel(KhugepagedVersion version, CollapseKind kind) =>
        FoliosOf(Scenario(kind).Run(version, Passes)[^1].After);

    /// <summary>A number of folios in words.</summary>
    public string Words(int folios) => IsMthp ? folios.ToString(CultureInfo.InvariantCulture) : folios > 0 ? "huge" : "small";

    /// <summary>It runs in that context.</summary>
    public bool IsFor(CollapseKind kind) => !IsMthp || kind == CollapseKind.Khugepaged;

    private int FoliosOf(PageTable after) => !IsMthp ? after.Pmd == PmdState.Huge ? 1 : 0
        : after.Cells.Count(cell => cell.Kind == PteKind.Page && cell.Order == Order && cell.Page == 0);

    private Scenario Scenario(CollapseKind kind)
    {
        var scenario = Daemon.Scenario.Of(PageTable.Parse(Table, Machine.Geometry));
        var settings = VectorInput.Parse($"selftest o={Order} {Limit} passes={Passes} pat=.1", Machine.Geometry).Settings;
        return scenario with
        {
            Machine = Machine,
            Settings = settings with
            {
                PagesToScan = scenario.Settings.PagesToScan,
                UseZeroPage = scenario.Settings.UseZeroPage,
            },
            Kind = kind,
            Vma = scenario.Vma with
            {
                End = VmaEnd ?? scenario.Vma.End,
                Flags = IsLocked ? scenario.Vma.Flags | VmaFlags.Locked : scenario.Vma.Flags,
            },
        };
    }

    /// <summary>What a kernel made of all that user space can build: the outcome of each and where the model parts from it, if it
    /// does.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="faultOrder">Those of 7.2's file with pages as folios of that order; null for all, with single pages.</param>
    /// <param name="cancellation">Ends it after the test under way.</param>
    /// <exception cref="GuestException">The guest does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static (KernelAbilities Kernel, ImmutableArray<SelftestOutcome> Outcomes) Run(CachedKernel kernel,
        int? faultOrder = null, CancellationToken cancellation = default)
    {
        using var recording = new Recording(kernel);
        var outcomes = ImmutableArray.CreateBuilder<SelftestOutcome>();
        foreach (var kind in Enum.GetValues<CollapseKind>())
            foreach (var test in Asked(recording.Abilities.Machine, faultOrder).Where(test => test.IsFor(kind)))
                if (!cancellation.IsCancellationRequested && test.RunUnless(recording, kind, cancellation) is { } outcome)
                    outcomes.Add(outcome);
        return (recording.Abilities, outcomes.ToImmutable());
    }

    /// <summary>Tests can be run with page faults that give folios of that order.</summary>
    public static bool CanFault(int order, Geometry geometry) => FolioSelftests.IsPossible(order, geometry);

    /// <summary>The tests that are asked for.</summary>
    public static ImmutableArray<Selftest> Asked(MachineType machine, int? faultOrder) =>
        faultOrder is { } order ? WithFaultsOf(order, machine) : On(machine);

    // Null where what cancelled ended the guest as well.
    private SelftestOutcome? RunUnless(Recording recording, CollapseKind kind, CancellationToken cancellation)
    {
        try
        {
            return Run(recording, kind);
        }
        catch (GuestException) when (cancellation.IsCancellationRequested)
        {
            return null;
        }
        catch (GuestException lost)
        {
            return new SelftestOutcome(this, kind, null, null, null) { Logged = [lost.Message, .. lost.Splat?.Lines ?? []] };
        }
    }

    private SelftestOutcome Run(Recording recording, CollapseKind kind)
    {
        if (CannotBeBuilt)
            return new SelftestOutcome(this, kind, null, null, "user space cannot build it here: a huge page for each PTE");
        if (Table.Contains('s') && !recording.Abilities.HasSwap)
            return new SelftestOutcome(this, kind, null, null, "this kernel came without the modules for swap");
        if ((IsMthp || FaultOrder is not null) && recording.Abilities.Model.IsPmdOnly)
            return new SelftestOutcome(this, kind, null, null, "this kernel knows the PMD's order only");
        var (vector, error) = recording.Record(
            Pattern is not null ? Input(kind, Pattern) : LiveInput.Of("selftest", Scenario(kind), Passes, beside: false));
        int? folios = vector is null ? null : FoliosOf(vector.Passes[^1].After);
        var mismatch = vector is null || IsOutcomeOnly(kind) ? null : Replay.Run(vector, recording.Abilities.Model);
        return new SelftestOutcome(this, kind, folios, mismatch, vector is null && recording.Logged is null && recording.Strange is null
            ? error : null)
        {
            Logged = [.. recording.Strange is { } strange ? new[] { strange } : [], .. recording.Logged?.Lines ?? []],
        };
    }

    private VectorInput Input(CollapseKind kind, string pattern) => VectorInput.Parse(
        $"selftest machine={Machine} o={Order} {Limit} mode={(kind == CollapseKind.Madvise ? 'c' : 'k')} passes={Passes} {pattern}",
        Machine.Geometry);
}

/// <summary>What a kernel made of one of its own tests.</summary>
/// <param name="Test">The test.</param>
/// <param name="Kind">Who collapsed.</param>
/// <param name="Folios">How many folios of its order there were afterwards; null if it was not run.</param>
/// <param name="Mismatch">Where the model parts from the kernel; null if nowhere.</param>
/// <param name="Skipped">Why it was not run; null if it was.</param>
public sealed record SelftestOutcome(Selftest Test, CollapseKind Kind, int? Folios, Mismatch? Mismatch, string? Skipped)
{
    /// <summary>What the kernel logged of itself, or how its guest was lost; empty if nothing was wrong.</summary>
    public ImmutableArray<string> Logged { get; init; } = [];

    /// <summary>As expected, and the model agrees; or not run.</summary>
    public bool IsFine => Skipped is not null || (Folios == Test.Expected(Kind) && Mismatch is null && Logged.IsEmpty);
}
