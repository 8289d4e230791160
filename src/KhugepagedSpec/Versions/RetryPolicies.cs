using System.Collections.Immutable;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Versions;

/// <summary>What the walk does after each result of an attempt.</summary>
internal static class RetryPolicies
{
    private const string At = "mm/khugepaged.c:mthp_collapse";

    private static readonly ImmutableArray<ScanResult> Results =
        [.. ResultGlossary.Entries.Where(entry => entry.Next is not null).Select(entry => entry.Result)];

    private static readonly RetryTable As72 = RetryTable.Linux72;

    /// <summary>All results at once, then one by one: those that an attempt on anonymous memory may end with.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
    [
        VersionPolicy.Group("retry", "Retry", "what the walk does after each result, all at once", At,
            version => version.Retry, (version, value) => version with { Retry = value }, AreSame,
            (As72, new("as-7.2", "the results of 7.2 that lower and that end the walk") { Source = "N. Pache, v19 patch 12" }),
            (RetryTable.AllFailuresLower, new("all-lower", "a lower order tried after every failure") { Source = "N. Pache, up to v12" }),
            (As72 with { Name = "none lower", Advances = As72.Advances | As72.Lowers, Lowers = default },
                new("none-lower", "no lower order tried after any result"))),
        .. Results.Select(result => VersionPolicy.Of(
            $"retry.{Word(result)}", $"Retry.{result}", $"what the walk does after {result.KernelName()}", At,
            version => version.Retry.For(result), (version, value) => version with { Retry = version.Retry.Moving(result, value) },
            (WalkVerdict.Advance, new("done", $"the window done with after {result.KernelName()}")),
            (WalkVerdict.Lower, new("lower", $"a lower order tried after {result.KernelName()}")),
            (WalkVerdict.Stop, new("stop", $"the walk ended by {result.KernelName()}")))),
    ];

    private static string Word(ScanResult result) => result.KernelName()["SCAN_".Length..].ToLowerInvariant();

    private static bool AreSame(RetryTable one, RetryTable other) => Results.All(result => one.For(result) == other.For(result));
}
