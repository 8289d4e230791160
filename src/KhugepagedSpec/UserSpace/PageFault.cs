using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// A page fault of a program. Source: Linux 7.2, <c>mm/memory.c:handle_pte_fault</c>, <c>do_anonymous_page</c>,
/// <c>alloc_anon_folio</c>, <c>wp_page_copy</c>.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
internal readonly struct PageFault(Machine machine, AddressSpace mm)
{
    /// <summary>Faults a page in that lies in a VMA.</summary>
    /// <returns>The frame behind the page; null if there is none, as behind the zero page and markers.</returns>
    public int? Handle(long page, bool write)
    {
        var vma = mm.FindVma(page)!;
        var table = mm.TableAt(page);
        if (table.Pmd == PmdState.Huge)
            return table.HugePfn + IndexOf(page);
        if (table.Pmd == PmdState.HugeZero && write && machine.Version.WritesSplitHugeZero)
            table.SplitPmd();
        if (table.Pmd == PmdState.HugeZero)
            return write ? MapHuge(table) + IndexOf(page) : null;
        if (table.Pmd == PmdState.None)
        {
            if (IsHuge(vma, page))
                return PmdFault(table, vma, write) is { } huge ? huge + IndexOf(page) : null;
            table.Populate();
        }
        ref var pte = ref table.Ptes[IndexOf(page)];
        switch (pte.Kind)
        {
            case PteKind.None when !write:
                pte = Pte.ZeroPage;
                return null;
            case PteKind.None:
                return MapFolio(table, vma, page);
            case PteKind.UffdWpMarker when !write:
                pte = Pte.ZeroPage with { Flags = PteFlags.Young | PteFlags.UffdWp };
                return null;
            case PteKind.ZeroPage or PteKind.UffdWpMarker when write:
                PrepareAnonVma(mm, vma);
                return MapSmall(ref pte, contents: 0);
            case PteKind.Swap:
                new SwapFault(machine, mm, vma, page - IndexOf(page)).BringBack(table.Ptes, IndexOf(page));
                return pte.Pfn;
            case PteKind.DeviceExclusive:
                pte = new Pte(PteKind.Page, PteFlags.Young, pte.Pfn);
                return pte.Pfn;
            case PteKind.Page when write && machine.Memory.FolioOf(pte.Pfn).MaybeMappedShared:
                ulong contents = machine.Memory.Contents(pte.Pfn);
                machine.Memory.Unmap(pte.Pfn, 1, mm.Id);
                return MapSmall(ref pte, contents);
            default:
                return pte.Kind == PteKind.Page ? pte.Pfn : null;
        }
    }

    /// <summary>Gives a VMA its anon_vma. Source: Linux 7.2, <c>mm/rmap.c:__anon_vma_prepare</c>.</summary>
    /// <param name="mm">The process.</param>
    /// <param name="vma">The VMA, which may be as it was before the last time.</param>
    /// <returns>The VMA as it is then.</returns>
    public static Vma PrepareAnonVma(AddressSpace mm, Vma vma)
    {
        var current = mm.FindVma(vma.Start)!;
        if (current.HasAnonVma)
            return current;
        var prepared = current with { HasAnonVma = true };
        mm.Replace(current, prepared);
        return prepared;
    }

    private int IndexOf(long page) => machine.Geometry.IndexOf(page);

    private bool IsHuge(Vma vma, long page)
    {
        long start = page - IndexOf(page);
        return vma.Covers(start, start + machine.Geometry.Pages)
            && Eligibility.FaultOrders(machine.Settings, mm, vma).Contains(machine.Geometry.PmdOrder);
    }

    // The one fault that asks khugepaged to visit the process. Source: mm/huge_memory.c:do_huge_pmd_anonymous_page.
    private int? PmdFault(PteTable table, Vma vma, bool write)
    {
        Registration.EnterVma(machine, mm, PrepareAnonVma(mm, vma), RegistrationSite.PmdFault);
        if (write || !machine.Settings.UseZeroPage)
            return MapHuge(table);
        table.MapHugeZero();
        return null;
    }

    private int MapHuge(PteTable table)
    {
        int folio = machine.Memory.Allocate(machine.Geometry.PmdOrder);
        machine.Memory.Map(folio, machine.Geometry.Pages, mm.Id);
        table.MapHuge(folio);
        return folio;
    }

    // The largest enabled order whose aligned window lies in the VMA and is empty; a small page if there is none.
    private int MapFolio(PteTable table, Vma vma, long page)
    {
        PrepareAnonVma(mm, vma);
        var orders = Eligibility.FaultOrders(machine.Settings, mm, vma).Without(machine.Geometry.PmdOrder);
        for (; !orders.IsEmpty; orders = orders.Without(orders.Highest))
        {
            long start = page >> orders.Highest << orders.Highest;
            int pages = 1 << orders.Highest;
            var window = table.Ptes.Slice(IndexOf(start), pages);
            if (!vma.Covers(start, start + pages) || window.ContainsAnyExcept(Pte.None))
                continue;
            int folio = machine.Memory.Allocate(orders.Highest);
            machine.Memory.Map(folio, pages, mm.Id);
            for (int i = 0; i < pages; i++)
                window[i] = new Pte(PteKind.Page, PteFlags.Young | PteFlags.Dirty, folio + i);
            return folio + (int)(page - start);
        }
        return MapSmall(ref table.Ptes[IndexOf(page)], contents: 0);
    }

    private int MapSmall(ref Pte pte, ulong contents)
    {
        int pfn = machine.Memory.Allocate(0);
        machine.Memory.Contents(pfn) = contents;
        machine.Memory.Map(pfn, 1, mm.Id);
        pte = new Pte(PteKind.Page, PteFlags.Young | PteFlags.Dirty, pfn);
        return pfn;
    }
}
