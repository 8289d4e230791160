using System.Collections.Immutable;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// What is decided of a version for every page table of a geometry, exactly.
/// <para>
/// A walk sees a table and the results of its attempts only through a label on each window. So its graph of windows and labels
/// (<see cref="WalkGraph"/>) stands for all tables and all results. Whether a window is tried depends on how many of its PTEs are
/// occupied, which is a sum over them, and under the limits 0 and maximum only on whether none, some or all are.
/// </para>
/// </summary>
public static class Proof
{
    /// <summary>Decides all claims.</summary>
    /// <param name="geometry">The geometry; 13 is the largest.</param>
    /// <param name="version">The version whose walk and limits are judged.</param>
    public static ImmutableArray<Claim> Run(Geometry geometry, KhugepagedVersion version) =>
    [
        .. version.Walk.Use(new WalkClaims(geometry, version.Walk.Name)),
        LimitProof.NoCreep(geometry, version),
        LimitProof.CountsAddUp(geometry),
        LimitProof.SummariesSuffice(geometry),
        LimitProof.Settles(geometry),
        WindowOutcome.AreFinite(geometry),
    ];

    private sealed record WalkClaims(Geometry Geometry, string Name) : IWalkerUse<ImmutableArray<Claim>>
    {
        public ImmutableArray<Claim> With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
            where TWalker : struct, IOrderWalker =>
        [
            WalkProof.IsBuddyTree(Name, Geometry, begin),
            WalkProof.Agree($"{Name}, {OrderWalk.Stack.Name}", Geometry, begin, (geometry, enabled) => new StackWalker(geometry, enabled)),
            WalkProof.Agree($"{Name}, {OrderWalk.FullStack.Name}", Geometry, begin, (geometry, enabled) => new StackWalker(geometry, enabled, onlyToEnabled: false)),
        ];
    }
}
