using System.Collections.Immutable;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// What is decided of a version for every page table of a geometry, exactly.
/// <para>
/// A walk sees a table and the results of its attempts only through a label on each window. So its graph of windows and labels
/// (<see cref="WalkGraph"/>) stands for all tables and all results. Whether a window is tried depends on how many of its PTEs are
/// occupied, which is a sum over them, and under the limits 0 and maximum only on whether none, some or all are.
/// </para>
/// <para>
/// Every claim looks at the version asked for, or is of the method (<see cref="Claim.IsOfTheMethod"/>). Where a premise does not hold of
/// a version, a counterexample is looked for; without one the claim is left open.
/// </para>
/// </summary>
public static class Proof
{
    private const int Tries = 10_000;

    /// <summary>The policies of a version that claims know of, by name.</summary>
    public static IEnumerable<string> PoliciesAskedFor => Enum.GetNames<Policy>();

    /// <summary>Decides all claims; those of the method come last.</summary>
    /// <param name="geometry">The geometry; 13 is the largest.</param>
    /// <param name="version">The version that is judged.</param>
    public static ImmutableArray<Claim> Run(Geometry geometry, KhugepagedVersion version)
    {
        var walk = version.Walk.Use(new WalkClaims(geometry, version)).Select(claim => InRounds(claim, version)).ToImmutableArray();
        var summaries = LimitProof.SummariesSuffice(geometry, version);
        return
        [
            .. walk,
            // Below 7.2 there is one window, and no tree.
            .. version.IsPmdOnly ? [] : new[] { InRounds(WindowTest.IsBuddyTree(geometry, version, walk[0]), version) },
            OrRefuted(LimitProof.NoCreep(geometry, version), version),
            summaries,
            OrRefuted(LimitProof.Settles(geometry, version, walk[0], summaries), version),
            LimitProof.CountsAddUp(geometry),
            WindowOutcome.AreFinite(geometry),
        ];
    }

    private static Claim InRounds(Claim claim, KhugepagedVersion version) => !version.TriesInRounds || claim.Refuted is not null ? claim
        : claim with { Open = "windows are tried in rounds, and not as the walk comes to them" };

    // A claim that is open, or refuted by a rule: of the whole model by an example, if there is one.
    private static Claim OrRefuted(Claim claim, KhugepagedVersion version)
    {
        if (claim.Open is null || claim.Refuted is not null || Contract.Find(claim.Subject) is not { } invariant)
            return claim with { Open = claim.Refuted is null ? claim.Open : null };
        return Checker.First(version, ScenarioMix.Random(1).Take(Tries), [invariant]) is { } found
            ? claim with
            {
                Open = null,
                Cases = found.Found,
                Refuted = $"{found.Violation}: explain {found.Scenario} --model {version.AskedAs} --passes {found.Violation.Pass}",
            }
            : claim with { Open = FormattableString.Invariant($"{claim.Open}; {Tries} random scenarios show no counterexample") };
    }

    private sealed record WalkClaims(Geometry Geometry, KhugepagedVersion Version) : IWalkerUse<ImmutableArray<Claim>>
    {
        public ImmutableArray<Claim> With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
            where TWalker : struct, IOrderWalker
        {
            string name = Version.Walk.Name;
            return
            [
                WalkProof.IsBuddyTree(name, Geometry, Version, begin),
                .. Version.Walk.HasStack ? new[] { WalkProof.StackIsBounded(name, Geometry, Version, begin) } : [],
                .. new[] { OrderWalk.Offset, OrderWalk.Stack, OrderWalk.FullStack }.Where(other => other != Version.Walk)
                    .Select(other => other.Use(new Against<TWalker>(Geometry, Version, $"{name}, {other.Name}", begin))),
            ];
        }
    }

    private sealed record Against<TFirst>(Geometry Geometry, KhugepagedVersion Version, string Names, Func<Geometry, OrderSet,
        TFirst> First)
        : IWalkerUse<Claim>
        where TFirst : struct, IOrderWalker
    {
        public Claim With<TSecond>(Func<Geometry, OrderSet, TSecond> begin)
            where TSecond : struct, IOrderWalker => WalkProof.Agree(Names, Geometry, Version, First, begin);
    }
}
