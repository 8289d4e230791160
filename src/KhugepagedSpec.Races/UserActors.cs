using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>System calls and faults of the process itself. Source: Linux 7.2, the functions named at each step.</summary>
internal static class UserActors
{
    public static void Fault(ActorWriter w) =>
        w.OnAnyEntry(i => w.UnderLock(i, ofVma: true, () => w.HandleFault(i)));

    public static void DontNeed(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        int pages = s.Shape.Pages;
        var starts = Enumerable.Range(0, pages + 1).Select(_ => new Location()).ToArray();
        b.Any(
            "madvise", "picks an entry, or the whole range",
            [.. starts.Select((start, i) =>
                Goto(start, Term.True) with
                {
                    Says = i < pages ? $"picks entry {i}" : "picks the whole range",
                    Meaning = new Means(Mark.Picks, i < pages ? i : Means.All),
                })]);
        for (int i = 0; i < starts.Length; i++)
        {
            int[] entries = i < pages ? [i] : [.. Enumerable.Range(0, pages)];
            b.At(starts[i]);
            w.UnderLock(entries[0], ofVma: true, () => ZapPmdRange(w, entries, whole: entries.Length > 1), wholeRange: entries.Length > 1);
        }
        b.At(w.End);
        w.FreeTable("frees the table it took, if any, when nobody walks there");
    }

    /// <summary>MADV_DONTNEED of entries, under whichever lock is held; falls through.</summary>
    /// <param name="w">The writer.</param>
    /// <param name="entries">Which, 1 or more.</param>
    /// <param name="whole">They are all there are, so that the table may go too.</param>
    internal static void ZapPmdRange(ActorWriter w, int[] entries, bool whole)
    {
        // What the PMD entry holds decides: nothing there is given up too, a huge page is unmapped or split, a table is cleared, and
        // freed if it was whole.
        var (b, s, slot) = (w.B, w.S, w.Slot);
        Location again = new(), split = new(), huge = new(), table = new(), flush = new();
        var giveUp = entries.SelectMany(entry => Faults.GiveUp(s, entry)).ToArray();
        b.Join(again);
        b.At(again);
        b.Do(
            "zap_pmd_range", "looks at the PMD entry", Term.True,
            Goto(flush, s.Pmd.IsNot(PmdHolds.Table) & !s.IsHuge, giveUp) with { Says = "finds no table in the PMD entry" },
            Goto(whole ? huge : split, s.IsHuge), Goto(table, Term.True));
        if (whole)
        {
            b.At(huge);
            b.Do(
                "zap_huge_pmd", "empties the PMD entry that mapped a huge page", s.PmdLock.IsFree,
                Goto(flush, s.IsHuge, [s.Pmd.Set(PmdHolds.None), .. entries.SelectMany(entry => Faults.Discard(s, entry))]),
                    Goto(again, Term.True));
        }
        else
        {
            b.At(split);
            w.SplitPmd(again);
        }
        b.At(table);
        Location zapped = new();
        // What guards a page stays, and the table with it.
        var zap = entries.Select(entry =>
            Effect.When(s[entry].Pte.Is(Holds.Guard), [.. Faults.GiveUp(s, entry)], [Faults.Zap(s, slot, entry)])).ToArray();
        var isTable = s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table);
        var empties = Term.All(s.Entries.Select(entry => entry.Pte.IsNot(Holds.Guard)));
        if (whole)
        {
            b.As(Mark.Clear).Any(
                "zap_pte_range", "clears every entry",
                Goto(zapped, isTable, zap),
                Goto(flush, isTable & s.PmdLock.IsFree & empties,
                    [.. zap, .. s.TakeTable(slot)]) with
                { Says = "clears every entry, takes the table out", Meaning = new Means(Mark.Out) },
                Goto(again, s.PteLock.IsFree & s.Pmd.IsNot(PmdHolds.Table)) with
                { Says = "finds no table to lock", Meaning = new Means(Mark.Hidden) });
            b.At(zapped);
            b.As(Mark.Hidden).Do(
                "zap_pte_table_if_empty", "takes the table out if it is empty still", s.PmdLock.IsFree & s.PteLock.IsFree,
                Goto(flush, s.Pmd.Is(PmdHolds.Table) & Term.All(s.Entries.Select(entry => entry.Pte.Is(Holds.None))),
                    [.. s.TakeTable(slot)]) with
                { Meaning = new Means(Mark.Out) },
                Goto(flush, Term.True));
        }
        else
        {
            b.As(Mark.Clear, entries[0]).Do(
                "zap_pte_range", entries.Length > 1 ? "clears some entries" : $"clears entry {entries[0]}", s.PteLock.IsFree,
                Goto(flush, isTable, zap),
                Goto(again, Term.True) with { Meaning = new Means(Mark.Hidden) });
        }
        b.At(flush);
        Effect[] walkCaches = whole ? [.. s.FlushWalkCaches()] : [];
        if (!w.Protocol.FreesBehindFlush)
            b.As(Mark.Flush).Do("tlb_finish_mmu", "frees the pages",
                [.. entries.Select(entry => Effect.When(slot.Gathered[entry], [slot.Gathered[entry].Set(0), .. s[entry].DropReference]))]);
        b.As(Mark.Flush).Do("tlb_finish_mmu", "flushes TLBs and frees the pages",
            [.. entries.SelectMany(entry => Faults.FlushGivenUp(s, slot, entry)), .. walkCaches]);
    }

    /// <summary>munmap, and perhaps a new mapping in its place, and a fault there.</summary>
    public static void Munmap(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        b.As(Mark.LockMmap).Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
        w.StartVmaWrite();
        b.Do("vms_complete_munmap_vmas", "takes the VMA out, downgrades the lock", w.EndVmaWrite + s.Mmap.Downgrade, s.Vma.Set(VmaIs.Gone));
        RangeActors.UnmapRange(w);
        b.Do("vm_area_free", "frees the VMA", s.IsFreed.Set(1));
        b.As(Mark.Unlock).Do("mmap_read_unlock", "drops the mmap lock", s.Mmap.ReadUnlock);
        Location anonymous = new(), merged = new(), file = new(), mapped = new();
        b.Any(
            "user space", "maps something else there, or not",
            Goto(w.End, Term.True) with { Says = "is done" },
            Goto(anonymous, Term.True) with { Says = "will map anonymous memory there" },
            Goto(merged, Term.True) with { Says = "will map anonymous memory there, beside a VMA that has an anon_vma" },
            Goto(file, Term.True) with { Says = "will map a file there" });
        Map(file, VmaIs.File, w.End);
        Map(merged, VmaIs.Anonymous, mapped, s.HasAnonVma.Set(1));
        Map(anonymous, VmaIs.Anonymous, mapped);
        b.At(mapped);
        w.UnderLock(0, ofVma: true, () => w.HandleFault(0));
        b.At(w.End);

        void Map(Location start, int kind, Location next, params Effect[] more)
        {
            b.At(start);
            b.As(Mark.LockMmap).Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
            b.Do(
                "__mmap_region", $"maps {(kind == VmaIs.File ? "a file" : "anonymous memory")} if nobody else did, drops the mmap lock",
                    s.Mmap.WriteUnlock,
                Effect.When(s.Vma.Is(VmaIs.Gone),
                    [s.Vma.Set(kind), s.IsSplit.Set(0), s.IsArmed.Set(0), s.IsMlocked.Set(0), s.IsReadOnly.Set(0), .. more]));
            b.Join(next);
        }
    }

    /// <summary>A merge with the VMA before it, which frees this one.</summary>
    public static void Merge(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() =>
        {
            b.Do("vma_prepare", "takes the anon_vma lock", s.AnonVma.Write);
            b.Do("commit_merge", "lets the VMA before it cover the range", Term.True,
                If(s.Vma.Is(VmaIs.First) & s.IsSplit.Is(0), s.Vma.Set(VmaIs.Merged)), Else());
            b.Do("vma_complete", "drops the anon_vma lock, frees the VMA", s.AnonVma.WriteUnlock,
                Effect.When(s.Vma.Is(VmaIs.Merged), s.IsFreed.Set(1)));
        });
        b.Join(w.End);
        b.At(w.End);
    }

    /// <summary>The second half becomes a VMA of its own, and takes a fault.</summary>
    public static void Neighbour(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() =>
        {
            b.Do("vma_prepare", "takes the anon_vma lock", s.AnonVma.Write);
            b.Do("__split_vma", "makes the second half a VMA of its own", Effect.When(s.IsCovered, s.IsSplit.Set(1)));
            b.Do("vma_complete", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        });
        int i = s.Shape.Pages - 1;
        b.Do("user space", $"touches entry {i}", w.Slot.At.Set(i));
        w.UnderLock(i, ofVma: true, () => w.HandleFault(i));
        b.At(w.End);
    }

    /// <summary>fork: the child maps every small page too; perhaps it exits again. A pinned page is copied for it instead.</summary>
    public static void Fork(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() =>
        {
            var copied = new Location();
            Way Copy(Term when, int? notEntry) => Goto(
                copied, s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table) & when,
                    [s.IsForking.Set(1), .. s.Entries.Select(Share).Where((_, i) => i != notEntry)]);
            b.Any(
                "copy_page_range", "lets the child map every page, write-protected",
                [
                    Goto(copied, s.PmdLock.IsFree & s.Pmd.Is(PmdHolds.Huge),
                        [s.IsForking.Set(1), .. s.Entries.Select(entry => entry.Writable.Set(0))]) with { Says =
                        "lets the child map the huge page, write-protected" },
                    Goto(copied, s.PteLock.IsFree & s.Pmd.IsNot(PmdHolds.Table) & s.Pmd.IsNot(
                        PmdHolds.Huge)) with { Says = "finds no table in the PMD entry" }, Copy(Term.True, null),
                    .. Enumerable.Range(0, s.Shape.Pages).Select(i => Copy(s.BusyByChance, i)),
                ]);
            b.At(copied);
            b.Do("flush_tlb_mm", "flushes TLBs", [s.IsForking.Set(0), .. Enumerable.Range(0, s.Shape.Pages).SelectMany(s.Flush)]);
        });
        b.Any("user space", "lets the child live, or not",
            Goto(w.End, Term.True) with { Says = "lets the child live" },
                Goto(w.End, Term.True, [.. s.Entries.Select(entry => entry.ChildUnmaps)]) with { Says = "the child exits" });
        b.At(w.End);

        Effect Share(EntryState entry, int i) => Effect.When(
            entry.Pte.Is(Holds.Source) & entry.Child.Is(0) & !(entry.Exclusive & s.IsPinned(i)),
            entry.Mappings.Increase(), entry.References.Increase(), entry.Child.Set(1), entry.Exclusive.Set(0), entry.Writable.Set(0));
    }

    /// <summary>MADV_FREE.</summary>
    public static void MadvFree(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.OnAnyEntry(i => w.UnderLock(i, ofVma: true, () =>
        {
            Location split = new(), table = new(), again = new(), done = new();
            b.Join(again);
            b.At(again);
            b.Do("madvise_free_pte_range", "looks at the PMD entry", Term.True, Goto(split, s.Pmd.Is(PmdHolds.Huge)),
                Goto(table, s.Pmd.Is(PmdHolds.Table)), Goto(done, Term.True));
            b.At(split);
            w.SplitPmd(again);
            b.At(table);
            b.Do(
                "madvise_free_pte_range", $"makes entry {i} lazily freeable", s.PteLock.IsFree,
                If(
                    s.Pmd.Is(PmdHolds.Table) & s[i].Pte.Is(Holds.Source) & s[i].Locked.Is(0) & s[i].Mappings.Is(1) & !s[i].IsInFolio,
                    [s[i].LazyFree.Set(1), s[i].Dirty.Set(0), s[i].Young.Set(0), .. s.Invalidate(i)]),
                Goto(done, Term.True));
            b.As(Mark.Flush).Do("tlb_finish_mmu", "flushes TLBs", [.. s.FlushTlbs(i)]);
            b.Join(done);
            b.At(done);
        }));
        b.At(w.End);
    }

    /// <summary>An administrator changes one setting, or the process gives THP up.</summary>
    public static void Settings(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        var prctl = new Location();
        b.Any(
            "sysfs", "changes a setting",
            Goto(w.End, Term.True, s.MaxPtesNone.Set(0)) with { Says = "sets max_ptes_none to 0" },
            Goto(w.End, Term.True, s.MaxPtesSwap.Set(0)) with { Says = "sets max_ptes_swap to 0" },
            Goto(w.End, Term.True, s.SmallEnabled.Set(0)) with { Says = "turns the small order off" },
            Goto(w.End, Term.True, s.PmdEnabled.Set(0)) with { Says = "turns the PMD order off" },
            Goto(prctl, Term.True) with { Says = "changes nothing; prctl follows" });
        b.At(prctl);
        b.Do("prctl", "takes the mmap lock for writing", s.Mmap.Write);
        b.Do("prctl", "disables THP, drops the mmap lock", s.Mmap.WriteUnlock, s.ThpOff.Set(1));
        b.Join(w.End);
        b.At(w.End);
    }
}
