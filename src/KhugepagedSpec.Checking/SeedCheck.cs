using System.Collections.Immutable;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking;

/// <summary>On how many seeds a known-bad variant is found by the invariant it is made for, and by nothing else.</summary>
/// <param name="Variant">The variant.</param>
/// <param name="Invariant">The invariant.</param>
/// <param name="Found">For each seed, from 1: after how many scenarios; null if not at all.</param>
public sealed record SeedReport(KhugepagedVersion Variant, Invariant Invariant, ImmutableArray<int?> Found)
{
    /// <summary>It was found on every seed.</summary>
    public bool IsAlwaysFound => Found.All(found => found is not null);
}

/// <summary>Whether luck finds a known-bad variant, or the generator: many seeds, few scenarios each, nothing kept from before.</summary>
public static class SeedCheck
{
    /// <summary>Checks a variant.</summary>
    /// <param name="variant">The variant.</param>
    /// <param name="seeds">How many seeds.</param>
    /// <param name="count">Scenarios of each.</param>
    /// <param name="stop">Ends it, without a report.</param>
    /// <exception cref="ArgumentException">It is made for no invariant.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static SeedReport Run(KhugepagedVersion variant, int seeds, int count, CancellationToken stop = default)
    {
        var invariant = Contract.Find(variant.MadeFor ?? "") ?? throw new ArgumentException($"{variant.Name} is made for no invariant",
            nameof(variant));
        var found = Enumerable.Range(1, seeds).Select(seed => Found(variant, invariant, seed, count, stop));
        return new SeedReport(variant, invariant, [.. found]);
    }

    private static int? Found(KhugepagedVersion variant, Invariant invariant, int seed, int count, CancellationToken stop)
    {
        int tried = 0;
        foreach (var scenario in ScenarioMix.Random(seed).Take(count))
        {
            stop.ThrowIfCancellationRequested();
            tried++;
            if (invariant.Check(History.Of(scenario, variant, Checker.Passes)) is not null)
                return tried;
        }
        return null;
    }
}
