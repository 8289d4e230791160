using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Looks a VMA up again once the mmap lock was dropped: it may be gone, smaller, or refuse the order by now. The extent asked for is
/// always the PMD's. Source: Linux 7.2, <c>mm/khugepaged.c:hugepage_vma_revalidate</c>.
/// </summary>
internal static class HugepageVmaRevalidate
{
    /// <summary>Looks it up.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The PMD range's first page.</param>
    /// <param name="order">The order to be collapsed to.</param>
    /// <param name="kind">Who asks.</param>
    /// <param name="expectAnon">It must be anonymous, as what was scanned was.</param>
    /// <param name="vma">The VMA; null where there is none.</param>
    public static ScanResult Run(Machine machine, AddressSpace mm, long start, int order, CollapseKind kind, bool expectAnon, out Vma? vma)
    {
        vma = null;
        if (mm.IsExiting || mm.ThpDisable == ThpDisable.Completely)
            return ScanResult.AnyProcess;
        vma = mm.FindVma(start);
        if (vma is null)
            return ScanResult.VmaNull;
        if (!vma.Covers(start, start + machine.Geometry.Pages))
            return ScanResult.AddressRange;
        if (!Eligibility.PossibleOrders(machine, mm, vma, kind).Contains(order))
            return ScanResult.VmaCheck;
        return expectAnon && !(vma.IsAnonymous && vma.HasAnonVma) ? ScanResult.PageAnon : ScanResult.Succeed;
    }
}
