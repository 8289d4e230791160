using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// A folio to collapse into, charged to the memory cgroup. It comes before every look at the VMA, and so is had and given back for
/// nothing by each attempt that fails. Source: Linux 7.2, <c>mm/khugepaged.c:alloc_charge_folio</c>.
/// </summary>
internal static class AllocChargeFolio
{
    /// <summary>Allocates and charges.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="order">The folio's order.</param>
    /// <param name="offset">The window's first PTE.</param>
    public static ScanResult Run(Machine machine, int order, int offset)
    {
        if (machine.Script.Strikes(Mishap.AllocFails, order, offset))
        {
            CollapseCounters.Allocation(machine, order, isHad: false);
            return ScanResult.AllocHugePageFail;
        }
        CollapseCounters.Allocation(machine, order, isHad: true);
        if (machine.Script.Strikes(Mishap.ChargeFails, order, offset))
            return ScanResult.CgroupChargeFail;
        if (order == machine.Geometry.PmdOrder)
            machine.Statistics.CgroupCollapseAllocs++;
        return ScanResult.Succeed;
    }
}
