using System.Globalization;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Why a pass did not come to a PMD range, in words.</summary>
internal static class NotScanned
{
    /// <summary>The reason, from the machine as the pass left it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The range's first page.</param>
    /// <param name="kind">Who was to collapse.</param>
    public static string Why(Machine machine, AddressSpace mm, long start, CollapseKind kind)
    {
        var settings = machine.Settings;
        int pages = settings.Geometry.Pages;
        if (kind == CollapseKind.Khugepaged && !mm.IsRegistered)
            return "khugepaged does not know the process";
        if (mm.IsExiting)
            return Invariant($"process {mm.Id} is exiting");
        if (mm.FindVma(start) is not { } vma || vma.Start >= start + pages)
            return Invariant($"no VMA is in the PMD range, pages 0 to {pages - 1}");
        if (Words(Eligibility.Objection(settings, mm, vma, kind)) is { } objection)
            return objection;
        if (kind == CollapseKind.Khugepaged && WhyNoSize(machine, vma) is { } size)
            return size;
        return !vma.Covers(start, start + pages)
            ? Invariant($"the VMA does not span the PMD range: it has pages {vma.Start - start} to {vma.End - start - 1}, and 0 to {pages - 1} are needed")
            : Invariant($"the pass ended before it: pages_to_scan is {settings.PagesToScan}");
    }

    private static string? WhyNoSize(Machine machine, Vma vma)
    {
        var settings = machine.Settings;
        var sizes = settings.OrdersFor(vma.IsAdvised);
        int pmdOrder = settings.Geometry.PmdOrder;
        if (sizes.IsEmpty)
            return $"no size is enabled for this VMA, which is {(vma.IsAdvised ? "" : "not ")}advised: madvise {Named(settings.Madvise)}, "
                + $"always {Named(settings.Always)}, inherit {Named(settings.Inherit)} of {settings.Enabled.ToString().ToLowerInvariant()}";
        if (machine.Version.IsPmdOnly && !sizes.Contains(pmdOrder))
            return Invariant(
                $"{machine.Version.Name} knows the PMD size only, order {pmdOrder}, and what is enabled for this VMA is order {sizes}");
        return null;
    }

    private static string? Words(ThpObjection objection) => objection switch
    {
        ThpObjection.None => null,
        ThpObjection.NoHardware => "the hardware has no huge pages",
        ThpObjection.NoHugePage => "the VMA has VM_NOHUGEPAGE",
        ThpObjection.SpecialVma => "the VMA is of a kind that khugepaged leaves alone (VM_NO_KHUGEPAGED)",
        ThpObjection.TemporaryStack => "the VMA is the temporary stack of an exec",
        ThpObjection.Disabled => "the process refuses THP (PR_SET_THP_DISABLE)",
        ThpObjection.DisabledUnlessAdvised =>
            "the process refuses THP but in advised VMAs (PR_SET_THP_DISABLE), and this one is not advised",
        _ => "no page was ever faulted in: the VMA has no anon_vma",
    };

    private static string Named(OrderSet orders) => orders.IsEmpty ? "none" : orders.ToString();

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
