using System.Collections.Immutable;

namespace KhugepagedSpec.Versions;

/// <summary>
/// Every policy by name, with its values: what a version can be put together of. Each member of
/// <see cref="Machines.KhugepagedVersion"/> that decides something is said by one of them, or part by part by several.
/// </summary>
public static class PolicyTable
{
    /// <summary>Where the policies of rounds come from.</summary>
    internal const string Rounds = "K. Shutsemau, \"mm/collapse: rebuild collapse on migration primitives\", 2026-08";

    /// <summary>Who asked for zero-filled pages to count as none.</summary>
    internal const string ZeroFilled = "K. Shutsemau and D. Hildenbrand on intermediate values of max_ptes_none; never posted";

    /// <summary>Who announced another look at userfaultfd.</summary>
    internal const string UffdFollowUp = "N. Pache, 2026-05-28, on the fixup of v18: announced, not posted";

    /// <summary>All of them, in the order of the algorithm.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
        [.. SurroundingPolicies.All, .. ScanPolicies.All, .. WalkPolicies.All, .. RetryPolicies.All, .. AttemptPolicies.All];

    /// <summary>The policy called <paramref name="name"/>; null if there is none.</summary>
    public static VersionPolicy? Find(string name) => All.FirstOrDefault(policy => policy.Name == name);
}
