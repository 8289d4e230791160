namespace KhugepagedSpec.Checking.Exact;

/// <summary>Something decided for all tables of a geometry.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Statement">What it says, in one sentence.</param>
/// <param name="Cases">Cases looked at.</param>
/// <param name="Refuted">What does not hold, in words; null if it is not refuted.</param>
/// <param name="Time">How long it took.</param>
public sealed record Claim(string Name, string Statement, long Cases, string? Refuted, TimeSpan Time)
{
    /// <summary>Why it is not decided: a premise of the proof does not hold, and no counterexample was found; null if it is.</summary>
    public string? Open { get; init; }

    /// <summary>It is about the method and looks at no version.</summary>
    public bool IsOfTheMethod { get; init; }

    /// <summary>It holds.</summary>
    public bool IsProved => Refuted is null && Open is null;

    /// <summary>The invariant of the contract that it decides, by name: what stands before the colon, if there is one.</summary>
    public string Subject => Name.Split(':')[0];
}
