namespace KhugepagedSpec.Checking.Exact;

/// <summary>Something decided for all tables of a geometry.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Statement">What it says, in one sentence.</param>
/// <param name="Cases">Cases looked at.</param>
/// <param name="Refuted">What does not hold, in words; null if it is proved.</param>
/// <param name="Time">How long it took.</param>
public sealed record Claim(string Name, string Statement, long Cases, string? Refuted, TimeSpan Time);
