using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Mistakes;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Versions;

/// <summary>An attempt: swap-in, isolation and what it does not see, and what is spoiled on the way.</summary>
internal static class AttemptPolicies
{
    private const string Swapin = "mm/khugepaged.c:__collapse_huge_page_swapin", At = "mm/khugepaged.c:__collapse_huge_page_isolate";

    private static readonly SightPolicies Sight = new("isolation", "BlindAtIsolation", "isolation", At,
        version => version.BlindAtIsolation, (version, blindness) => version with { BlindAtIsolation = blindness });

    /// <summary>All of them.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
    [
        VersionPolicy.Of("replace", "ReplacesPteByPte", "how a window's PTEs are kept from others while they are replaced",
            "mm/khugepaged.c:collapse_huge_page",
            version => version.ReplacesPteByPte, (version, value) => version with { ReplacesPteByPte = value },
            (false, new("pmd-cleared", "the mmap lock held for writing, and the PMD entry cleared")),
            (true, new("migration-entries", "migration entries put in, under the VMA's lock for reading")
            {
                Source = PolicyTable.Rounds,
            })),
        VersionPolicy.Of("swapin.non-swap", "SwapinEndsAtNonSwapEntries", "what a non-swap entry does to an attempt at its swap-in", Swapin,
            version => version.SwapinEndsAtNonSwapEntries, (version, value) => version with { SwapinEndsAtNonSwapEntries = value },
            (false, new("fault", "non-swap entries faulted in like swap entries")),
            (true, new("end", "an attempt ended by a non-swap entry at its swap-in")
            {
                Source = "L. Yang, \"abort collapse scan on non-swap entries\", 2025-10-07",
            })),
        VersionPolicy.Of("non-swap.allowed", "AllowedNonSwap", "which non-swap entry is faulted in where the others end scan or swap-in",
            Swapin, version => version.AllowedNonSwap, (version, value) => version with { AllowedNonSwap = value },
            (PteKind.None, new("none", "no non-swap entry excepted from what ends scan or swap-in")),
            Allowed(PteKind.Migration, "migration"),
            Allowed(PteKind.DeviceExclusive, "device-exclusive"),
            Allowed(PteKind.DevicePrivate, "device-private")),
        VersionPolicy.Of("swapin.bail", "SwapBailKeepsLock", "the mmap lock after a swap entry below the PMD's order", Swapin,
            version => version.SwapBailKeepsLock, (version, value) => version with { SwapBailKeepsLock = value },
            (false, new("unlocks", "the mmap lock given back after a swap entry below the PMD's order")),
            (true, new("keeps-lock", "the mmap lock kept after a swap entry below the PMD's order")
            {
                Source = "H. Dickins, 2025-05, on v5 patch 5",
            })),
        Sight.Limit("max_ptes_none", "max_ptes_none", Limits.MaxPtesNone),
        Sight.Limit("max_ptes_shared", "max_ptes_shared", Limits.MaxPtesShared),
        Sight.Limit("mapped-order", "that a folio of the order or a larger one is mapped already", Limits.MappedOrder),
        Sight.Limit("referenced", "whether anything was referenced", Limits.Referenced),
        Sight.Vma("uffd", "the VMA, and so userfaultfd,"),
        Sight.Flag("uffd-wp", "userfaultfd's write protection", PteFlags.UffdWp),
        Sight.Flag("young", "the accessed bit", PteFlags.Young),
        Sight.Flag("secondary-young", "accesses through a secondary MMU", PteFlags.SecondaryYoung),
        Sight.Flag("dirty", "the dirty bit", PteFlags.Dirty),
        Sight.Flag("locked", "the folio lock", FolioFlags.Locked),
        Sight.Flag("lazyfree", "that a folio is lazily freeable", FolioFlags.LazyFree),
        Sight.References("references that mappings do not explain"),
        VersionPolicy.Of("mistake", "Sabotage", "what is spoiled on the way", "nobody's: mistakes that a reviewer would fear",
            version => version.Sabotage, (version, value) => version with { Sabotage = value },
            (null, new("none", "nothing spoiled")),
            (new HolesNotCleared(), new("holes-not-cleared", "empty PTEs not cleared in the new folio")),
            (new CopiedFromTheWrongPage(), new("copied-from-the-wrong-page", "pages copied from their neighbours")),
            (new LastPageNotCopied(), new("last-page-not-copied", "the last page of a window not copied")),
            (new RollbackLeavesOneOut(), new("rollback-leaves-one-out", "the first entry lost by a failed attempt")),
            (new RollbackForgetsThePmd(), new("rollback-forgets-the-pmd", "the page table lost by a failed attempt")),
            (new OnePteTooFew(), new("one-pte-too-few", "one PTE too few set")),
            (new OnePteTooMany(), new("one-pte-too-many", "one PTE too many set")),
            (new MappedOld(), new("mapped-old", "new PTEs set without the accessed bit")),
            (new AllocationsCountedTwice(), new("allocations-counted-twice", "collapse_alloc counted twice")),
            (new PagesCollapsedByFolio(), new("pages-collapsed-by-folio", "pages_collapsed counted by folio")),
            (new EventsAtEveryOrder(), new("events-at-every-order", "the events of vmstat counted at every order")),
            (new LimitsNotCounted(), new("limits-not-counted", "limits exceeded below the PMD's order not counted")),
            (new SuccessAdvancesByTheMinimum(), new("success-advances-by-the-minimum", "the walk gone on by order 2 after a success")),
            (new AdvanceByTheMappedFolio(), new("advance-by-the-mapped-folio", "the walk gone on by the folio that it found mapped"))),
    ];

    private static (PteKind Value, PolicyValue Named) Allowed(PteKind kind, string name) =>
        (kind, new(name, $"{name} entries faulted in where other non-swap entries end scan or swap-in")
        {
            Source = "D. Hildenbrand, 2025-10-06: each may be unlocked later by itself",
        });
}
