using KhugepagedSpec.Checking.Guarded;
using static KhugepagedSpec.Checking.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>System calls and faults of the process itself. Source: Linux 7.2, the functions named at each step.</summary>
internal static class UserActors
{
    public static void Fault(ActorWriter w, bool underVmaLock) =>
        w.OnAnyEntry(i => w.UnderLock(i, underVmaLock, () => w.HandleFault(i, w.B.Here)));

    public static void DontNeed(ActorWriter w)
    {
        var starts = Enumerable.Range(0, w.S.Shape.Pages + 1).Select(_ => new Location()).ToArray();
        w.B.Any(
            "madvise", "picks an entry, or the whole range",
            [.. starts.Select((start, i) => Goto(start, Term.True) with { Says = i < w.S.Shape.Pages ? $"picks entry {i}" : "picks the whole range" })]);
        for (int i = 0; i < starts.Length; i++)
        {
            int[] entries = i < w.S.Shape.Pages ? [i] : [.. Enumerable.Range(0, w.S.Shape.Pages)];
            w.B.At(starts[i]);
            w.UnderLock(entries[0], ofVma: entries.Length == 1, () =>
            {
                w.B.Do(
                    "zap_pte_range", entries.Length == 1 ? $"clears entry {i}" : "clears every entry", w.S.PteLock.IsFree,
                    If(w.S.Pmd.IsNot(PmdHolds.Table)), Else([.. entries.Select(entry => Faults.Zap(w.S, entry))]));
                w.B.Do("tlb_finish_mmu", "flushes TLBs and frees", [.. entries.SelectMany(entry => Faults.FlushGivenUp(w.S, entry))]);
            });
        }
        w.B.At(w.End);
    }

    /// <summary>munmap, and perhaps a new mapping in its place, and a fault there.</summary>
    public static void Munmap(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        b.Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
        w.StartVmaWrite();
        b.Do("vms_complete_munmap_vmas", "takes the VMA out, downgrades the lock", w.EndVmaWrite + s.Mmap.Downgrade, s.Vma.Set(VmaIs.Gone));
        var entries = Enumerable.Range(0, s.Shape.Pages).ToArray();
        b.Do(
            "unmap_vmas", "clears every entry", s.PteLock.IsFree & s.PmdLock.IsFree,
            If(s.Pmd.Is(PmdHolds.Table), [.. entries.Select(entry => Faults.Zap(s, entry))]),
            If(s.Pmd.Is(PmdHolds.Huge), [s.Pmd.Set(PmdHolds.None), .. entries.SelectMany(Discard)]),
            Else());
        b.Do("tlb_flush_mmu", "flushes TLBs and frees pages", [.. entries.SelectMany(entry => Faults.FlushGivenUp(s, entry))]);
        b.Do("unlink_anon_vmas", "takes the VMA off its anon_vma", s.AnonVma.IsFree, Else(s.HasAnonVma.Set(0), s.IsLinked.Set(0)));
        b.Do("free_pgd_range", "empties the PMD entry", s.PmdLock.IsFree, Else(s.Pmd.Set(PmdHolds.None)));
        b.Do("tlb_remove_table", "waits for lockless walkers, frees the table", s.Lockless.Is(0), Else(Effect.Check(s.Walkers.Is(0), Safety.NoWalkerOnDetachedTable)));
        b.Do("vm_area_free", "frees the VMA", s.IsFreed.Set(1));
        b.Do("mmap_read_unlock", "drops the mmap lock", s.Mmap.ReadUnlock);
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
        w.UnderLock(0, ofVma: true, () => w.HandleFault(0, b.Here));
        b.At(w.End);

        void Map(Location start, int kind, Location next, params Effect[] more)
        {
            b.At(start);
            b.Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
            b.Do(
                "__mmap_region", $"maps {(kind == VmaIs.File ? "a file" : "anonymous memory")} if nobody else did, drops the mmap lock", s.Mmap.WriteUnlock,
                Effect.When(s.Vma.Is(VmaIs.Gone), [s.Vma.Set(kind), s.IsSplit.Set(0), s.IsArmed.Set(0), .. more]));
            b.Join(next);
        }

        IEnumerable<Effect> Discard(int i) =>
            [s[i].Order.Set(0), s[i].Young.Set(0), s[i].Dirty.Set(0), s[i].Writable.Set(0), .. Faults.GiveUp(s, i)];
    }

    /// <summary>A merge with the VMA before it, which frees this one.</summary>
    public static void Merge(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() =>
        {
            b.Do("vma_prepare", "takes the anon_vma lock", s.AnonVma.Write);
            b.Do("commit_merge", "lets the VMA before it cover the range", Term.True, If(s.Vma.Is(VmaIs.First) & s.IsSplit.Is(0), s.Vma.Set(VmaIs.Merged)), Else());
            b.Do("vma_complete", "drops the anon_vma lock, frees the VMA", s.AnonVma.WriteUnlock, Effect.When(s.Vma.Is(VmaIs.Merged), s.IsFreed.Set(1)));
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
        w.UnderLock(i, ofVma: true, () => w.HandleFault(i, b.Here));
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
                copied, s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table) & when, [s.IsForking.Set(1), .. s.Entries.Select(Share).Where((_, i) => i != notEntry)]);
            b.Any(
                "copy_page_range", "lets the child map every page, write-protected",
                [
                    Goto(copied, s.PteLock.IsFree & s.Pmd.IsNot(PmdHolds.Table)), Copy(Term.True, null),
                    .. Enumerable.Range(0, s.Shape.Pages).Select(i => Copy(s.BusyByChance, i)),
                ]);
            b.At(copied);
            b.Do("flush_tlb_mm", "flushes TLBs", [s.IsForking.Set(0), .. Enumerable.Range(0, s.Shape.Pages).SelectMany(s.Flush)]);
        });
        b.Any("user space", "lets the child live, or not",
            Goto(w.End, Term.True) with { Says = "lets the child live" }, Goto(w.End, Term.True, [.. s.Entries.Select(entry => entry.ChildUnmaps)]) with { Says = "the child exits" });
        b.At(w.End);

        Effect Share(EntryState entry, int i) => Effect.When(
            entry.Pte.Is(Holds.Source) & entry.Child.Is(0) & !Term.Any(s.Processes.Select(process => process.At.Is(i) & process.Pin.Is(Holds.Source))),
            entry.Mappings.Increase(), entry.References.Increase(), entry.Child.Set(1), entry.Writable.Set(0));
    }

    /// <summary>userfaultfd: registration, then UFFDIO_COPY or UFFDIO_WRITEPROTECT.</summary>
    public static void Userfaultfd(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() => b.Do("userfaultfd_register", "arms the VMA", Effect.When(s.IsCovered, s.IsArmed.Set(1))));
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            Location copy = new(), protect = new();
            var canBeProtected = s.IsArmed & s.Pmd.Is(PmdHolds.Table) & (entry.IsPresentPage | entry.Pte.Is(Holds.Swap) | entry.Pte.Is(Holds.Migration));
            b.Any(
                "user space", "calls UFFDIO_COPY or UFFDIO_WRITEPROTECT",
                Goto(copy, Term.True) with { Says = "calls UFFDIO_COPY" }, Goto(protect, Term.True) with { Says = "calls UFFDIO_WRITEPROTECT" });
            b.At(copy);
            w.UnderLock(i, ofVma: true, () => b.Do(
                "mfill_atomic_install_pte", $"fills entry {i} if it is empty", s.PteLock.IsFree,
                If(s.IsArmed & s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.None), [.. Faults.MapFresh(entry, Contents.Written), entry.Expected.Set(Contents.Written)]),
                Else()));
            b.At(protect);
            w.UnderLock(i, ofVma: false, () => b.Do(
                "change_pte_range", $"write-protects entry {i}", s.PteLock.IsFree,
                If(canBeProtected, [entry.UffdWp.Set(1), entry.Writable.Set(0), .. s.Flush(i)]),
                Else()));
        });
        b.At(w.End);
    }

    /// <summary>MADV_FREE.</summary>
    public static void MadvFree(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.OnAnyEntry(i => w.UnderLock(i, ofVma: true, () => b.Do(
            "madvise_free_pte_range", $"makes entry {i} lazily freeable, flushes TLBs", s.PteLock.IsFree,
            If(
                s.Pmd.Is(PmdHolds.Table) & s[i].Pte.Is(Holds.Source) & s[i].Locked.Is(0) & s[i].Mappings.Is(1),
                [s[i].LazyFree.Set(1), s[i].Dirty.Set(0), s[i].Young.Set(0), .. s.Flush(i)]),
            Else())));
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
