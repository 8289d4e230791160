using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What one batch came to.</summary>
public sealed record BatchResult
{
    /// <summary>Which one.</summary>
    public required int Number { get; init; }

    /// <summary>Scenarios compared.</summary>
    public int Scenarios { get; init; }

    /// <summary>Passes over all of them.</summary>
    public int Passes { get; init; }

    /// <summary>Calls of collapse_huge_page.</summary>
    public int Attempts { get; init; }

    /// <summary>Those that succeeded.</summary>
    public int Collapsed { get; init; }

    /// <summary>Scenarios whose table came out otherwise than asked for; they are compared as they are.</summary>
    public int BuiltOtherwise { get; init; }

    /// <summary>Scenarios that were not compared: memory was to be short of large blocks, and an allocation found one after all, or the
    /// kernel compacted memory meanwhile.</summary>
    public int NotShort { get; init; }

    /// <summary>PTEs that NUMA balancing took the access from; null where it was off.</summary>
    public long? Hinted { get; init; }

    /// <summary>Scenarios that could not be built, each with the reason.</summary>
    public ImmutableArray<string> Unbuilt { get; init; } = [];

    /// <summary>Where model and kernel part; null if nowhere.</summary>
    public string? Differs { get; init; }

    /// <summary>A scan met a page that somebody else was using, as any scan may, and did not when it was run twice more; null if none
    /// did.</summary>
    public string? Disturbed { get; init; }

    /// <summary>What its guest said when emulation lost it, after which the batch was run again; null if it did not.</summary>
    public string? LostToEmulation { get; init; }

    /// <summary>It differed, but not when it was run twice more.</summary>
    public bool DifferedOnce { get; init; }

    /// <summary>Invariants the kernel broke that the model of it is claimed to satisfy: name and where.</summary>
    public ImmutableArray<string> Broken { get; init; } = [];

    /// <summary>The guest hung or ended: what happened, what it was doing, and its console's last lines.</summary>
    public ImmutableArray<string> Failure { get; init; } = [];

    /// <summary>What the kernel logged of itself, from its first line on; empty if nothing was wrong.</summary>
    public ImmutableArray<string> Logged { get; init; } = [];

    /// <summary>Where it differs: what the kernel did in those passes, as lines of vectors; null where a line cannot say all of
    /// it.</summary>
    public ImmutableArray<string>? Vectors { get; init; }

    /// <summary>Everything was compared and nothing is wrong.</summary>
    public bool IsFine => Unbuilt.IsEmpty && Differs is null && Broken.IsEmpty && Failure.IsEmpty && Logged.IsEmpty;

    /// <summary>The kernel differs, breaks an invariant, says itself that something is wrong, or loses its guest by one scenario alone. A
    /// guest that is lost once may have been a busy host's.</summary>
    public bool IsBad => Differs is not null || !Broken.IsEmpty || !Logged.IsEmpty
        || Failure.Any(line => Splat.IsFirst(line) || line.StartsWith(Alone, StringComparison.Ordinal));

    /// <summary>Before a scenario that loses the guest alone.</summary>
    internal const string Alone = "alone: ";

    /// <summary>Two results of one batch as one.</summary>
    public BatchResult And(BatchResult other) => this with
    {
        Scenarios = Scenarios + other.Scenarios,
        Passes = Passes + other.Passes,
        Attempts = Attempts + other.Attempts,
        Collapsed = Collapsed + other.Collapsed,
        BuiltOtherwise = BuiltOtherwise + other.BuiltOtherwise,
        NotShort = NotShort + other.NotShort,
        Hinted = Hinted + other.Hinted,
        Unbuilt = [.. Unbuilt, .. other.Unbuilt],
        Disturbed = Disturbed ?? other.Disturbed,
        Differs = Differs ?? other.Differs,
        DifferedOnce = DifferedOnce || other.DifferedOnce,
        Broken = [.. Broken, .. other.Broken],
        Logged = Logged.IsEmpty ? other.Logged : Logged,
        Vectors = Vectors ?? other.Vectors,
    };
}

/// <summary>A difference, made small on the kernel itself.</summary>
/// <param name="Found">How many scenarios had been compared.</param>
/// <param name="Together">The scenarios, shrunk: one, or several if it takes a shared pass.</param>
/// <param name="Mismatch">Where model and kernel part; null if nowhere.</param>
/// <param name="Violation">The invariant the kernel broke, and where; null for a mismatch, and where it broke none.</param>
/// <param name="Tries">Scenarios run on the kernel while shrinking.</param>
/// <param name="IsConfirmed">A second boot showed the same.</param>
/// <param name="Vectors">What the kernel did with it.</param>
public sealed record LiveCounterexample(
    int Found,
    ImmutableArray<Scenario> Together,
    Mismatch? Mismatch,
    (Invariant Invariant, Violation Violation)? Violation,
    int Tries,
    bool IsConfirmed,
    ImmutableArray<RecordedVector> Vectors)
{
    /// <summary>What the kernel logged of itself, or how its guest was lost; null if it is the mismatch or the invariant that was made
    /// small.</summary>
    public Splat? Splat { get; init; }

    /// <summary>The passes that it takes.</summary>
    public int Passes { get; init; } = 1;
}
