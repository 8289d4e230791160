namespace KhugepagedSpec.Policies;

/// <summary>What a visit of a PMD range reports.</summary>
public enum VisitResult
{
    /// <summary>Success if anything collapsed, else a failed allocation, else the last failure (v19, 7.2).</summary>
    ByPriority,

    /// <summary>Success if anything collapsed, else SCAN_FAIL: a failed allocation is lost (v18 and before).</summary>
    CollapsedOrFail,

    /// <summary>The last attempt's result (up to 7.1).</summary>
    LastAttempt,

    /// <summary>
    /// Success if anything collapsed, else a failed allocation of the smallest enabled order, else what took the PMD's order away at the
    /// scan, else the last failure (rounds).
    /// </summary>
    ByRound,
}

/// <summary>What becomes of max_ptes_swap or max_ptes_shared below the PMD's order. No kernel has any but the first.</summary>
public enum BelowPmd
{
    /// <summary>None is allowed.</summary>
    None,

    /// <summary>The limit, scaled down to the order as up to v12 that of empty PTEs was.</summary>
    Scaled,

    /// <summary>As many as at the PMD's order.</summary>
    AsAtPmd,
}
