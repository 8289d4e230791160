using KhugepagedSpec.Collapse;
using KhugepagedSpec.Scan;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Versions;

/// <summary>
/// One version of khugepaged's collapse, as a composition of small policies: what is not a policy here is the same in every
/// version. A known-bad variant is one <c>with</c>. Every default is Linux 7.2's.
/// </summary>
public sealed record KhugepagedVersion
{
    internal KhugepagedVersion()
    {
    }

    /// <summary>The name users give on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>For a variant: the version whose claims it is held to; null for a version of its own.</summary>
    public string? VariantOf { get; init; }

    /// <summary>For a known-bad variant: the invariant that is to find it; null for everything else.</summary>
    public string? MadeFor { get; init; }

    /// <summary>Where it is described: a posting by subject and date, or the source.</summary>
    public required string Source { get; init; }

    /// <summary>What of it was not checked against a source; null if nothing.</summary>
    public string? Unverified { get; init; }

    /// <summary>Only the PMD's order exists (up to 7.1).</summary>
    public bool IsPmdOnly { get; init; }

    /// <summary>A range of which no PTE is writable is left alone, for MADV_COLLAPSE too (6.12).</summary>
    public bool NeedsWritablePte { get; init; }

    /// <summary>The scan.</summary>
    public ScanRule Scan { get; init; } = ScanRule.Linux72;

    /// <summary>The way through the windows.</summary>
    public OrderWalk Walk { get; init; } = OrderWalk.Offset;

    /// <summary>Whether a window is worth a try.</summary>
    public CandidateRule Candidate { get; init; } = CandidateRule.Linux72;

    /// <summary>Empty PTEs allowed below the PMD order.</summary>
    public NoneLimit NoneLimit { get; init; } = NoneLimit.ZeroOrMaximum;

    /// <summary>What each result of an attempt means for the walk.</summary>
    public RetryTable Retry { get; init; } = RetryTable.Linux72;

    /// <summary>How far the walk goes on behind a window that is done with.</summary>
    public AdvanceRule Advance { get; init; }

    /// <summary>What a visit of a PMD range reports.</summary>
    public VisitResult Visit { get; init; }

    /// <summary>What isolation looks at again.</summary>
    public IsolationRule Isolation { get; init; } = IsolationRule.Linux72;

    /// <summary>How a window is copied.</summary>
    public CopyRule Copy { get; init; }

    /// <summary>What a failed attempt puts back.</summary>
    public RollbackRule Rollback { get; init; }

    /// <summary>How a new folio is mapped.</summary>
    public InstallRule Install { get; init; }

    /// <summary>How things are counted.</summary>
    public AccountingRule Accounting { get; init; }

    /// <summary>Pages put back on the LRU pass through the per-CPU batch, whose reference a later attempt of the same pass trips over.</summary>
    public bool LruPutbackIsBatched { get; init; } = true;
}
