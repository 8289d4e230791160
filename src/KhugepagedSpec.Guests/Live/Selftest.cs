using System.Collections.Immutable;
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
/// Linux 7.2, <c>tools/testing/selftests/mm/khugepaged.c</c>, the anonymous ones.
/// </summary>
/// <param name="Name">The test's name there, and which step of it.</param>
/// <param name="Table">The table before the collapse, in the notation.</param>
/// <param name="Pattern">How user space makes it: the <c>pat=</c> and <c>ops=</c> of a line of input; null if it cannot.</param>
/// <param name="Limit">A limit that differs from the default, as in a line of input; empty for none.</param>
/// <param name="Khugepaged">It is huge after khugepaged's passes.</param>
/// <param name="Madvise">It is huge after MADV_COLLAPSE.</param>
public sealed record Selftest(string Name, string Table, string? Pattern, string Limit, bool Khugepaged, bool Madvise)
{
    private const int Passes = 2;

    /// <summary>All of them, in the order of that file.</summary>
    public static ImmutableArray<Selftest> All { get; } =
    [
        new("collapse_full", "x*512", "pat=x512", "", true, true),
        new("collapse_empty", "0", "pat=.512", "", false, false),
        new("collapse_single_pte_entry", "x .*511", "pat=x1", "", true, true),
        new("collapse_max_ptes_none, one page short", "x*255 .*257", "pat=x255", "none=256", false, true),
        new("collapse_max_ptes_none, just enough", "x*256 .*256", "pat=x256", "none=256", true, true),
        new("collapse_single_pte_entry_compound", "f9[0+1] .*511", "pat=f9[0+1]", "", true, true),
        new("collapse_full_of_compound", "f9[0+512]", "pat=M9", "", true, true),
        new("collapse_compound_extreme", "f9[0+1]*512", null, "", true, true),
        new("collapse_swapin_single_pte", "x*511 s", "pat=x511,s1", "", true, true),
        new("collapse_max_ptes_swap, one too many", "s*65 x*447", "pat=s65,x447", "", false, true),
        new("collapse_max_ptes_swap, just as many", "s*64 x*448", "pat=s64,x448", "", true, true),
        new("collapse_fork", "h x .*510", "pat=h1,x1", "", true, true),
        new("collapse_fork_compound", "x f9[1+511]h", "ops=H0+512,W0+1 pat=M9", "shared=511", true, true),
        new("collapse_max_ptes_shared, one too many", "x*255 f9[255+257]h", "ops=H0+512,W0+255 pat=M9", "", false, true),
        new("collapse_max_ptes_shared, just as many", "x*256 f9[256+256]h", "ops=H0+512,W0+256 pat=M9", "", true, true),
        new("madvise_collapse_existing_thps", "m9", "pat=m9", "", true, true),
    ];

    /// <summary>What is expected of a collapse of that kind.</summary>
    public bool Expected(CollapseKind kind) => kind == CollapseKind.Khugepaged ? Khugepaged : Madvise;

    /// <summary>True if the table is a huge page after the model's passes.</summary>
    public bool RunModel(KhugepagedVersion version, CollapseKind kind)
    {
        var scenario = Scenario.Of(PageTable.Parse(Table, Geometry.X86));
        var settings = Input(kind, "pat=.512").Settings;
        return (scenario with { Settings = settings, Kind = kind }).Run(version, Passes)[^1].After.Pmd == PmdState.Huge;
    }

    /// <summary>What a kernel made of all that user space can build: the outcome of each and where the model parts from it, if it
    /// does.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="cancellation">Ends it after the test under way.</param>
    /// <exception cref="GuestException">The guest does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static (KernelAbilities Kernel, ImmutableArray<SelftestOutcome> Outcomes) Run(CachedKernel kernel,
        CancellationToken cancellation = default)
    {
        using var recording = new Recording(kernel);
        var outcomes = ImmutableArray.CreateBuilder<SelftestOutcome>();
        foreach (var kind in Enum.GetValues<CollapseKind>())
            foreach (var test in All)
                if (!cancellation.IsCancellationRequested && test.RunUnless(recording, kind, cancellation) is { } outcome)
                    outcomes.Add(outcome);
        return (recording.Abilities, outcomes.ToImmutable());
    }

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
        if (Pattern is null)
            return new SelftestOutcome(this, kind, null, null, "user space cannot build it here: 512 huge pages, one PTE of each");
        if (Table.Contains('s') && !recording.Abilities.HasSwap)
            return new SelftestOutcome(this, kind, null, null, "this kernel came without the modules for swap");
        var (vector, error) = recording.Record(Input(kind, Pattern));
        bool? isHuge = vector is null ? null : vector.Passes[^1].After.Pmd == PmdState.Huge;
        var mismatch = vector is null ? null : Replay.Run(vector, recording.Abilities.Model);
        return new SelftestOutcome(this, kind, isHuge, mismatch, vector is null && recording.Logged is null && recording.Strange is null
            ? error : null)
        {
            Logged = [.. recording.Strange is { } strange ? new[] { strange } : [], .. recording.Logged?.Lines ?? []],
        };
    }

    private VectorInput Input(CollapseKind kind, string pattern) =>
        VectorInput.Parse($"selftest o=9 {Limit} mode={(kind == CollapseKind.Madvise ? 'c' : 'k')} passes={Passes} {pattern}",
            Geometry.X86);
}

/// <summary>What a kernel made of one of its own tests.</summary>
/// <param name="Test">The test.</param>
/// <param name="Kind">Who collapsed.</param>
/// <param name="IsHuge">It was huge afterwards; null if it was not run.</param>
/// <param name="Mismatch">Where the model parts from the kernel; null if nowhere.</param>
/// <param name="Skipped">Why it was not run; null if it was.</param>
public sealed record SelftestOutcome(Selftest Test, CollapseKind Kind, bool? IsHuge, Mismatch? Mismatch, string? Skipped)
{
    /// <summary>What the kernel logged of itself, or how its guest was lost; empty if nothing was wrong.</summary>
    public ImmutableArray<string> Logged { get; init; } = [];

    /// <summary>As expected, and the model agrees; or not run.</summary>
    public bool IsFine => Skipped is not null || (IsHuge == Test.Expected(Kind) && Mismatch is null && Logged.IsEmpty);
}
