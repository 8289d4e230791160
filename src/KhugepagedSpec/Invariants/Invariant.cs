using System.Collections.Immutable;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Invariants;

/// <summary>Where and why an invariant does not hold.</summary>
/// <param name="Pass">The pass, from 1.</param>
/// <param name="Cell">The first PTE concerned; null if none is.</param>
/// <param name="Why">What was found, in a few words.</param>
public sealed record Violation(int Pass, int? Cell, string Why)
{
    /// <inheritdoc/>
    public override string ToString() => $"pass {Pass}{(Cell is { } cell ? $", PTE {cell}" : "")}: {Why}";
}

/// <summary>A version that is known to break an invariant, and why that is no news.</summary>
/// <param name="Version">The version's name.</param>
/// <param name="Why">Why.</param>
public sealed record KnownException(string Version, string Why);

/// <summary>Something that must hold of every history of passes, whoever made it: a model, or a real kernel.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Statement">What it says, in one sentence.</param>
/// <param name="Citation">Where it was asked for, or follows from.</param>
/// <param name="Check">Judges a history: the first violation, or null.</param>
public sealed record Invariant(string Name, string Statement, string Citation, Func<History, Violation?> Check)
{
    /// <summary>The versions that break it, each with the reason: claims too, and checked as such.</summary>
    public ImmutableArray<KnownException> Exceptions { get; init; } = [];

    /// <summary>Versions it says nothing about.</summary>
    public ImmutableArray<string> NotFor { get; init; } = [];

    /// <summary>Why <paramref name="version"/> is known to break it; null if it is claimed to hold.</summary>
    public string? ExceptionFor(KhugepagedVersion version) =>
        version.KnownToBreak.GetValueOrDefault(Name)
            ?? Exceptions.FirstOrDefault(exception => exception.Version == version.HeldToClaimsOf)?.Why;

    /// <summary>It says something about <paramref name="version"/>.</summary>
    public bool IsAskedOf(KhugepagedVersion version) => !NotFor.Contains(version.HeldToClaimsOf);

    /// <summary>It is claimed to hold of <paramref name="version"/>: it says something about it, and no exception is known.</summary>
    public bool IsClaimedOf(KhugepagedVersion version) => ExceptionFor(version) is null && IsAskedOf(version);

    /// <summary>Makes an invariant of a check of single passes.</summary>
    internal static Func<History, Violation?> EachRun(Func<CollapseRun, (int? Cell, string Why)?> check) => history =>
    {
        for (int pass = 0; pass < history.Runs.Length; pass++)
            if (check(history.Runs[pass]) is var (cell, why))
                return new Violation(pass + 1, cell, why);
        return null;
    };

    /// <summary>Makes an invariant of a check of each collapsed window.</summary>
    internal static Func<History, Violation?> EachCollapsed(Func<CollapseRun, Collapse.Attempt, (int? Cell, string Why)?> check) =>
        EachRun(run =>
    {
        foreach (var window in run.Collapsed)
            if (check(run, window) is { } found)
                return found;
        return null;
    });
}
