using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking;

/// <summary>A scenario on which a version breaks an invariant, made small.</summary>
/// <param name="Invariant">The invariant.</param>
/// <param name="Scenario">The scenario, shrunk.</param>
/// <param name="Violation">Where and why.</param>
/// <param name="Found">After how many scenarios it was first seen.</param>
public sealed record Counterexample(Invariant Invariant, Scenario Scenario, Violation Violation, int Found);

/// <summary>What checking one version came to.</summary>
/// <param name="Version">The version.</param>
/// <param name="Scenarios">Scenarios run.</param>
/// <param name="Counterexamples">The smallest found, by the order of the contract.</param>
/// <param name="Shares">How many of the scenarios showed each interesting thing.</param>
public sealed record CheckReport(KhugepagedVersion Version, int Scenarios, ImmutableArray<Counterexample> Counterexamples,
    InterestingShares Shares)
{
    /// <summary>The counterexample to <paramref name="invariant"/>, if one was found.</summary>
    public Counterexample? For(Invariant invariant) => Counterexamples.FirstOrDefault(found => found.Invariant == invariant);
}

/// <summary>Runs a version over scenarios and judges every history by every invariant.</summary>
public static class Checker
{
    /// <summary>Passes of each history.</summary>
    public const int Passes = 3;

    /// <summary>Checks a version.</summary>
    /// <param name="version">The version.</param>
    /// <param name="scenarios">What to run it on.</param>
    /// <param name="invariants">What to judge by.</param>
    public static CheckReport Run(KhugepagedVersion version, IEnumerable<Scenario> scenarios, ImmutableArray<Invariant> invariants)
    {
        var open = invariants.Where(invariant => invariant.IsAskedOf(version)).ToList();
        var found = new List<Counterexample>();
        var shares = new InterestingShares();
        int count = 0;
        foreach (var scenario in scenarios)
        {
            count++;
            var history = History.Of(scenario, version, Passes);
            shares.Note(history);
            for (int i = open.Count - 1; i >= 0; i--)
            {
                if (open[i].Check(history) is null)
                    continue;
                found.Add(Shrunk(open[i], scenario, version, count));
                open.RemoveAt(i);
            }
        }
        return new CheckReport(version, count, [.. found.OrderBy(one => invariants.IndexOf(one.Invariant))], shares);
    }

    /// <summary>The first scenario on which a version breaks an invariant, made small; null if there is none.</summary>
    /// <param name="version">The version.</param>
    /// <param name="scenarios">What to run it on.</param>
    /// <param name="invariants">What to judge by, the first to be broken counts.</param>
    public static Counterexample? First(KhugepagedVersion version, IEnumerable<Scenario> scenarios, ImmutableArray<Invariant> invariants)
    {
        int count = 0;
        foreach (var scenario in scenarios)
        {
            count++;
            var history = History.Of(scenario, version, Passes);
            foreach (var invariant in invariants)
                if (invariant.Check(history) is not null)
                    return Shrunk(invariant, scenario, version, count);
        }
        return null;
    }

    /// <summary>The counterexample that <paramref name="scenario"/> is, made small.</summary>
    /// <param name="invariant">The invariant it breaks.</param>
    /// <param name="scenario">The scenario.</param>
    /// <param name="version">The version that runs it.</param>
    /// <param name="found">After how many scenarios it was seen.</param>
    public static Counterexample Shrunk(Invariant invariant, Scenario scenario, KhugepagedVersion version, int found)
    {
        var small = Shrinker.Shrink(scenario, candidate => Judge(candidate) is not null);
        return new Counterexample(invariant, small, Judge(small)!, found);

        Violation? Judge(Scenario candidate) => invariant.Check(History.Of(candidate, version, Passes));
    }
}
