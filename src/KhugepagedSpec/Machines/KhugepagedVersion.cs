using System.Collections.Immutable;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Machines;

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

    /// <summary>What stands after <c>--model</c> to have it run: the name, unless it was put together by hand.</summary>
    public string AskedAs { get => field ?? Name; init; }

    /// <summary>For what was put together and then named: of what; null for everything else.</summary>
    public string? PutTogether { get; init; }

    /// <summary>What says all that it does: its name, and of what it was put together.</summary>
    public string FullName => PutTogether is { } whole ? $"{Name} ({whole})" : Name;

    /// <summary>For a variant: the version whose claims it is held to; null for a version of its own.</summary>
    public string? VariantOf { get; init; }

    /// <summary>For a known-bad variant: the invariant that is to find it; null for everything else.</summary>
    public string? MadeFor { get; init; }

    /// <summary>Invariants that it is known to break besides those of the version whose claims it is held to, each with the
    /// reason.</summary>
    public ImmutableSortedDictionary<string, string> KnownToBreak { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The version whose claims it is held to: its own name, or that of what it is a variant of.</summary>
    public string HeldToClaimsOf => VariantOf ?? Name;

    /// <summary>Where it is described: a posting by subject and date, or the source.</summary>
    public required string Source { get; init; }

    /// <summary>What of it was not checked against a source; null if nothing.</summary>
    public string? Unverified { get; init; }

    /// <summary>Only the PMD's order exists (up to 7.1).</summary>
    public bool IsPmdOnly { get; init; }

    /// <summary>The releases it stands for; null for what was never released.</summary>
    public ReleaseRange? Releases { get; init; }

    /// <summary>What its tracepoints print, and how it calls and numbers its results.</summary>
    public TraceText Trace { get; init; } = TraceText.Linux72;

    /// <summary>A range of which no PTE is writable is left alone, for MADV_COLLAPSE too (up to 6.17).</summary>
    public bool NeedsWritablePte { get; init; }

    /// <summary>userfaultfd can protect against reads (VM_UFFD_RWP, from 7.3 on).</summary>
    public bool HasUffdRwp { get; init; }

    /// <summary>
    /// A non-present PTE that is no swap entry ends an attempt at its swap-in, whatever the order (L. Yang, 2025-10-07: "we may have
    /// a chance to get a non-swap entry", since the mmap lock was dropped after the scan).
    /// </summary>
    public bool SwapinEndsAtNonSwapEntries { get; init; }

    /// <summary>
    /// The one kind of entry that is no swap entry and is faulted in all the same, where the others end scan or swap-in;
    /// <see cref="PteKind.None"/> for none (D. Hildenbrand, 2025-10-06: each may be allowed later by itself).
    /// </summary>
    public PteKind AllowedNonSwap { get; init; }

    /// <summary>A non-present PTE is neither a swap entry nor of the kind that is allowed besides.</summary>
    internal bool IsRefusedNonSwap(PteKind kind) => kind != PteKind.Swap && (kind != AllowedNonSwap || kind == PteKind.None);

    /// <summary>
    /// MADV_HUGEPAGE asks khugepaged to know the process even where the VMA has the flag already (seen on 6.12.43 to 7.1.13; neither on
    /// 6.12.117 nor on 7.2).
    /// </summary>
    public bool RepeatedAdviceAsks { get; init; }

    /// <summary>A page table that one MADV_DONTNEED empties stays (seen on 6.12; from 6.16 on it is freed, PT_RECLAIM).</summary>
    public bool KeepsEmptiedTables { get; init; }

    /// <summary>
    /// A write to the huge zero page splits its PMD entry, and only the page that is written to becomes one (seen on 6.12); later a huge
    /// page takes its place (<c>mm/huge_memory.c:do_huge_zero_wp_pmd</c>).
    /// </summary>
    public bool WritesSplitHugeZero { get; init; }

    /// <summary>The scan.</summary>
    public ScanRule Scan { get; init; } = ScanRule.Linux72;

    /// <summary>The way through the windows.</summary>
    public OrderWalk Walk { get; init; } = OrderWalk.Offset;

    /// <summary>
    /// Windows are chosen for a round before any of it is tried; a refused one comes back at the next lower enabled order, and an
    /// allocation that failed once more at its own (rounds). False: each is tried as the walk comes to it.
    /// </summary>
    public bool TriesInRounds { get; init; }

    /// <summary>Whether a window is worth a try.</summary>
    public CandidateRule Candidate { get; init; } = CandidateRule.Linux72;

    /// <summary>Empty PTEs allowed below the PMD order.</summary>
    public NoneLimit NoneLimit { get; init; } = NoneLimit.ZeroOrMaximum;

    /// <summary>
    /// A page whose contents are all zeroes counts as an empty PTE against max_ptes_none, at the scan, in the walk and in isolation, as it
    /// does for the shrinker of underused huge pages. No kernel has it.
    /// </summary>
    public bool CountsZeroFilledAsNone { get; init; }

    /// <summary>
    /// Of the registrations with userfaultfd only that for missing pages keeps empty PTEs empty. False: any does, in every kernel.
    /// </summary>
    public bool KeepsHolesOfMissingOnly { get; init; }

    /// <summary>Empty PTEs of <paramref name="vma"/> are not to be filled: userfaultfd waits for them.</summary>
    public bool KeepsHolesOf(Vma? vma) =>
        vma is not null && (KeepsHolesOfMissingOnly ? vma.Has(VmaFlags.UffdMissing) : vma.IsUffdArmed);

    /// <summary>What each result of an attempt means for the walk.</summary>
    public RetryTable Retry { get; init; } = RetryTable.Linux72;

    /// <summary>What a visit of a PMD range reports.</summary>
    public VisitResult Visit { get; init; }

    /// <summary>Swap entries below the PMD's order: none, in every kernel.</summary>
    public BelowPmd SwapBelowPmd { get; init; }

    /// <summary>Shared PTEs below the PMD's order: none, in every kernel.</summary>
    public BelowPmd SharedBelowPmd { get; init; }

    /// <summary>A swap entry below the PMD's order ends the attempt with the mmap lock held (v5 patch 5, found by H. Dickins,
    /// 2025-05).</summary>
    public bool SwapBailKeepsLock { get; init; }

    /// <summary>Ranges that a VMA covers in part are visited, and a window needs no more of the VMA than itself (rounds).</summary>
    public bool TakesSmallerExtents { get; init; }

    /// <summary>
    /// A window's PTEs are replaced by migration entries one by one, under the VMA's lock for reading: nothing is written under the mmap
    /// lock, and no PMD entry is cleared (rounds).
    /// </summary>
    public bool ReplacesPteByPte { get; init; }

    /// <summary>khugepaged leaves clean lazyfree pages alone (from 7.1 on).</summary>
    public bool HasLazyFreeRule { get; init; } = true;

    /// <summary>Pages put back on the LRU pass through the per-CPU batch, whose reference a later attempt of the same pass trips
    /// over.</summary>
    public bool LruPutbackIsBatched { get; init; } = true;

    /// <summary>Of a known-bad variant: what its scan does not see.</summary>
    public Blindness BlindAtScan { get; init; } = Blindness.None;

    /// <summary>Of a known-bad variant: what its isolation does not see.</summary>
    public Blindness BlindAtIsolation { get; init; } = Blindness.None;

    /// <summary>Of a known-bad variant: what it spoils; null for nothing.</summary>
    public Sabotage? Sabotage { get; init; }
}
