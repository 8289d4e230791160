using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Something that never occurs on a kernel.</summary>
/// <param name="What">What it is.</param>
/// <param name="Why">Why not.</param>
/// <param name="Kinds">What of a scenario needs it: letters of the notation, steps of a program, injected faults.</param>
/// <param name="OthersHaveIt">Other kernels of the release have it.</param>
public sealed record Lack(string What, string Why, ImmutableArray<string> Kinds, bool OthersHaveIt)
{
    /// <summary>As <c>swap (no swap device): s, S, pageout</c>.</summary>
    public override string ToString() => $"{What} ({Why}): {string.Join(", ", Kinds)}";
}
