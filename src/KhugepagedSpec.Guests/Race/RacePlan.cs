using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Race;

/// <summary>A race to be recorded.</summary>
/// <param name="Actors">Who races, one thread each.</param>
/// <param name="Seconds">For how long, by the guest's clock; 1 or more.</param>
/// <param name="Seed">What the actors draw from.</param>
public sealed record RacePlan(ImmutableArray<RaceActor> Actors, int Seconds, int Seed)
{
    /// <summary>The PMD ranges raced for, side by side in one VMA.</summary>
    public int Ranges { get; init; } = 2;

    /// <summary>The sizes that are enabled; null for 16 and 64 kB, or the PMD's where khugepaged knows no other.</summary>
    public OrderSet? Enabled { get; init; }

    /// <summary>Probes at which whoever comes there stops for a while, so that others act just then.</summary>
    public ImmutableArray<RaceHold> Holds { get; init; } = [];
}

/// <summary>A stop at a probe.</summary>
/// <param name="Probe">The probe.</param>
/// <param name="Microseconds">For how long; 1 to <see cref="Longest"/>.</param>
public sealed record RaceHold(string Probe, int Microseconds)
{
    /// <summary>The longest stop: interrupts are off meanwhile.</summary>
    public const int Longest = 100_000;

    /// <summary>The names of all probes.</summary>
    public static ImmutableArray<string> Probes { get; } =
    [
        .. FunctionProbe.All.SelectMany(probe => new[] { (probe.Name, probe.Entry), ($"{probe.Name}_r", probe.Return) })
            .Where(probe => probe.Item2 is not null).Select(probe => probe.Item1),
        .. CallSite.All.Select(site => site.Name),
    ];
}

/// <summary>What became of it.</summary>
/// <param name="Kernel">Release and version.</param>
/// <param name="Plan">The race.</param>
/// <param name="Enabled">The sizes that were enabled.</param>
/// <param name="Probes">The probes.</param>
/// <param name="Coverage">What the trace visited.</param>
/// <param name="Lost">Events that the buffers had no room for.</param>
/// <param name="WrongContents">Words that hold neither what was written to them last nor nothing.</param>
/// <param name="Operations">Operations by actor, in the order of the plan, the main thread's last.</param>
public sealed record RaceOutcome(
    string Kernel, RacePlan Plan, OrderSet Enabled, ProbeSet Probes, RaceCoverage Coverage, long Lost, long WrongContents,
    ImmutableArray<(string Actor, long Operations)> Operations);
