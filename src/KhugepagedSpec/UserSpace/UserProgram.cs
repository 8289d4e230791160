using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// What a program does to its memory between two passes. Ranges are pages; a page outside every VMA is skipped, as is what the
/// kernel would refuse.
/// </summary>
/// <param name="machine">The machine it runs on.</param>
/// <param name="mm">Its address space.</param>
public sealed class UserProgram(Machine machine, AddressSpace mm)
{
    private readonly PhysicalMemory _memory = machine.Memory;

    /// <summary>
    /// madvise(MADV_DONTNEED): unmaps the pages, unless they are mlocked. Guard markers stay; a table that the range covers and
    /// that ends up empty is freed. Source: Linux 7.2, <c>mm/madvise.c:madvise_dontneed_free_valid_vma</c>,
    /// <c>mm/memory.c:zap_pte_range</c>, <c>zap_pte_table_if_empty</c>.
    /// </summary>
    public void DontNeed(long start, long length) => ForEachTable(start, length, (vma, table, first, count) =>
    {
        if (!vma.IsLocked)
            Zap(table, first, count, keepGuards: true);
    });

    /// <summary>Takes everything away below one PMD entry, as munmap() does before the VMA goes.</summary>
    /// <param name="start">The range's first page.</param>
    internal void ZapTable(long start) => Zap(mm.TableAt(start), 0, machine.Geometry.Pages, keepGuards: false);

    /// <summary>
    /// Writes to each page: faults it in, takes a copy of a shared one, and leaves new contents. Whoever handles userfaultfd's
    /// write-protect faults lets them pass.
    /// </summary>
    public void Write(long start, long length) => ForEachPage(start, length, page =>
    {
        if (FaultIn(page, write: true) is not { } pfn)
            return;
        _memory.Contents(pfn) = _memory.NextTag();
        Touch(page, PteFlags.Young | PteFlags.Dirty, gone: PteFlags.UffdWp);
    });

    /// <summary>Reads each page: an empty PTE gets the shared zero page.</summary>
    public void Read(long start, long length) => ForEachPage(start, length, page =>
    {
        FaultIn(page, write: false);
        Touch(page, PteFlags.Young);
    });

    /// <summary>
    /// madvise(MADV_COLD): the pages count as not referenced; a large folio that the range covers in part is split first.
    /// Source: Linux 7.2, <c>mm/madvise.c:madvise_cold_or_pageout_pte_range</c>.
    /// </summary>
    public void Cold(long start, long length) => Age(start, length, (table, first, count) =>
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

    /// <summary>madvise(MADV_PAGEOUT): the pages go to swap, clean lazyfree ones just go, dirty ones stay and are lazyfree no more.</summary>
    public void PageOut(long start, long length) => Age(start, length, (table, first, count) =>
    {
        SplitPmd(table);
        var ptes = table.Ptes.Slice(first, count);
        ref var folio = ref _memory.FolioOf(ptes[0].Pfn);
        if (folio.Pins > 0 || folio.Has(FolioFlags.Locked) || folio.Has(FolioFlags.OffLru))
            return;
        bool drop = folio.Has(FolioFlags.LazyFree), isDirty = false;
        foreach (var pte in ptes)
            isDirty |= pte.IsDirty;
        // Written again since it was given up: an ordinary page from now on, and it stays. Source: mm/rmap.c:try_to_unmap_one, folio_set_swapbacked.
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

    /// <summary>
    /// madvise(MADV_FREE): the pages may be dropped until they are written again; swap entries go at once. Source: Linux 7.2,
    /// <c>mm/madvise.c:madvise_free_pte_range</c>.
    /// </summary>
    public void Free(long start, long length)
    {
        ForEachTable(start, length, (vma, table, first, count) =>
        {
            foreach (ref var pte in table.Ptes.Slice(first, count))
                if (pte.Kind == PteKind.Swap && !vma.IsLocked)
                    GiveUp(ref pte);
        });
        Age(start, length, (table, first, count) =>
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

    /// <summary>madvise(MADV_GUARD_INSTALL): whatever was there, unless it is mlocked, gives way to guard markers.</summary>
    public void Guard(long start, long length) => ForEachTable(start, length, (vma, table, first, count) =>
    {
        if (vma.IsLocked)
            return;
        NoteAnonVma(vma);
        Zap(table, first, count, keepGuards: true);
        if (table.Pmd == PmdState.None)
            table.Populate();
        table.Ptes.Slice(first, count).Fill(new Pte(PteKind.GuardMarker, PteFlags.None, -1));
    });

    /// <summary>Takes a long-lived reference to each page (vmsplice, GUP).</summary>
    public void Pin(long start, long length) => ForEachPage(start, length, page =>
    {
        if (FaultIn(page, write: false) is { } pfn)
            _memory.FolioOf(pfn).Pins++;
    });

    /// <summary>UFFDIO_WRITEPROTECT: marks present pages and swap entries, and leaves a marker on empty PTEs.</summary>
    public void WriteProtect(long start, long length) => ForEachTable(start, length, (_, table, first, count) =>
    {
        SplitPmd(table);
        if (table.Pmd == PmdState.None)
            table.Populate();
        foreach (ref var pte in table.Ptes.Slice(first, count))
            pte = pte.Kind == PteKind.None
                ? new Pte(PteKind.UffdWpMarker, PteFlags.None, -1)
                : pte with { Flags = pte.Flags | PteFlags.UffdWp };
    });

    /// <summary>
    /// mremap(MREMAP_MAYMOVE | MREMAP_FIXED), as the page tables see it: what was at the new place goes, the entries move there,
    /// their folios as they are, at whatever alignment. The VMA is taken for one before and after, as when the offsets let the
    /// kernel merge its parts again. Source: Linux 7.2, <c>mm/mremap.c:move_ptes</c>.
    /// </summary>
    /// <param name="from">The first page.</param>
    /// <param name="to">Where it goes; the two ranges must not overlap.</param>
    /// <param name="length">How many pages.</param>
    public void Move(long from, long to, long length)
    {
        if (from < to + length && to < from + length)
            return;
        ForEachTable(to, length, (_, table, first, count) => Zap(table, first, count, keepGuards: false));
        ForEachPage(from, length, page =>
        {
            var source = mm.TableAt(page);
            SplitPmd(source);
            ref var pte = ref source.Ptes[IndexOf(page)];
            if (pte.Kind == PteKind.None || mm.FindVma(page - from + to) is null)
                return;
            var target = mm.TableAt(page - from + to);
            if (target.Pmd == PmdState.None)
                target.Populate();
            target.Ptes[IndexOf(page - from + to)] = pte;
            pte = Pte.None;
        });
    }

    /// <summary>
    /// fork(), after which the child unmaps all but the pages for which <paramref name="keep"/> is true and touches those.
    /// </summary>
    /// <param name="keep">Which pages the child keeps.</param>
    /// <param name="childFlags">The child's VMA flags, from the parent's.</param>
    public AddressSpace Fork(Func<long, bool> keep, Func<VmaFlags, VmaFlags> childFlags)
    {
        var child = machine.StartProcess();
        if (mm.IsRegistered)
            machine.Register(child);
        foreach (var vma in mm.Vmas)
        {
            child.Add(vma with { Flags = childFlags(vma.Flags) });
            for (long page = vma.Start; page < vma.End; page++)
            {
                if (!keep(page))
                    continue;
                var table = mm.TableAt(page);
                SplitPmd(table);
                var pte = table.Ptes[IndexOf(page)];
                if (pte.Kind != PteKind.Page)
                    continue;
                var copy = child.TableAt(page);
                if (copy.Pmd == PmdState.None)
                    copy.Populate();
                copy.Ptes[IndexOf(page)] = pte with { Flags = (pte.Flags | PteFlags.Young) & ~PteFlags.SecondaryYoung };
                _memory.Map(pte.Pfn, 1, child.Id);
            }
        }
        return child;
    }

    private void Zap(PteTable table, int first, int count, bool keepGuards)
    {
        bool whole = count == machine.Geometry.Pages;
        if (table.Pmd == PmdState.Huge && whole)
            _memory.Unmap(table.HugePfn, count, mm.Id);
        if (table.Pmd is PmdState.Huge or PmdState.HugeZero && whole)
            table.Clear();
        SplitPmd(table);
        if (table.Pmd != PmdState.Table)
            return;
        var ptes = table.Ptes.Slice(first, count);
        for (int i = 0, batch; i < count; i += batch)
        {
            batch = _memory.PteBatch(ptes, i);
            if (ptes[i].Kind == PteKind.Page)
                _memory.Unmap(ptes[i].Pfn, batch, mm.Id);
            if (ptes[i].Kind == PteKind.Swap)
                machine.Swap.Release(_memory, ptes[i]);
            if (!keepGuards || ptes[i].Kind != PteKind.GuardMarker)
                ptes.Slice(i, batch).Fill(Pte.None);
        }
        if (whole && !(keepGuards && machine.Version.KeepsEmptiedTables) && !ptes.ContainsAnyExcept(Pte.None))
            table.Clear();
    }

    private void GiveUp(ref Pte entry)
    {
        machine.Swap.Release(_memory, entry);
        entry = Pte.None;
    }

    private int IndexOf(long page) => machine.Geometry.IndexOf(page);

    private static void SplitPmd(PteTable table)
    {
        if (table.Pmd is PmdState.Huge or PmdState.HugeZero)
            table.SplitPmd();
    }

    private void Touch(long page, PteFlags flags, PteFlags gone = PteFlags.None)
    {
        var table = mm.TableAt(page);
        if (table.Pmd == PmdState.Huge)
        {
            table.HugeFlags |= flags;
            return;
        }
        ref var pte = ref table.Ptes[IndexOf(page)];
        if (table.Pmd == PmdState.Table && pte.IsPresent)
            pte = pte with { Flags = (pte.Flags | flags) & ~gone };
    }

    // Source: mm/memory.c:handle_pte_fault, do_anonymous_page, wp_page_copy. Returns the frame behind the page, if there is one.
    private int? FaultIn(long page, bool write)
    {
        var vma = mm.FindVma(page)!;
        var table = mm.TableAt(page);
        if (table.Pmd == PmdState.Huge)
            return table.HugePfn + IndexOf(page);
        if (table.Pmd == PmdState.HugeZero && write && machine.Version.WritesSplitHugeZero)
            SplitPmd(table);
        if (table.Pmd == PmdState.HugeZero)
            return write ? FaultInHuge(table) + IndexOf(page) : null;
        if (table.Pmd == PmdState.None)
        {
            if (FaultsInHuge(vma, page))
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
                return FaultInFolio(table, vma, page);
            case PteKind.UffdWpMarker when !write:
                pte = Pte.ZeroPage with { Flags = PteFlags.Young | PteFlags.UffdWp };
                return null;
            case PteKind.ZeroPage or PteKind.UffdWpMarker when write:
                NoteAnonVma(vma);
                return MapSmall(ref pte, contents: 0);
            case PteKind.Swap:
                new SwapFault(machine, mm, vma, page - IndexOf(page)).BringBack(table.Ptes, IndexOf(page));
                return pte.Pfn;
            case PteKind.Page when write && _memory.FolioOf(pte.Pfn).MaybeMappedShared:
                ulong contents = _memory.Contents(pte.Pfn);
                _memory.Unmap(pte.Pfn, 1, mm.Id);
                return MapSmall(ref pte, contents);
            default:
                return pte.Kind == PteKind.Page ? pte.Pfn : null;
        }
    }

    private bool FaultsInHuge(Vma vma, long page)
    {
        long start = page - IndexOf(page);
        return vma.Covers(start, start + machine.Geometry.Pages)
            && Eligibility.FaultOrders(machine.Settings, mm, vma).Contains(machine.Geometry.PmdOrder);
    }

    // The one fault that asks khugepaged to visit the process. Source: mm/huge_memory.c:do_huge_pmd_anonymous_page.
    private int? PmdFault(PteTable table, Vma vma, bool write)
    {
        Registration.EnterVma(machine, mm, NoteAnonVma(vma), RegistrationSite.PmdFault);
        if (write || !machine.Settings.UseZeroPage)
            return FaultInHuge(table);
        table.MapHugeZero();
        return null;
    }

    private int FaultInHuge(PteTable table)
    {
        int folio = _memory.Allocate(machine.Geometry.PmdOrder);
        _memory.Map(folio, machine.Geometry.Pages, mm.Id);
        table.MapHuge(folio);
        return folio;
    }

    // The largest enabled order whose aligned window lies in the VMA and is empty; a small page if there is none.
    private int FaultInFolio(PteTable table, Vma vma, long page)
    {
        NoteAnonVma(vma);
        var orders = Eligibility.FaultOrders(machine.Settings, mm, vma).Without(machine.Geometry.PmdOrder);
        for (; !orders.IsEmpty; orders = orders.Without(orders.Highest))
        {
            long start = page >> orders.Highest << orders.Highest;
            int pages = 1 << orders.Highest;
            var window = table.Ptes.Slice(IndexOf(start), pages);
            if (!vma.Covers(start, start + pages) || window.ContainsAnyExcept(Pte.None))
                continue;
            int folio = _memory.Allocate(orders.Highest);
            _memory.Map(folio, pages, mm.Id);
            for (int i = 0; i < pages; i++)
                window[i] = new Pte(PteKind.Page, PteFlags.Young | PteFlags.Dirty, folio + i);
            return folio + (int)(page - start);
        }
        return MapSmall(ref table.Ptes[IndexOf(page)], contents: 0);
    }

    private int MapSmall(ref Pte pte, ulong contents)
    {
        int pfn = _memory.Allocate(0);
        _memory.Contents(pfn) = contents;
        _memory.Map(pfn, 1, mm.Id);
        pte = new Pte(PteKind.Page, PteFlags.Young | PteFlags.Dirty, pfn);
        return pfn;
    }

    // Gives the VMA as it is then; the caller's may be of before the last time.
    private Vma NoteAnonVma(Vma vma)
    {
        var current = mm.FindVma(vma.Start)!;
        if (current.HasAnonVma)
            return current;
        var prepared = current with { HasAnonVma = true };
        mm.Replace(current, prepared);
        return prepared;
    }

    // Runs an action on each folio of the range that belongs to this process alone; one covered in part is split first.
    private void Age(long start, long length, Action<PteTable, int, int> act) => ForEachTable(start, length, (vma, table, first, count) =>
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

    private void ForEachPage(long start, long length, Action<long> act)
    {
        for (long page = start; page < start + length; page++)
            if (mm.FindVma(page) is { } vma && vma.Start <= page)
                act(page);
    }

    private void ForEachTable(long start, long length, Action<Vma, PteTable, int, int> act)
    {
        foreach (var vma in mm.Vmas.ToArray())
        {
            long from = Math.Max(start, vma.Start), end = Math.Min(start + length, vma.End);
            while (from < end)
            {
                long next = Math.Min(end, machine.Geometry.NextRangeStart(from + 1));
                act(vma, mm.TableAt(from), IndexOf(from), (int)(next - from));
                from = next;
            }
        }
    }
}
