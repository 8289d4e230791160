using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Results;

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
    /// <param name="why">What was in the way; null after success.</param>
    public static ScanResult Run(Machine machine, int order, int offset, out Refusal? why)
    {
        why = null;
        if (machine.Script.Injects(InjectedFault.AllocFails, order, offset))
        {
            CollapseCounters.Allocation(machine, order, isHad: false);
            why = new Refusal(RefusalStep.Allocation, RefusalCause.NoFolio, Limit: order);
            return ScanResult.AllocHugePageFail;
        }
        CollapseCounters.Allocation(machine, order, isHad: true);
        if (machine.Script.Injects(InjectedFault.ChargeFails, order, offset))
        {
            why = new Refusal(RefusalStep.Allocation, RefusalCause.NoCharge, Limit: order);
            return ScanResult.CgroupChargeFail;
        }
        if (order == machine.Geometry.PmdOrder)
            machine.Statistics.CgroupCollapseAllocs++;
        return ScanResult.Succeed;
    }
}
