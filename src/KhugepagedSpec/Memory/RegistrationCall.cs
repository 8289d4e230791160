using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>Where the kernel calls khugepaged_enter_vma.</summary>
public enum RegistrationSite
{
    /// <summary>madvise changed the flags of a VMA, which has VM_HUGEPAGE now (<c>mm/madvise.c:madvise_update_vma</c>).</summary>
    Madvise,

    /// <summary>A fault of the PMD's size (<c>mm/huge_memory.c:do_huge_pmd_anonymous_page</c>).</summary>
    PmdFault,

    /// <summary>Two VMAs became one (<c>mm/vma.c:vma_merge_new_range</c>, <c>vma_merge_existing_range</c>).</summary>
    Merge,

    /// <summary>The parent was registered (<c>include/linux/khugepaged.h:khugepaged_fork</c>).</summary>
    Fork,
}

/// <summary>What a call of khugepaged_enter_vma came to.</summary>
public enum RegistrationOutcome
{
    /// <summary>The process is registered from now on.</summary>
    Registered,

    /// <summary>It was already.</summary>
    WasRegistered,

    /// <summary>No size is enabled at all, so that khugepaged does not run.</summary>
    DaemonOff,

    /// <summary>The VMA has no anon_vma yet: nothing was written in it.</summary>
    NoAnonVma,

    /// <summary>No size is possible in the VMA: none is enabled for it, none fits, or it refuses THP.</summary>
    NoSize,
}

/// <summary>One call of khugepaged_enter_vma.</summary>
/// <param name="Site">Where.</param>
/// <param name="Vma">The VMA as it was.</param>
/// <param name="Outcome">What it came to.</param>
public readonly record struct RegistrationCall(RegistrationSite Site, Vma Vma, RegistrationOutcome Outcome);
