using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What collapse asks of a VMA before it goes on.</summary>
public enum ExtentRule
{
    /// <summary>It spans the whole PMD range, whatever the order.</summary>
    PmdRange,

    /// <summary>A mistake: it spans the window (v5).</summary>
    WindowOnly,

    /// <summary>A mistake: nothing is asked.</summary>
    NotChecked,
}

/// <summary>How long the anon_vma lock is held.</summary>
public enum AnonVmaRule
{
    /// <summary>Below the PMD order to the end, at it until every page is isolated.</summary>
    UntilInstalledBelowPmd,

    /// <summary>A mistake: until the window is isolated, at every order (v5).</summary>
    UntilIsolated,

    /// <summary>A mistake: not at all.</summary>
    NotTaken,

    /// <summary>A mistake: taken before the mmap lock.</summary>
    BeforeMmapLock,
}

/// <summary>What collapse makes of a VMA that has no anon_vma.</summary>
public enum AnonVmaNeed
{
    /// <summary>It is turned away.</summary>
    TurnedAway,

    /// <summary>There is nothing to lock, if it has none with the mmap lock held for writing.</summary>
    DecidedUnderWriteLock,

    /// <summary>A mistake: the same, but as it was under the mmap lock for reading.</summary>
    DecidedUnderReadLock,
}

/// <summary>When collapse looks at the PMD entry for the last time.</summary>
public enum PmdCheckRule
{
    /// <summary>With the VMA's own lock held.</summary>
    BehindVmaLock,

    /// <summary>A mistake: with the mmap lock held for writing, before the VMA's (to 2025-08).</summary>
    BeforeVmaLock,

    /// <summary>A mistake: under the mmap lock for reading alone.</summary>
    NotAgain,
}

/// <summary>
/// How collapse protects itself against everything that runs beside it. Every default is Linux 7.2's; a known-bad protocol is one
/// <c>with</c>. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_huge_page</c> and what it calls.
/// </summary>
public sealed record CollapseProtocol
{
    /// <summary>The name users give on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Where it was claimed, posted, or is in force.</summary>
    public required string Source { get; init; }

    /// <summary>For a known-bad protocol: the property that it breaks; null for one that breaks none.</summary>
    public SafetyProperty? Breaks { get; init; }

    /// <summary>For a known-bad protocol: the processes beside khugepaged that show it.</summary>
    public IReadOnlyList<string> ShownBy { get; init; } = [];

    /// <summary>Properties that it is known not to have.</summary>
    public IReadOnlyList<SafetyProperty> KnownNotToHold { get; init; } = [];

    /// <summary>Only the PMD order is tried.</summary>
    public bool PmdOrderOnly { get; init; }

    /// <summary>Below the PMD order the table stays, and the window's PTEs are cleared and flushed one by one.</summary>
    public bool ByPtes { get; init; }

    /// <summary>By PTEs: after a failure every PTE gets back what it held.</summary>
    public bool RestoresPtes { get; init; } = true;

    /// <summary>Collapse by rounds of migration entries instead (K. Shutsemau, 2026-08-16).</summary>
    public bool IsByRounds { get; init; }

    /// <summary>By rounds: under the mmap lock for reading, not the VMA's.</summary>
    public bool RoundsUnderMmapLock { get; init; }

    /// <summary>By rounds: a page's references are compared when they are frozen.</summary>
    public bool RoundsCount { get; init; } = true;

    /// <summary>By rounds: each slot is verified again before it is filled.</summary>
    public bool InstallVerifies { get; init; } = true;

    /// <summary>The walk looks into the VMA though no lock is held (v18).</summary>
    public bool WalkUsesVma { get; init; }

    /// <summary>The VMA is looked up and checked under the read lock.</summary>
    public bool RevalidatesUnderReadLock { get; init; } = true;

    /// <summary>It is looked up and checked again under the write lock.</summary>
    public bool RevalidatesUnderWriteLock { get; init; } = true;

    /// <summary>What its extent must be.</summary>
    public ExtentRule Extent { get; init; }

    /// <summary>A VMA without an anon_vma is turned away.</summary>
    public bool TestsAnonVma { get; init; } = true;

    /// <summary>What becomes of a VMA without one; unless it is turned away, searches begin with such a VMA, of zero pages.</summary>
    public AnonVmaNeed WithoutAnonVma { get; init; }

    /// <summary>When the PMD entry is looked at for the last time.</summary>
    public PmdCheckRule PmdCheck { get; init; }

    /// <summary>A mistake: below the PMD order, swap-in that finds a swap entry returns with the mmap lock held.</summary>
    public bool SwapBailKeepsLock { get; init; }

    /// <summary>The scan ends at an absent entry that is no swap entry.</summary>
    public bool ScanChecksEntry { get; init; }

    /// <summary>So does swap-in.</summary>
    public bool SwapinRefusesNonSwap { get; init; }

    /// <summary>Swap-in looks at what kind of entry it has.</summary>
    public bool SwapinChecksEntry { get; init; } = true;

    /// <summary>The mmap lock is taken for writing, not only for reading.</summary>
    public bool TakesMmapForWriting { get; init; } = true;

    /// <summary>The VMA's own lock is taken for writing.</summary>
    public bool StartsVmaWrite { get; init; } = true;

    /// <summary>How long the anon_vma lock is held.</summary>
    public AnonVmaRule AnonVma { get; init; }

    /// <summary>Secondary MMUs are told.</summary>
    public bool Notifies { get; init; } = true;

    /// <summary>The notifier's end turns away who looked a page up since its start.</summary>
    public bool NotifierEndCounts { get; init; } = true;

    /// <summary>TLBs are flushed when the PMD entry is emptied.</summary>
    public bool FlushesTlbs { get; init; } = true;

    /// <summary>Of the TLBs only what maps the window is flushed.</summary>
    public bool FlushesWindowOnly { get; init; }

    /// <summary>The flush reaches the paging-structure caches too.</summary>
    public bool FlushesWalkCaches { get; init; } = true;

    /// <summary>The PMD entry is emptied under the pmd lock.</summary>
    public bool TakesPmdLock { get; init; } = true;

    /// <summary>What others do under the pmd lock is one step that takes it and one that drops it, not one: for who does not take
    /// it.</summary>
    public bool OpensPmdSections { get; init; }

    /// <summary>The machine's: the pte lock is the pmd lock.</summary>
    public bool HasOneTableLock { get; init; }

    /// <summary>The pte lock is taken inside the pmd lock only if it is another.</summary>
    public bool ComparesTableLocks { get; init; } = true;

    /// <summary>A mistake: the notifier ends with the pte lock held.</summary>
    public bool NotifierEndsUnderPteLock { get; init; }

    /// <summary>Lockless walkers are waited for.</summary>
    public bool SyncsLocklessWalkers { get; init; } = true;

    /// <summary>Isolation knows the VMA, and so userfaultfd.</summary>
    public bool IsolationSeesUffd { get; init; } = true;

    /// <summary>Isolation looks for write protection by userfaultfd.</summary>
    public bool IsolationChecksUffdWp { get; init; } = true;

    /// <summary>Isolation counts shared pages.</summary>
    public bool IsolationChecksShared { get; init; } = true;

    /// <summary>A large folio that came behind the scan is met by a result, not by an assertion.</summary>
    public bool ExpectsLargeFolios { get; init; } = true;

    /// <summary>Searches begin with a folio of two pages, which has one lock, one count, one place on a list: <c>f1</c> in a
    /// table.</summary>
    public bool HasFolios { get; init; }

    /// <summary>After a failure a large folio goes back once, not once a page.</summary>
    public bool PutsFoliosBackOnce { get; init; } = true;

    /// <summary>Isolation compares references with mappings.</summary>
    public bool IsolationChecksReferences { get; init; } = true;

    /// <summary>Isolation locks folios.</summary>
    public bool IsolationLocks { get; init; } = true;

    /// <summary>Folios stay locked until they are copied.</summary>
    public bool LocksLastThroughCopy { get; init; } = true;

    /// <summary>After a failure pages go back unlocked and on their list.</summary>
    public bool PutsBack { get; init; } = true;

    /// <summary>A mistake: when copying fails, pages are put back before the table is.</summary>
    public bool PutsBackBeforeTable { get; init; }

    /// <summary>A small source is put back, unlocked, before its PTE is cleared (7.2), not behind.</summary>
    public bool ReleasesBeforeClear { get; init; } = true;

    /// <summary>The new folio's entries can be written only if the VMA can.</summary>
    public bool AsksWhetherWritable { get; init; } = true;

    /// <summary>A neighbour's: mprotect flushes TLBs before it drops the mmap lock.</summary>
    public bool MprotectFlushes { get; init; } = true;

    /// <summary>A neighbour's: GUP-fast looks at the PMD entry again when it has its reference.</summary>
    public bool GupLooksAtPmdAgain { get; init; } = true;

    /// <summary>A neighbour's: GUP-fast looks at the PTE again.</summary>
    public bool GupLooksAtPteAgain { get; init; } = true;

    /// <summary>A neighbour's: GUP-fast looks again at a PMD entry that maps a huge page.</summary>
    public bool GupLooksAtHugeAgain { get; init; } = true;

    /// <summary>A neighbour's: UFFDIO_COPY looks at the PMD entry again under the pte lock.</summary>
    public bool UffdLooksAtPmdAgain { get; init; } = true;

    /// <summary>A neighbour's: reclaim and migration leave a pinned page mapped.</summary>
    public bool PinsAreRespected { get; init; } = true;

    /// <summary>A neighbour's: zapped pages are freed behind the flush.</summary>
    public bool FreesBehindFlush { get; init; } = true;

    /// <summary>A neighbour's: page tables are freed by RCU, so behind every walk.</summary>
    public bool FreesTablesByRcu { get; init; } = true;

    /// <summary>A neighbour's: reclaim and migration flush TLBs before they write a page out or copy it.</summary>
    public bool FlushesBatches { get; init; } = true;

    /// <summary>After a failure the PMD entry is filled again.</summary>
    public bool ReinstatesPmd { get; init; } = true;

    /// <summary>Pages are copied after the PMD entry is emptied, not before.</summary>
    public bool CopiesBehindFlush { get; init; } = true;

    /// <summary>The PMD entry is filled before the PTEs are set (v19), not behind (v5 to v18).</summary>
    public bool PmdBeforePtes { get; init; } = true;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
