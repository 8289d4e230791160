using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>One policy of a version, as something that a claim may rest on.</summary>
internal enum Policy
{
    Scan,
    BlindAtScan,
    Walk,
    Candidate,
    NoneLimit,
    Retry,
    BlindAtIsolation,
    SwapBelowPmd,
    SharedBelowPmd,
    SwapBailKeepsLock,
    HasLazyFreeRule,
    Sabotage,
    SwapinEndsAtNonSwapEntries,
    NeedsWritablePte,
    LruPutbackIsBatched,
    CountsZeroFilledAsNone,
    AllowedNonSwap,
}

/// <summary>In which policies a version is not Linux 7.2: a claim that rests on one of them is not proved of it.</summary>
internal static class Premises
{
    private static readonly ImmutableArray<(Policy Policy, Func<KhugepagedVersion, object> Of)> Policies =
    [
        (Policy.Scan, version => version.Scan with { Name = "" }),
        (Policy.BlindAtScan, version => version.BlindAtScan),
        (Policy.Walk, version => version.Walk),
        (Policy.Candidate, version => version.Candidate with { Name = "" }),
        (Policy.NoneLimit, version => version.NoneLimit),
        (Policy.Retry, version => version.Retry with { Name = "" }),
        (Policy.BlindAtIsolation, version => version.BlindAtIsolation),
        (Policy.SwapBelowPmd, version => version.SwapBelowPmd),
        (Policy.SharedBelowPmd, version => version.SharedBelowPmd),
        (Policy.SwapBailKeepsLock, version => version.SwapBailKeepsLock),
        (Policy.HasLazyFreeRule, version => version.HasLazyFreeRule),

        // What is only counted wrong changes no table.
        (Policy.Sabotage, version => version.Sabotage is { Place: not SabotagePlace.Counter }),
        (Policy.SwapinEndsAtNonSwapEntries, version => version.SwapinEndsAtNonSwapEntries),
        (Policy.NeedsWritablePte, version => version.NeedsWritablePte),
        (Policy.LruPutbackIsBatched, version => version.LruPutbackIsBatched),
        (Policy.CountsZeroFilledAsNone, version => version.CountsZeroFilledAsNone),
        (Policy.AllowedNonSwap, version => version.AllowedNonSwap),
    ];

    /// <summary>The first of <paramref name="restsOn"/> that is not as in Linux 7.2, in words; null if all are.</summary>
    public static string? FirstUnlike72(KhugepagedVersion version, params ReadOnlySpan<Policy> restsOn)
    {
        foreach (var (policy, of) in Policies)
            if (restsOn.Contains(policy) && !of(version).Equals(of(Catalogue.Linux72)))
                return $"it rests on 7.2's {policy}, and {version.Name} has another";
        return null;
    }
}
