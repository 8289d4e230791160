using System.Collections.Immutable;

namespace ModelChecker.Exploration;

/// <summary>How far a search may go. A search that stops at a bound has shown nothing of what lies beyond it.</summary>
public sealed record Bounds
{
    /// <summary>Steps from the first state, at most.</summary>
    public int Depth { get; init; } = int.MaxValue;

    /// <summary>Bytes for fingerprints and for states that wait, at most.</summary>
    public long Bytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>Cores to use. A counterexample is the same with any number of them.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Ends the search early when asked.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>Why a search ended.</summary>
public enum Ending
{
    /// <summary>Every reachable state was seen.</summary>
    Exhausted,

    /// <summary>A property is broken.</summary>
    Refuted,

    /// <summary>States lie deeper than allowed.</summary>
    DepthReached,

    /// <summary>As much memory is used as may be.</summary>
    MemoryReached,

    /// <summary>It was asked to end.</summary>
    Cancelled,
}

/// <summary>How far a search is.</summary>
/// <param name="Generated">Successors computed, the first state included.</param>
/// <param name="Distinct">Different states among them.</param>
/// <param name="Left">Distinct states whose successors were not computed.</param>
/// <param name="Depth">Steps from the first state to the deepest.</param>
public readonly record struct Extent(long Generated, long Distinct, long Left, int Depth)
{
    /// <summary>The chance that two different states had one fingerprint, so that one was not looked at: at most this.</summary>
    public double CollisionOdds => (double)Distinct * Distinct / 2 / Math.Pow(2, 64);
}

/// <summary>A shortest way from the first state to one that breaks a property.</summary>
/// <typeparam name="TAction">What leads from state to state.</typeparam>
/// <param name="Property">The property's number.</param>
/// <param name="Actions">The way.</param>
public sealed record Trace<TAction>(int Property, ImmutableArray<TAction> Actions);

/// <summary>What a search found.</summary>
/// <typeparam name="TAction">What leads from state to state.</typeparam>
/// <param name="Ending">Why it ended.</param>
/// <param name="Extent">How far it came.</param>
/// <param name="Time">How long it took.</param>
/// <param name="Counterexample">If refuted: how.</param>
public sealed record Exploration<TAction>(Ending Ending, Extent Extent, TimeSpan Time, Trace<TAction>? Counterexample);
