using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>Those who move, lock, merge or end a range, and a second collapse of it. Source: Linux 7.2, the functions named at each
/// step.</summary>
internal static class RangeActors
{
    /// <summary>MADV_COLLAPSE: the collapse code once more, by itself.</summary>
    public static void MadvCollapse(ActorWriter w)
    {
        KhugepagedProgram.Write(w.B, w.S, w.S.Second, w.Protocol);
        w.B.Join(w.End);
        w.B.At(w.End);
    }

    /// <summary>mremap: the table goes to another address whole, or its entries one by one.</summary>
    public static void Mremap(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        b.As(Mark.LockMmap).Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
        w.StartVmaWrite();
        Location moved = new(), table = new(), entries = new();
        b.Do("copy_vma", "makes the VMA at the new address, with the same anon_vma", Term.True,
            Goto(moved, s.Vma.Is(VmaIs.Gone) | s.Vma.Is(VmaIs.File) | s.IsSplit), Else());
        b.Any("move_page_tables", "moves the table, or its entries", Goto(table, Term.True) with { Says = "will move the table" },
            Goto(entries, Term.True) with { Says = "will move the entries" });
        b.At(table);
        b.Do("take_rmap_locks", "takes the anon_vma lock", s.AnonVma.Write);
        Take("move_normal_pmd", "empties the PMD entry, puts the table to the new address, flushes TLBs", s.PmdLock.IsFree);
        b.Do("drop_rmap_locks", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        var unmap = new Location();
        b.Join(unmap);
        b.At(entries);
        b.Do("take_rmap_locks", "takes the anon_vma lock", s.AnonVma.Write);
        Take("move_ptes", "moves every entry to a table at the new address, flushes TLBs", s.PteLock.IsFree);
        b.Do("drop_rmap_locks", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        b.Join(unmap);
        b.At(unmap);
        b.Do("do_vmi_munmap", "takes the old VMA out, frees it",
            Effect.When(s.IsMoved | s.Pmd.Is(PmdHolds.None), s.Vma.Set(VmaIs.Gone), s.IsFreed.Set(1)));
        b.Join(moved);
        b.At(moved);
        b.As(Mark.Unlock).Do("mmap_write_unlock", "drops the mmap lock, and with it the VMAs'", w.EndVmaWrite + s.Mmap.WriteUnlock);
        b.Join(w.End);
        b.At(w.End);

        void Take(string function, string says, Term free) => b.Do(
            function, says, free,
            If(
                s.Pmd.Is(PmdHolds.Table),
                [s.Pmd.Set(PmdHolds.None), s.IsMoved.Set(1), .. s.FlushWalkCaches(), .. Enumerable.Range(0, s.Shape.Pages)
                    .SelectMany(s.Flush)]),
            Else());
    }

    /// <summary>UFFDIO_MOVE of a page out of the range, to where nobody else looks.</summary>
    public static void UffdMove(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.OnAnyEntry(i => w.UnderLock(i, ofVma: true, () =>
        {
            var entry = s[i];
            Location done = new(), split = new(), page = new(), unlock = new();
            b.Do(
                "move_pages", "looks at the PMD entry", Term.True,
                Goto(split, s.Pmd.Is(PmdHolds.Huge)), Goto(page, s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source)),
                    Goto(done, Term.True));
            b.At(split);
            w.SplitPmd(done);
            b.At(page);
            b.Do(
                "move_pages_pte", $"takes a reference to entry {i}'s page, if it is this process's alone", s.PteLock.IsFree,
                If(s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.Exclusive & entry.References.IsNot(0) & !entry.IsInFolio,
                    entry.References.Increase(), w.Slot.Pin.Set(Holds.Source), w.Slot.At.Set(i)),
                Goto(done, Term.True));
            b.Do("folio_lock", $"waits for the lock of entry {i}'s page", entry.Locked.Is(0),
                new Way(Term.True, null, [Effect.Sleeps(Safety.NobodySleepsAtomic), entry.Locked.Set(1), Folio(true)]));
            b.As(Mark.Hidden).Do("anon_vma_lock_write", "takes the anon_vma lock", s.AnonVma.Write);
            var canMove = s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.Exclusive & !s.IsPinned(i) & entry.Child.Is(0);
            var moved = new Location();
            b.Any(
                "move_present_ptes", $"moves entry {i}'s page, flushes TLBs",
                Goto(
                    moved, s.PteLock.IsFree & canMove,
                    [entry.Child.Set(1), .. Faults.Unmap(entry), entry.IsLost.Set(0), .. Faults.GiveUp(s, i),
                        .. Faults.FlushGivenUp(s, w.Slot, i)]),
                Goto(moved, s.PteLock.IsFree & (!canMove | s.BusyByChance)) with { Says = $"finds entry {i}'s page gone, or pinned" });
            b.At(moved);
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
            b.Do("folio_unlock", $"unlocks entry {i}'s page, lets it go",
                [entry.Locked.Set(0), Folio(false), w.Slot.Pin.Set(Holds.None), .. entry.DropReference]);
            b.Join(done);
            b.At(done);
        }));
        b.At(w.End);
    }

    /// <summary>mprotect: the VMA may only be read, then its entries, whose TLB entries are flushed at once at the end.</summary>
    public static void Mprotect(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        int[] entries = [.. Enumerable.Range(0, s.Shape.Pages)];
        w.UnderWriteLock(() =>
        {
            Location again = new(), huge = new(), table = new(), flush = new();
            b.Do("mprotect_fixup", "takes VM_WRITE off the VMA", Effect.When(s.IsCovered, s.IsReadOnly.Set(1)));
            b.Join(again);
            b.At(again);
            b.Do(
                "change_pmd_range", "looks at the PMD entry", Term.True,
                Goto(huge, s.IsHuge), Goto(table, s.Pmd.Is(PmdHolds.Table)), Goto(flush, Term.True));
            b.At(huge);
            b.Do("change_huge_pmd", "write-protects the huge page", s.PmdLock.IsFree, Goto(flush, s.IsHuge, Protect()),
                Goto(again, Term.True));
            b.At(table);
            b.Do(
                "change_pte_range", "write-protects every entry", s.PteLock.IsFree, Goto(flush, s.Pmd.Is(PmdHolds.Table), Protect()),
                    Goto(again, Term.True));
            b.At(flush);
            if (w.Protocol.MprotectFlushes)
                b.As(Mark.Flush).Do("tlb_finish_mmu", "flushes TLBs", [.. entries.SelectMany(s.FlushTlbs)]);
        });
        b.Join(w.End);
        b.At(w.End);

        Effect[] Protect() => [.. entries.SelectMany(i => s.Invalidate(i).Prepend(s[i].Writable.Set(0)))];
    }

    /// <summary>mlock: the VMA is marked, and a page waits in a batch until it is unevictable; then munlock.</summary>
    public static void Mlock(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() => b.Do("mlock_fixup", "marks the VMA", Effect.When(s.IsCovered, s.IsMlocked.Set(1))));
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            var done = new Location();
            b.Do(
                "mlock_folio", $"puts entry {i}'s page into the mlock batch, with a reference", s.PteLock.IsFree,
                If(s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source), entry.References.Increase(), w.Slot.Pin.Set(Holds.Source)),
                    Goto(done, Term.True));
            b.Do("mlock_folio_batch", $"empties the batch: entry {i}'s page is unevictable",
                [w.Slot.Pin.Set(Holds.None), .. entry.DropReference]);
            b.Join(done);
            b.At(done);
            w.UnderWriteLock(() => b.Do("mlock_fixup", "takes the mark off again", s.IsMlocked.Set(0)));
            b.Join(w.End);
        });
        b.At(w.End);
    }

    /// <summary>KSM: a page is write-protected, compared, and replaced by one that may be mapped elsewhere too.</summary>
    public static void Ksm(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.OnAnyEntry(i => w.UnderLock(i, ofVma: false, () =>
        {
            var entry = s[i];
            Location done = new(), unlock = new(), locked = new();
            b.Do(
                "ksm_get_folio", $"takes a reference to entry {i}'s page", s.PteLock.IsFree,
                If(s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.References.IsNot(0) & !entry.IsInFolio,
                    entry.References.Increase(), w.Slot.Pin.Set(Holds.Source)), Goto(done, Term.True));
            var put = new Location();
            b.Any("folio_trylock", $"locks entry {i}'s page", Goto(locked, !entry.Locked, entry.Locked.Set(1), Folio(true, isTry: true)),
                Goto(put, (Term)entry.Locked | s.BusyByChance));
            b.At(locked);
            b.Do(
                "write_protect_page", $"write-protects entry {i}, flushes TLBs, if nobody else has the page", s.PteLock.IsFree,
                If(
                    s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & ((Term)entry.References)
                        .Is((Term)entry.Mappings + entry.InSwapCache + 1) & entry.Mappings.Is(1) & entry.InBatch.Is(0),
                    [entry.Writable.Set(0), entry.Exclusive.Set(0), .. s.Flush(i)]),
                Goto(unlock, Term.True));
            b.Do(
                "replace_page", $"maps the merged page at entry {i}, if it is as it was left", s.PteLock.IsFree,
                If(
                    s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.Writable.Is(0),
                    [.. s.Invalidate(i), .. entry.DropMapping, .. Faults.MapFresh(entry, entry.Source), entry.Writable.Set(0),
                        .. s.FlushTlbs(i)]),
                Else());
            b.Join(unlock);
            b.At(unlock);
            b.Do("folio_unlock", $"unlocks entry {i}'s page", entry.Locked.Set(0), Folio(false));
            b.Join(put);
            b.At(put);
            b.Do("folio_put", $"lets entry {i}'s page go", [w.Slot.Pin.Set(Holds.None), .. entry.DropReference]);
            b.Join(done);
            b.At(done);
        }));
        b.At(w.End);
    }

    /// <summary>exit: the process is marked, waits for khugepaged to be out of it, and unmaps everything. Nobody of the process runs
    /// beside.</summary>
    public static void Exit(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        b.Do("mmput", "lets the process's last user go", s.ThpOff.Set(1));
        b.Do("khugepaged_exit", "waits for khugepaged to drop the mmap lock", s.Mmap.Write);
        b.Do("khugepaged_exit", "drops the mmap lock", s.Mmap.WriteUnlock);
        b.Do("exit_mmap", "takes the mmap lock for reading", s.Mmap.Read);
        b.Do(
            "unmap_vmas", "clears every entry", s.PteLock.IsFree & s.PmdLock.IsFree,
            If(s.Pmd.Is(PmdHolds.Table), [.. Enumerable.Range(0, s.Shape.Pages).Select(i => Faults.Zap(s, w.Slot, i))]),
            If(s.IsHuge, [s.Pmd.Set(PmdHolds.None), .. Enumerable.Range(0, s.Shape.Pages).SelectMany(i => Faults.Discard(s, i))]),
            Else());
        b.Do("exit_mmap", "drops the mmap lock", s.Mmap.ReadUnlock);
        b.Do("exit_mmap", "takes the mmap lock for writing", s.Mmap.Write);
        UnmapRange(w);
        b.Do("vm_area_free", "frees the VMA", s.Vma.Set(VmaIs.Gone), s.IsFreed.Set(1));
        b.Do("exit_mmap", "drops the mmap lock", s.Mmap.WriteUnlock);
        b.Join(w.End);
        b.At(w.End);
    }

    /// <summary>Every page unmapped, the VMA off its anon_vma, the table freed.</summary>
    internal static void UnmapRange(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        var entries = Enumerable.Range(0, s.Shape.Pages).ToArray();
        b.Do(
            "unmap_vmas", "clears every entry", s.PteLock.IsFree & s.PmdLock.IsFree,
            If(s.Pmd.Is(PmdHolds.Table), [.. entries.Select(entry => Faults.Zap(s, slot, entry))]),
            If(s.IsHuge, [s.Pmd.Set(PmdHolds.None), .. entries.SelectMany(entry => Faults.Discard(s, entry))]),
            Else([.. entries.SelectMany(entry => Faults.GiveUp(s, entry))]));
        b.Do("unlink_anon_vmas", "takes the VMA off its anon_vma", s.AnonVma.IsFree, Else(s.HasAnonVma.Set(0), s.IsLinked.Set(0)));
        b.Do("free_pgd_range", "empties the PMD entry", s.PmdLock.IsFree,
            If(s.Pmd.Is(PmdHolds.Table), [.. s.TakeTable(slot)]), Else(s.Pmd.Set(PmdHolds.None)));
        b.As(Mark.Flush).Do("tlb_finish_mmu", "flushes TLBs and frees the pages",
            [.. entries.SelectMany(entry => Faults.FlushGivenUp(s, slot, entry)), .. s.FlushWalkCaches()]);
        w.FreeTable("frees the table when nobody walks there");
    }

    private static Effect.LockUse Folio(bool isAcquired, bool isTry = false) => new("folio lock", isAcquired, isTry) { TurnsAway = true };
}
