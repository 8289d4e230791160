using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Versions;

/// <summary>
/// One version of khugepaged's collapse, as a composition of small policies: what is not a policy here is the same in every
/// version. A known-bad variant is one <c>with</c>.
/// </summary>
public sealed record KhugepagedVersion
{
    /// <summary>Linux 7.2.13.</summary>
    public static KhugepagedVersion Linux72 { get; } = new();

    /// <summary>
    /// Linux 7.2 with an LRU that takes pages back at once, as the source comments seem to assume. It never was: it shows which
    /// observations only the per-CPU batch explains.
    /// </summary>
    public static KhugepagedVersion Linux72WithoutLruBatch { get; } = Linux72 with { Name = "no-lru-batch", LruPutbackIsBatched = false };

    /// <summary>Every version that has a name.</summary>
    public static ImmutableArray<KhugepagedVersion> All { get; } = [Linux72, Linux72WithoutLruBatch];

    private KhugepagedVersion()
    {
    }

    /// <summary>The name users give on the command line.</summary>
    public string Name { get; init; } = "linux-7.2";

    /// <summary>The way through the windows.</summary>
    public OrderWalk Walk { get; init; } = OrderWalk.Offset;

    /// <summary>What each result of an attempt means for the walk.</summary>
    public RetryTable Retry { get; init; } = RetryTable.Linux72;

    /// <summary>Empty PTEs allowed below the PMD order.</summary>
    public NoneLimit NoneLimit { get; init; } = NoneLimit.ZeroOrMaximum;

    /// <summary>Pages put back on the LRU pass through the per-CPU batch, whose reference a later attempt of the same pass trips over.</summary>
    public bool LruPutbackIsBatched { get; init; } = true;
}
