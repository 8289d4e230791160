namespace KhugepagedSpec.Collapse;

/// <summary>What a visit of a PMD range reports.</summary>
public enum VisitResult
{
    /// <summary>Success if anything collapsed, else a failed allocation, else the last failure (v19, 7.2).</summary>
    ByPriority,

    /// <summary>Success if anything collapsed, else SCAN_FAIL: a failed allocation is lost (v18 and before).</summary>
    CollapsedOrFail,

    /// <summary>The last attempt's result (up to 7.1).</summary>
    LastAttempt,
}

/// <summary>How far a walk goes on behind a window that is done with.</summary>
public enum AdvanceRule
{
    /// <summary>By the window.</summary>
    ByWindow,

    /// <summary>A mistake: by the smallest order, after a success.</summary>
    ByMinimumAfterSuccess,

    /// <summary>A mistake: by the folio found mapped, after SCAN_PTE_MAPPED_HUGEPAGE.</summary>
    ByMappedFolio,
}

/// <summary>What isolation looks at again under the write lock.</summary>
public sealed record IsolationRule
{
    /// <summary>Linux 7.2, and every version before: all of it.</summary>
    public static IsolationRule Linux72 { get; } = new();

    /// <summary>The limit is asked with the VMA in hand, so that userfaultfd counts. False is a mistake.</summary>
    public bool SeesVma { get; init; } = true;

    /// <summary>A mistake: results that isolation forgets to look for.</summary>
    public ResultSet Forgets { get; init; }

    /// <summary>Swap entries below the PMD's order.</summary>
    public BelowPmd Swap { get; init; }

    /// <summary>Shared PTEs below the PMD's order.</summary>
    public BelowPmd Shared { get; init; }

    /// <summary>
    /// A mistake: a swap entry below the PMD's order ends the attempt with the mmap lock held (v5 patch 5, found by H. Dickins,
    /// 2025-05).
    /// </summary>
    public bool SwapBailKeepsLock { get; init; }
}

/// <summary>What becomes of max_ptes_swap or max_ptes_shared below the PMD's order. All but the first are mistakes.</summary>
public enum BelowPmd
{
    /// <summary>None is allowed.</summary>
    None,

    /// <summary>The limit, scaled down to the order as up to v12 that of empty PTEs was.</summary>
    Scaled,

    /// <summary>As many as at the PMD's order.</summary>
    AsAtPmd,
}

/// <summary>How a window is copied. All but the first are mistakes.</summary>
public enum CopyRule
{
    /// <summary>Page by page; an empty or zero-page PTE becomes a cleared page.</summary>
    Right,

    /// <summary>What an empty or zero-page PTE becomes is not cleared.</summary>
    HolesNotCleared,

    /// <summary>Each page gets the contents of its neighbour.</summary>
    FromTheWrongPage,

    /// <summary>The last page is forgotten.</summary>
    LastPageForgotten,
}

/// <summary>What a failed attempt puts back. All but the first are mistakes.</summary>
public enum RollbackRule
{
    /// <summary>Everything.</summary>
    Complete,

    /// <summary>All entries but the window's first.</summary>
    LeavesOneOut,

    /// <summary>The PMD entry stays empty.</summary>
    ForgetsPmd,
}

/// <summary>How a new folio is mapped. All but the first are mistakes.</summary>
public enum InstallRule
{
    /// <summary>Its pages in order, young, dirty and writable if the VMA is.</summary>
    Right,

    /// <summary>One PTE too few.</summary>
    OneTooFew,

    /// <summary>One PTE too many: the neighbour's is overwritten.</summary>
    OneTooMany,

    /// <summary>Without the accessed bit.</summary>
    NotYoung,
}

/// <summary>How things are counted. All but the first are mistakes.</summary>
public enum AccountingRule
{
    /// <summary>As documented.</summary>
    Right,

    /// <summary>collapse_alloc twice for each allocation.</summary>
    AllocationsTwice,

    /// <summary>pages_collapsed by folio instead of by PMD range.</summary>
    PagesCollapsedByFolio,

    /// <summary>vmstat's events at every order.</summary>
    EventsAtEveryOrder,

    /// <summary>Limits exceeded below the PMD's order are not counted.</summary>
    LimitsAtPmdOrderOnly,
}
