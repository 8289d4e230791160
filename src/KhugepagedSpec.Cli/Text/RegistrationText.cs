using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Why khugepaged knows a process, or does not, in words.</summary>
internal static class RegistrationText
{
    /// <summary>One sentence.</summary>
    public static string Of(AddressSpace process)
    {
        var calls = process.RegistrationCalls;
        if (process.IsRegistered)
            return $"registered {Moment(calls.First(call => call.Outcome == RegistrationOutcome.Registered).Site)}";
        return calls.Count == 0
            ? "not registered, because nobody asked: only MADV_HUGEPAGE, where it changes the VMA, a fault of the PMD's size and VMAs that become one do"
            : $"not registered, because {string.Join("; ", calls.Select(call => $"{Moment(call.Site)} {Why(call.Outcome)}").Distinct())}";
    }

    private static string Moment(RegistrationSite site) => site switch
    {
        RegistrationSite.Madvise => "at madvise(MADV_HUGEPAGE)",
        RegistrationSite.PmdFault => "at a fault of the PMD's size",
        RegistrationSite.Merge => "when two VMAs became one",
        _ => "at fork",
    };

    private static string Why(RegistrationOutcome outcome) => outcome switch
    {
        RegistrationOutcome.DaemonOff => "no size was enabled at all",
        RegistrationOutcome.NoAnonVma =>
            "the VMA had no anon_vma yet, as nothing was written in it; and no later fault asks, unless it is of the PMD's size",
        _ => "no size was possible in the VMA",
    };
}
