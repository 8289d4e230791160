using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Machines;

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
