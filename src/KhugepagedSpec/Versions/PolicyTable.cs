using System.Collections.Immutable;

namespace KhugepagedSpec.Versions;

/// <summary>
/// Every policy by name, with its values: what a version can be put together of. Each member of
/// <see cref="Machines.KhugepagedVersion"/> that decides something is said by one of them, or part by part by several.
/// </summary>
public static class PolicyTable
{
    /// <summary>All of them, in the order of the algorithm.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
        [.. SurroundingPolicies.All, .. ScanPolicies.All, .. WalkPolicies.All, .. RetryPolicies.All, .. AttemptPolicies.All];

    /// <summary>The policy called <paramref name="name"/>; null if there is none.</summary>
    public static VersionPolicy? Find(string name) => All.FirstOrDefault(policy => policy.Name == name);
}
