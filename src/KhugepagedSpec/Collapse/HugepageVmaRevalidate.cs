using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Looks a VMA up again once the mmap lock was dropped: it may be gone, smaller, or refuse the order by now. The extent asked for is
/// always the PMD's, but for rounds. Source: Linux 7.2, <c>mm/khugepaged.c:hugepage_vma_revalidate</c>.
/// </summary>
internal static class HugepageVmaRevalidate
{
    /// <summary>Looks it up.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The PMD range's first page.</param>
    /// <param name="offset">The window's first PTE.</param>
    /// <param name="order">The order to be collapsed to.</param>
    /// <param name="kind">Who asks.</param>
    /// <param name="expectAnon">It must be anonymous, as what was scanned was.</param>
    /// <param name="vma">The VMA; null where there is none.</param>
    public static ScanResult Run(Machine machine, AddressSpace mm, long start, int offset, int order, CollapseKind kind, bool expectAnon,
        out Vma? vma)
    {
        vma = null;
        if (mm.IsExiting || mm.ThpDisable == ThpDisable.Completely)
            return ScanResult.AnyProcess;
        bool isWindow = machine.Version.TakesSmallerExtents;
        var (from, pages) = isWindow ? (start + offset, 1 << order) : (start, machine.Geometry.Pages);
        vma = mm.FindVma(from);
        if (vma is null)
            return ScanResult.VmaNull;
        if (!vma.Covers(from, from + pages))
            return ScanResult.AddressRange;
        if (!Eligibility.PossibleOrders(machine, mm, vma, kind).Contains(order))
            return ScanResult.VmaCheck;
        return expectAnon && !(vma.IsAnonymous && vma.HasAnonVma) ? ScanResult.PageAnon : ScanResult.Succeed;
    }

    /// <summary>What a failure found, in figures.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The PMD range's first page.</param>
    /// <param name="offset">The window's first PTE.</param>
    /// <param name="order">The order to be collapsed to.</param>
    /// <param name="kind">Who asks.</param>
    /// <param name="step">Where it was looked up.</param>
    /// <param name="result">What <see cref="Run"/> returned.</param>
    public static Refusal Why(Machine machine, AddressSpace mm, long start, int offset, int order, CollapseKind kind, RefusalStep step,
        ScanResult result)
    {
        var vma = mm.FindVma(machine.Version.TakesSmallerExtents ? start + offset : start);
        return result switch
        {
            ScanResult.AnyProcess => new Refusal(step, mm.IsExiting ? RefusalCause.Exiting : RefusalCause.Disabled, Found: mm.Id),
            ScanResult.VmaNull => new Refusal(step, RefusalCause.NoVma),
            ScanResult.AddressRange => new Refusal(step, RefusalCause.VmaTooSmall, -1, vma!.Start - start, vma.End - start),
            ScanResult.PageAnon => new Refusal(step, RefusalCause.VmaNotAnon),
            _ => new Refusal(step, RefusalCause.OrderNotAllowed, -1, Eligibility.PossibleOrders(machine, mm, vma!, kind).Bits, order),
        };
    }
}
