using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Machines;

/// <summary>
/// A fault on a swap entry: the page comes back, and with it those around whose slots lie in a row, as one folio. Source: Linux 7.2,
/// <c>mm/memory.c:do_swap_page</c>, <c>thp_swapin_suitable_orders</c>, <c>can_swapin_thp</c>;
/// <c>mm/swap_state.c:swap_cache_alloc_folio</c>, for a synchronous device and no zswap.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
/// <param name="vma">The VMA of the page.</param>
/// <param name="start">The first page of the PMD range.</param>
internal readonly ref struct SwapFault(Machine machine, AddressSpace mm, Vma vma, long start)
{
    /// <summary>The fault fails: more slots lie in a row than a cluster of this machine has.</summary>
    /// <param name="ptes">The PTEs of the range.</param>
    /// <param name="index">The PTE of the fault.</param>
    public bool Fails(ReadOnlySpan<Pte> ptes, int index) =>
        machine.Type.SwapClusterOrder < machine.Geometry.PmdOrder && HighestFitting(ptes, index) > machine.Type.SwapClusterOrder;

    /// <summary>Brings back what lies at <paramref name="index"/>, a swap entry.</summary>
    /// <param name="ptes">The PTEs of the range.</param>
    /// <param name="index">The PTE of the fault.</param>
    /// <param name="failsToAllocate">True if no folio of an order can be had; null if all can.</param>
    /// <returns>The first frame of the folio that came back.</returns>
    public int BringBack(Span<Pte> ptes, int index, Func<int, bool>? failsToAllocate = null)
    {
        var memory = machine.Memory;
        for (int order = HighestFitting(ptes, index); order >= Geometry.MinOrder; order = NextLower(order))
        {
            var window = ptes.Slice(index >> order << order, 1 << order);
            if (IsZero(window[0]) is var isZero && !AllAre(window, isZero) || failsToAllocate?.Invoke(order) == true)
            {
                machine.Statistics.Count(MthpStatistic.SwpinFallback, order);
                continue;
            }

            // Slots of zeroes are not read, and so not counted.
            if (!isZero)
                machine.Statistics.Count(MthpStatistic.Swpin, order);
            return Map(window, order);
        }
        return Map(ptes.Slice(index, 1), 0);

        bool IsZero(Pte pte) => memory.FolioOf(pte.Pfn).Has(FolioFlags.InZeromap);

        bool AllAre(ReadOnlySpan<Pte> window, bool zero)
        {
            foreach (var pte in window)
                if (IsZero(pte) != zero)
                    return false;
            return true;
        }
    }

    private OrderSet Orders => Eligibility.FaultOrders(machine.Settings, mm, vma).Without(machine.Geometry.PmdOrder);

    // The highest order whose aligned window around the entry lies in the VMA and holds slots in a row, aligned as the pages are.
    private int HighestFitting(ReadOnlySpan<Pte> ptes, int index)
    {
        if (Slot(ptes[index]) == 0)
            return 0;
        for (var orders = Orders; !orders.IsEmpty; orders = orders.Without(orders.Highest))
        {
            int order = orders.Highest, first = index >> order << order;
            if (vma.Covers(start + first, start + first + (1 << order)) && IsInARow(ptes.Slice(first, 1 << order)))
                return order;
        }
        return 0;
    }

    private int NextLower(int order)
    {
        var lower = new OrderSet(Orders.Bits & ((1u << order) - 1));
        return lower.IsEmpty ? 0 : lower.Highest;
    }

    private bool IsInARow(ReadOnlySpan<Pte> window)
    {
        int slot = Slot(window[0]);
        if (slot == 0 || slot % window.Length != 0)
            return false;
        for (int i = 1; i < window.Length; i++)
            if (Slot(window[i]) != slot + i || window[i].Flags != window[0].Flags)
                return false;
        return true;
    }

    private int Slot(Pte pte) => pte.Kind == PteKind.Swap ? machine.Memory.FolioOf(pte.Pfn).Slot : 0;

    private int Map(Span<Pte> window, int order)
    {
        var memory = machine.Memory;
        int pfn = memory.Allocate(order);
        for (int i = 0; i < window.Length; i++)
        {
            memory.Contents(pfn + i) = memory.Contents(window[i].Pfn);
            machine.Swap.Release(memory, window[i]);
            window[i] = new Pte(PteKind.Page, PteFlags.Young | (window[i].Flags & PteFlags.UffdWp), pfn + i);
        }
        memory.Map(pfn, window.Length, mm.Id);
        return pfn;
    }
}
