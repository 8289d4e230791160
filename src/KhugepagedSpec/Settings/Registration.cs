using KhugepagedSpec.Collapse;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Settings;

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

/// <summary>
/// Whether khugepaged ever visits a process: one VMA of it must be fit for collapse at one of the few moments at which the kernel asks.
/// Source: Linux 7.2, <c>mm/khugepaged.c:khugepaged_enter_vma</c>, <c>hugepage_enabled</c>.
/// </summary>
public static class Registration
{
    /// <summary>Asks for a VMA, and notes the call.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="vma">The VMA.</param>
    /// <param name="site">Where the kernel asks.</param>
    public static void EnterVma(Machine machine, AddressSpace mm, Vma vma, RegistrationSite site)
    {
        var outcome = mm.IsRegistered ? RegistrationOutcome.WasRegistered
            : !IsDaemonOn(machine.Settings) ? RegistrationOutcome.DaemonOff
            : !Eligibility.PossibleOrders(machine, mm, vma, CollapseKind.Khugepaged).IsEmpty ? RegistrationOutcome.Registered
            : vma.HasAnonVma ? RegistrationOutcome.NoSize
            : RegistrationOutcome.NoAnonVma;
        mm.RegistrationCalls.Add(new RegistrationCall(site, vma, outcome));
        if (outcome == RegistrationOutcome.Registered)
            machine.Register(mm);
    }

    // Either some size is enabled by itself, or the global file is, for files if for nothing else.
    private static bool IsDaemonOn(ThpSettings settings) =>
        settings.Enabled != GlobalEnabled.Never || !(settings.Always | settings.Madvise).IsEmpty;
}
