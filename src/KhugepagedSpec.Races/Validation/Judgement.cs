using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Races.Validation;

/// <summary>What the model says of an attempt.</summary>
public enum Verdict
{
    /// <summary>It is a path of the model.</summary>
    Path,

    /// <summary>No path of the model agrees with what was observed.</summary>
    Refused,

    /// <summary>It says nothing, and why.</summary>
    NotJudged,
}

/// <summary>An attempt, judged.</summary>
/// <param name="Attempt">The attempt.</param>
/// <param name="Verdict">What the model says.</param>
public sealed record Judgement(CollapseAttempt Attempt, Verdict Verdict)
{
    /// <summary>Why it was not judged.</summary>
    public string? Reason { get; init; }

    /// <summary>The observation that no state agrees with, as an index into the trace.</summary>
    public int? At { get; init; }

    /// <summary>The observation before it.</summary>
    public int? Before { get; init; }

    /// <summary>What the task of that observation could do next, or waited to do, in the states that agreed until then.</summary>
    public ImmutableArray<string> Had { get; init; } = [];

    /// <summary>The observations that were gone through, as indexes into the trace.</summary>
    public ImmutableArray<int> Observed { get; init; } = [];

    /// <summary>Pages of the window that were told, where not all were; a group of those that somebody touches.</summary>
    public ImmutableArray<int> Pages { get; init; } = [];

    /// <summary>The most states there were at once.</summary>
    public int States { get; init; }

    /// <summary>Who acted beside, by the model's names, and how often; tasks outside of the trace included.</summary>
    public IReadOnlyDictionary<string, int> Actors { get; init; } = ImmutableDictionary<string, int>.Empty;
}
