using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>The advice that changes what page tables and folios hold. Source: Linux 7.2, <c>mm/madvise.c</c>.</summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
internal sealed class Madvise(Machine machine, AddressSpace mm)
{
    private readonly PhysicalMemory _memory = machine.Memory;
    private readonly PageWalk _walk = new(machine.Geometry, mm);

    /// <summary>
    /// MADV_DONTNEED. Source: Linux 7.2, <c>mm/madvise.c:madvise_dontneed_free_valid_vma</c>, <c>madvise_dontneed_single_vma</c>.
    /// </summary>
    public void DontNeed(long start, long length) => _walk.ForEachTable(start, length, (vma, table, first, count) =>
    {
        if (!vma.IsLocked)
            ZapPteRange.Run(machine, mm, table, first, count, keepGuards: true);
    });

    /// <summary>MADV_COLD. Source: Linux 7.2, <c>mm/madvise.c:madvise_cold_or_pageout_pte_range</c>.</summary>
    public void Cold(long start, long length) => ForEachFolio(start, length, (table, first, count) =>
    {
        if (table.Pmd == PmdState.Huge)
        {
            table.HugeFlags &= ~PteFlags.Young;
            _memory.FolioOf(table.HugePfn).Flags &= ~FolioFlags.Referenced;
            return;
        }
        foreach (ref var pte in table.Ptes.Slice(first, count))
            pte = pte with { Flags = pte.Flags & ~PteFlags.Young };
        _memory.FolioOf(table.Ptes[first].Pfn).Flags &= ~FolioFlags.Referenced;
    });

    /// <summary>
    /// MADV_PAGEOUT. Source: Linux 7.2, <c>mm/madvise.c:madvise_cold_or_pageout_pte_range</c>, <c>mm/vmscan.c:shrink_folio_list</c>.
    /// </summary>
    public void PageOut(long start, long length) => ForEachFolio(start, length, (table, first, count) =>
    {
        table.SplitPmd();
        var ptes = table.Ptes.Slice(first, count);
        ref var folio = ref _memory.FolioOf(ptes[0].Pfn);
        if (folio.Pins > 0 || folio.Has(FolioFlags.Locked) || folio.Has(FolioFlags.OffLru))
            return;
        bool drop = folio.Has(FolioFlags.LazyFree), isDirty = false;
        foreach (var pte in ptes)
            isDirty |= pte.IsDirty;

        // Written again since it was given up: an ordinary page from now on, and it stays. Source: mm/rmap.c:try_to_unmap_one,
        // folio_set_swapbacked.
        if (drop && isDirty)
        {
            folio.Flags &= ~(FolioFlags.LazyFree | FolioFlags.Referenced);
            return;
        }
        int pfn = ptes[0].Pfn;
        int slot = drop ? 0 : machine.Swap.Take(folio.Order);
        bool isZero = SwapSpace.IsZeroFilled(_memory, pfn);
        for (int i = 0; i < count; i++)
            ptes[i] = drop ? Pte.None : SwapSpace.Entry(_memory, ptes[i], slot + i, isZero);
        _memory.Unmap(pfn, count, mm.Id);
    });

    /// <summary>MADV_FREE. Source: Linux 7.2, <c>mm/madvise.c:madvise_free_pte_range</c>.</summary>
    public void Free(long start, long length)
    {
        _walk.ForEachTable(start, length, (vma, table, first, count) =>
        {
            foreach (ref var pte in table.Ptes.Slice(first, count))
            {
                if (pte.Kind != PteKind.Swap || vma.IsLocked)
                    continue;
                machine.Swap.Release(_memory, pte);
                pte = Pte.None;
            }
        });
        ForEachFolio(start, length, (table, first, count) =>
        {
            // A huge page that is given up as a whole stays one. Source: mm/huge_memory.c:madvise_free_huge_pmd.
            if (table.Pmd == PmdState.Huge)
            {
                table.HugeFlags &= ~(PteFlags.Young | PteFlags.Dirty);
                _memory.FolioOf(table.HugePfn).Flags |= FolioFlags.LazyFree;
                return;
            }
            foreach (ref var pte in table.Ptes.Slice(first, count))
                pte = pte with { Flags = pte.Flags & ~(PteFlags.Young | PteFlags.Dirty) };
            _memory.FolioOf(table.Ptes[first].Pfn).Flags |= FolioFlags.LazyFree;
        });
    }

    /// <summary>MADV_GUARD_INSTALL. Source: Linux 7.2, <c>mm/madvise.c:madvise_guard_install</c>.</summary>
    public void GuardInstall(long start, long length) => _walk.ForEachTable(start, length, (vma, table, first, count) =>
    {
        if (vma.IsLocked)
            return;
        PageFault.PrepareAnonVma(mm, vma);
        ZapPteRange.Run(machine, mm, table, first, count, keepGuards: true);
        if (table.Pmd == PmdState.None)
            table.Populate();
        table.Ptes.Slice(first, count).Fill(new Pte(PteKind.GuardMarker, PteFlags.None, -1));
    });

    // Runs an action on each folio of the range that belongs to this process alone; one covered in part is split first.
    private void ForEachFolio(long start, long length, Action<PteTable, int, int> act) =>
        _walk.ForEachTable(start, length, (vma, table, first, count) =>
    {
        if (vma.IsLocked)
            return;
        if (table.Pmd == PmdState.Huge)
        {
            if (_memory.FolioOf(table.HugePfn).MaybeMappedShared)
                return;
            if (count == machine.Geometry.Pages)
            {
                act(table, 0, count);
                return;
            }
            if (!CanSplit(_memory.FolioOf(table.HugePfn)))
                return;
            FolioSplit.Run(machine, mm, vma, table, first);
        }
        if (table.Pmd != PmdState.Table)
            return;
        for (int i = first, batch; i < first + count; i += batch)
        {
            batch = _memory.PteBatch(table.Ptes[..(first + count)], i);
            if (table.Ptes[i].Kind != PteKind.Page)
                continue;
            ref var folio = ref _memory.FolioOf(table.Ptes[i].Pfn);
            if (folio.MaybeMappedShared)
                continue;
            if (batch < 1 << folio.Order)
            {
                if (!CanSplit(folio))
                    continue;
                FolioSplit.Run(machine, mm, vma, table, i);
                batch = 0;
                continue;
            }
            act(table, i, batch);
        }
    });

    private static bool CanSplit(in Folio folio) => folio.Pins == 0 && !folio.Has(FolioFlags.Locked);
}
