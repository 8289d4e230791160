using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>The step of a visit that refused.</summary>
public enum RefusalStep
{
    /// <summary>The scan of the PMD range (<c>collapse_scan_pmd</c>).</summary>
    Scan,

    /// <summary>The new folio, its charge, its deferred split list (<c>alloc_charge_folio</c>).</summary>
    Allocation,

    /// <summary>The look at process, VMA and PMD entry under the mmap read lock (<c>hugepage_vma_revalidate</c>).</summary>
    ReadLock,

    /// <summary>Swap-in (<c>__collapse_huge_page_swapin</c>).</summary>
    Swapin,

    /// <summary>The second look, under the mmap write lock.</summary>
    WriteLock,

    /// <summary>Isolation (<c>__collapse_huge_page_isolate</c>).</summary>
    Isolation,

    /// <summary>The copy (<c>__collapse_huge_page_copy</c>).</summary>
    Copy,
}

/// <summary>What was refused. What <see cref="Refusal.Pte"/>, Found and Limit are is said of each; of the rest they say nothing.</summary>
public enum RefusalCause
{
    /// <summary>An empty or zero-page PTE too many: the PTE, how many so far, how many are allowed; Detail is the rule.</summary>
    TooManyNone,

    /// <summary>A non-present PTE too many: the PTE, how many so far, how many are allowed.</summary>
    TooManySwap,

    /// <summary>A shared PTE too many: the PTE, how many so far, how many are allowed.</summary>
    TooManyShared,

    /// <summary>The PTE is not present: the PTE.</summary>
    NotPresent,

    /// <summary>The PTE is not present and no swap entry: the PTE.</summary>
    NoSwapEntry,

    /// <summary>What stands in the PTE cannot be brought back: the PTE.</summary>
    CannotComeBack,

    /// <summary>The fault dropped the mmap lock and asks to be retried: the PTE.</summary>
    SwapinRetries,

    /// <summary>The fault failed: the PTE.</summary>
    SwapinFails,

    /// <summary>The PTE is write-protected by userfaultfd: the PTE.</summary>
    UffdWp,

    /// <summary>No page of a folio stands behind the PTE: the PTE.</summary>
    NoPage,

    /// <summary>A clean page that MADV_FREE was called on: the PTE.</summary>
    LazyFree,

    /// <summary>The page is not anonymous: the PTE.</summary>
    NotAnon,

    /// <summary>The page's NUMA node is too far from one before: the PTE, the node, the other node.</summary>
    TooFar,

    /// <summary>The folio is on no LRU list: the PTE.</summary>
    OffLru,

    /// <summary>The folio is locked: the PTE.</summary>
    Locked,

    /// <summary>One KSM page is mapped twice in the window, and this attempt holds its lock: the PTE.</summary>
    LockedByItself,

    /// <summary>The folio has references that its mappings do not explain: the PTE, how many.</summary>
    Pinned,

    /// <summary>The per-CPU LRU batch holds a reference to the folio: the PTE, how many folios are in it.</summary>
    HeldByLruBatch,

    /// <summary>A folio of the order or larger is mapped here: the PTE, the folio's order, the order tried.</summary>
    LargeFolio,

    /// <summary>No PTE can be written: Found of Limit pages are looked at.</summary>
    NoneWritable,

    /// <summary>Too few PTEs were referenced: how many, how many must be; the first non-present PTE, if that makes it half of the
    /// range.</summary>
    TooFewReferenced,

    /// <summary>The PMD entry is no PTE table: Found is what it is (<see cref="PmdState"/>).</summary>
    NoTable,

    /// <summary>The PMD entry holds another PTE table by now.</summary>
    AnotherTable,

    /// <summary>No folio could be had: the order is Limit.</summary>
    NoFolio,

    /// <summary>The memory cgroup refused the charge of an order Limit.</summary>
    NoCharge,

    /// <summary>The memory cgroup's deferred split list could not be set up, for an order Limit.</summary>
    NoSplitList,

    /// <summary>The process is exiting.</summary>
    Exiting,

    /// <summary>The process refuses THP.</summary>
    Disabled,

    /// <summary>No VMA is there or after it.</summary>
    NoVma,

    /// <summary>The VMA does not hold the PMD range: its first page, and the one after its last, from the range's first.</summary>
    VmaTooSmall,

    /// <summary>The order Limit is not among those allowed now; Found is their set of bits.</summary>
    OrderNotAllowed,

    /// <summary>The VMA is not anonymous any more.</summary>
    VmaNotAnon,

    /// <summary>A lock that an earlier attempt did not give back is waited for: attempts so far.</summary>
    WaitsForLock,

    /// <summary>A page could not be read: the PTE.</summary>
    MemoryError,
}

/// <summary>The rule that a limit on empty PTEs comes from.</summary>
public enum NoneRule
{
    /// <summary>max_ptes_none, at the PMD's order.</summary>
    Sysctl,

    /// <summary>What the version makes of max_ptes_none below the PMD's order.</summary>
    BelowPmd,

    /// <summary>The scan, while other sizes than the PMD's are enabled: all but one.</summary>
    Relaxed,

    /// <summary>The VMA is armed by userfaultfd: none.</summary>
    Uffd,
}

/// <summary>What made a scan or an attempt end as it did.</summary>
/// <param name="Step">Which step refused.</param>
/// <param name="Cause">What it refused.</param>
/// <param name="Pte">The PTE, from the start of the PMD range; -1 if it was none.</param>
/// <param name="Found">What was found: see the cause.</param>
/// <param name="Limit">What is allowed or asked for: see the cause.</param>
public readonly record struct Refusal(RefusalStep Step, RefusalCause Cause, int Pte = -1, long Found = 0, long Limit = 0)
{
    /// <summary>For <see cref="RefusalCause.TooManyNone"/>: where the limit comes from.</summary>
    public NoneRule Rule { get; init; }

    /// <summary>For a PTE: what it is.</summary>
    public PteKind Kind { get; init; }
}
