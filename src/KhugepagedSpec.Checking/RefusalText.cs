using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>A refusal in words: which step, which PTE, which figure.</summary>
public static class RefusalText
{
    /// <summary>The words.</summary>
    /// <param name="why">The refusal.</param>
    /// <param name="settings">The settings that it was made under.</param>
    /// <param name="order">The window's order; the PMD's for a scan.</param>
    public static string Of(Refusal why, ThpSettings settings, int order) =>
        why.Step == RefusalStep.Scan ? Cause(why, settings, order) : $"{StepName(why.Step)}: {Cause(why, settings, order)}";

    /// <summary>The step's name.</summary>
    public static string StepName(RefusalStep step) => step switch
    {
        RefusalStep.Scan => "scan",
        RefusalStep.Allocation => "allocation",
        RefusalStep.ReadLock => "revalidation under the read lock",
        RefusalStep.Swapin => "swap-in",
        RefusalStep.WriteLock => "revalidation under the write lock",
        RefusalStep.Isolation => "isolation",
        _ => "copy",
    };

    private static string Cause(Refusal why, ThpSettings settings, int order)
    {
        bool isPmd = order == settings.Geometry.PmdOrder;
        int pages = 1 << order;
        string pte = Invariant($"PTE {why.Pte}");
        return why.Cause switch
        {
            RefusalCause.TooManyNone =>
                Invariant($"{NoneRuleText(why, settings, order)}, found {why.Found} at {pte}, {KindText(why.Kind)}"),
            RefusalCause.TooManySwap =>
                Invariant($"{Limit("max_ptes_swap", settings.MaxPtesSwap, isPmd, order)} allows {why.Limit}, ")
                + Invariant($"found {why.Found} at {pte}, {KindText(why.Kind)}"),
            RefusalCause.TooManyShared =>
                Invariant(
                    $"{Limit("max_ptes_shared", settings.MaxPtesShared, isPmd, order)} allows {why.Limit}, found {why.Found} at {pte}"),
            RefusalCause.NotPresent => $"{pte} is {KindText(why.Kind)}",
            RefusalCause.NoSwapEntry => $"{pte} is {KindText(why.Kind)}, which is no swap entry",
            RefusalCause.CannotComeBack => $"{pte} is {KindText(why.Kind)}: the fault on it fails",
            RefusalCause.SwapinRetries => $"the fault on {pte} dropped the mmap lock and asks for a retry",
            RefusalCause.SwapinFails => $"the fault on {pte} failed",
            RefusalCause.UffdWp => $"{pte} is write-protected by userfaultfd",
            RefusalCause.NoPage => $"{pte} is {KindText(why.Kind)}",
            RefusalCause.LazyFree => $"{pte} maps a clean page that may be freed lazily (MADV_FREE)",
            RefusalCause.NotAnon => $"{pte} maps a page that is not anonymous",
            RefusalCause.TooFar => Invariant($"{pte} is on node {why.Found}, too far from node {why.Limit} of a PTE before it"),
            RefusalCause.OffLru => $"the folio of {pte} is on no LRU list",
            RefusalCause.Locked => $"the folio of {pte} is locked",
            RefusalCause.LockedByItself => $"{pte} maps the same KSM page as a PTE before it, and this attempt holds its lock",
            RefusalCause.Pinned => Invariant($"the folio of {pte} is pinned: {Count(why.Found, "reference")} beyond its mappings"),
            RefusalCause.HeldByLruBatch =>
                Invariant($"the folio of {pte} is still in the CPU's LRU batch, with {why.Found} of its 31 places taken"),
            RefusalCause.LargeFolio => Invariant($"{pte} belongs to a folio of order {why.Found}, and order {why.Limit} is tried"),
            RefusalCause.NoneWritable => Invariant($"none of {Count(why.Found, "PTE")} with a page can be written"),
            RefusalCause.TooFewReferenced when why.Pte >= 0 =>
                Invariant($"{why.Found} of {why.Limit} referenced, and half of the {pages} must be, because {pte} is {KindText(why.Kind)}"),
            RefusalCause.TooFewReferenced => Invariant($"{why.Found} of {why.Limit} referenced: none of the {pages} PTEs was referenced"),
            RefusalCause.NoTable => Invariant($"the PMD entry over PTEs 0 to {settings.Geometry.Pages - 1} {PmdText((PmdState)why.Found)}"),
            RefusalCause.AnotherTable =>
                Invariant($"the PMD entry over PTEs 0 to {settings.Geometry.Pages - 1} holds another table by now"),
            RefusalCause.NoFolio => Invariant($"no folio of order {why.Limit} ({1L << (int)why.Limit} pages) could be had"),
            RefusalCause.NoCharge => Invariant($"the memory cgroup refused the charge of {1L << (int)why.Limit} pages"),
            RefusalCause.NoSplitList =>
                Invariant($"the memory cgroup's deferred split list could not be set up for {1L << (int)why.Limit} pages"),
            RefusalCause.Exiting => Invariant($"process {why.Found} is exiting"),
            RefusalCause.Disabled => Invariant($"process {why.Found} refuses THP (PR_SET_THP_DISABLE)"),
            RefusalCause.NoVma => "no VMA is at page 0 any more, nor after it",
            RefusalCause.VmaTooSmall =>
                Invariant($"the VMA spans pages {why.Found} to {why.Limit - 1}, ")
                + Invariant($"and must span 0 to {settings.Geometry.Pages - 1} at every order"),
            RefusalCause.OrderNotAllowed when why.Found == 0 => Invariant($"order {why.Limit} is not allowed here any more, nor any other"),
            RefusalCause.OrderNotAllowed =>
                Invariant($"order {why.Limit} is not allowed here any more, only {new OrderSet((uint)why.Found)}"),
            RefusalCause.VmaNotAnon => Invariant($"the VMA over PTEs 0 to {settings.Geometry.Pages - 1} is not anonymous any more"),
            RefusalCause.WaitsForLock => Invariant($"waits for ever for the mmap lock that attempt {why.Found} did not give back"),
            _ => $"reading the page of {pte} hit a memory error",
        };
    }

    private static string NoneRuleText(Refusal why, ThpSettings settings, int order) => why.Rule switch
    {
        NoneRule.Uffd => Invariant($"userfaultfd (the VMA is armed) allows {why.Limit}"),
        NoneRule.Relaxed => Invariant($"other sizes than the PMD's are enabled, which allows {why.Limit}"),
        NoneRule.Sysctl => Invariant($"max_ptes_none {settings.MaxPtesNone} allows {why.Limit}"),
        _ => Invariant($"max_ptes_none {settings.MaxPtesNone} at order {order} allows {why.Limit}"),
    };

    private static string Limit(string name, int value, bool isPmd, int order) =>
        Invariant($"{name} {value}{(isPmd ? "" : Invariant($" at order {order}"))}");

    private static string Count(long count, string what) => Invariant($"{count} {what}{(count == 1 ? "" : "s")}");

    private static string PmdText(PmdState pmd) => pmd switch
    {
        PmdState.None => "is empty",
        PmdState.Huge => "maps a huge page",
        PmdState.HugeZero => "maps the huge zero page",
        PmdState.Migration => "is a huge page under migration",
        _ => "is a device-private huge page",
    };

    private static string KindText(PteKind kind) => kind switch
    {
        PteKind.None => "empty",
        PteKind.ZeroPage => "the zero page",
        PteKind.Special => "a PTE without a struct page",
        PteKind.ZoneDevice => "a ZONE_DEVICE page",
        PteKind.Swap => "a swap entry",
        PteKind.Migration => "a migration entry",
        PteKind.DeviceExclusive => "a device-exclusive entry",
        PteKind.DevicePrivate => "a device-private entry",
        PteKind.HwPoison => "a poisoned page's entry",
        PteKind.GuardMarker => "a guard marker",
        PteKind.PoisonMarker => "a poison marker",
        PteKind.UffdWpMarker => "a userfaultfd write-protect marker",
        _ => "a page",
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
