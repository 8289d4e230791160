using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Machines;

/// <summary>
/// Which orders a VMA may be collapsed to. Source: Linux 7.2, <c>mm/huge_memory.c:__thp_vma_allowable_orders</c>,
/// <c>include/linux/huge_mm.h:thp_vma_suitable_orders</c>, <c>mm/khugepaged.c:collapse_possible_orders</c>.
/// </summary>
public static class Eligibility
{
    /// <summary>The orders that <paramref name="kind"/> may try in <paramref name="vma"/>; empty if the VMA is not for THP.</summary>
    public static OrderSet PossibleOrders(Machine machine, AddressSpace mm, Vma vma, CollapseKind kind)
    {
        var orders = PossibleOrders(machine.Settings, mm, vma, kind);
        return machine.Version.IsPmdOnly ? orders & OrderSet.Of(machine.Geometry.PmdOrder) : orders;
    }

    /// <summary>The same for a version that knows every order.</summary>
    public static OrderSet PossibleOrders(ThpSettings settings, AddressSpace mm, Vma vma, CollapseKind kind)
    {
        var pmdOnly = OrderSet.Of(settings.Geometry.PmdOrder);
        if (Refuses(settings, mm, vma, kind))
            return OrderSet.Empty;
        var orders = kind == CollapseKind.Madvise ? pmdOnly : settings.OrdersFor(vma.IsAdvised);
        return FittingOrders(vma.IsAnonymous ? orders : orders & pmdOnly, vma);
    }

    /// <summary>The orders a page fault may use in <paramref name="vma"/>, before it looks at the PTEs around the address.</summary>
    public static OrderSet FaultOrders(ThpSettings settings, AddressSpace mm, Vma vma) =>
        Refuses(settings, mm, vma with { HasAnonVma = true }, CollapseKind.Khugepaged) || vma.IsUffdArmed
            ? OrderSet.Empty
            : settings.OrdersFor(vma.IsAdvised);

    /// <summary>Why a VMA, or its process, is not for THP whatever sizes are enabled.</summary>
    public static ThpObjection Objection(ThpSettings settings, AddressSpace mm, Vma vma, CollapseKind kind) =>
        !settings.HardwareHasThp ? ThpObjection.NoHardware
        : vma.Has(VmaFlags.NoHugePage) ? ThpObjection.NoHugePage
        : vma.Has(VmaFlags.NoKhugepaged) ? ThpObjection.SpecialVma
        : vma.Has(VmaFlags.TemporaryStack) ? ThpObjection.TemporaryStack
        : mm.ThpDisable == ThpDisable.Completely ? ThpObjection.Disabled
        : mm.ThpDisable == ThpDisable.ExceptAdvised && !vma.IsAdvised && kind == CollapseKind.Khugepaged
            ? ThpObjection.DisabledUnlessAdvised
        : vma.IsAnonymous && !vma.HasAnonVma ? ThpObjection.NoAnonVma
        : ThpObjection.None;

    private static bool Refuses(ThpSettings settings, AddressSpace mm, Vma vma, CollapseKind kind) =>
        Objection(settings, mm, vma, kind) != ThpObjection.None;

    // From the highest order down, drops orders until an aligned window that ends at the VMA's end fits; keeps all below.
    private static OrderSet FittingOrders(OrderSet orders, Vma vma)
    {
        while (!orders.IsEmpty)
        {
            int order = orders.Highest;
            long lastWindow = (vma.End >> order << order) - (1L << order);
            if (lastWindow >= vma.Start)
                break;
            orders = orders.Without(order);
        }
        return orders;
    }
}

/// <summary>Why a VMA is not for THP.</summary>
public enum ThpObjection
{
    /// <summary>It is.</summary>
    None,

    /// <summary>The hardware has no huge pages.</summary>
    NoHardware,

    /// <summary>MADV_NOHUGEPAGE was called.</summary>
    NoHugePage,

    /// <summary>DAX, VM_SPECIAL or hugetlb.</summary>
    SpecialVma,

    /// <summary>The temporary stack of an exec.</summary>
    TemporaryStack,

    /// <summary>The process refuses THP.</summary>
    Disabled,

    /// <summary>The process refuses THP but in advised VMAs, and this is none.</summary>
    DisabledUnlessAdvised,

    /// <summary>No anonymous page was ever faulted in.</summary>
    NoAnonVma,
}
