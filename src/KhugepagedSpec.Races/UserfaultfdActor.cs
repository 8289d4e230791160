using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>What a process does by userfaultfd. Source: Linux 7.2, the functions named at each step.</summary>
internal static class UserfaultfdActor
{
    /// <summary>userfaultfd: registration, then UFFDIO_COPY, UFFDIO_WRITEPROTECT or the registration's end.</summary>
    public static void Write(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        w.UnderWriteLock(() => b.Do("userfaultfd_register", "arms the VMA", Effect.When(s.IsCovered, s.IsArmed.Set(1))));
        Location unregister = new(), go = new();
        b.Any("user space", "uses it, or is done with it", Goto(go, Term.True) with { Says = "uses it" },
            Goto(unregister, Term.True) with { Says = "is done with it" });
        b.At(unregister);
        w.UnderWriteLock(() => b.Do(
            "userfaultfd_unregister", "disarms the VMA, takes write protection off", s.PteLock.IsFree,
            If(s.Pmd.Is(PmdHolds.Table), [s.IsArmed.Set(0), .. s.Entries.Select(entry => entry.UffdWp.Set(0))]), Else(s.IsArmed.Set(0))));
        b.Join(w.End);
        b.At(go);
        w.OnAnyEntry(i =>
        {
            Location copy = new(), protect = new();
            b.Any(
                "user space", "calls UFFDIO_COPY or UFFDIO_WRITEPROTECT",
                Goto(copy, Term.True) with { Says = "calls UFFDIO_COPY" },
                    Goto(protect, Term.True) with { Says = "calls UFFDIO_WRITEPROTECT" });
            b.At(copy);
            w.UnderLock(i, ofVma: true, () => FillHole(w, i));
            b.At(protect);
            w.UnderLock(i, ofVma: false, () => WriteProtect(w, i));
        });
        b.At(w.End);
    }

    // An empty PMD entry gets a table; a huge page is there already.
    private static void FillHole(ActorWriter w, int i)
    {
        var (b, s, entry) = (w.B, w.S, w.S[i]);
        Location again = new(), alloc = new(), install = new(), done = new();
        b.Join(again);
        b.At(again);
        b.Do(
            "mfill_atomic", "looks at the PMD entry", Term.True,
            Goto(done, s.IsArmed.Is(0)), Goto(alloc, s.Pmd.Is(PmdHolds.None)),
                Goto(install, s.Pmd.Is(PmdHolds.Table) | s.Pmd.Is(PmdHolds.OtherTable)), Goto(done, Term.True));
        b.At(alloc);
        b.As(Mark.Hidden).Do(
            "__pte_alloc", "fills the PMD entry if it is still empty", s.PmdLock.IsFree, Goto(again, s.Pmd.Is(PmdHolds.None), w.FillPmd),
            Goto(again, Term.True));
        b.At(install);
        b.Do(
            "mfill_atomic_install_pte", $"fills entry {i} if it is empty", s.PteLock.IsFree,
            Goto(done, s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.None),
                [.. Faults.MapFresh(entry, Contents.Written), entry.Expected.Set(Contents.Written), s.HasAnonVma.Set(1)]),
            Goto(done, s.Pmd.Is(PmdHolds.OtherTable), entry.Expected.Set(Contents.Written)),
            Goto(done, s.Pmd.Is(PmdHolds.Table)),
            w.Protocol.UffdLooksAtPmdAgain ? Goto(again, Term.True)
                : Goto(done, Term.True, Effect.Check(Term.False, Safety.NoFreedTableUsed)));
        b.At(done);
    }

    private static void WriteProtect(ActorWriter w, int i)
    {
        var (b, s, entry) = (w.B, w.S, w.S[i]);
        Location again = new(), split = new(), table = new(), done = new();
        b.Join(again);
        b.At(again);
        b.Do(
            "change_pmd_range", "looks at the PMD entry", Term.True,
            Goto(split, s.IsHuge & s.IsArmed), Goto(table, s.Pmd.Is(PmdHolds.Table) & s.IsArmed), Goto(done, Term.True));
        b.At(split);
        w.SplitPmd(again);
        b.At(table);
        var canBeProtected = entry.IsPresentPage | entry.Pte.Is(Holds.Swap) | entry.Pte.Is(Holds.Migration);
        b.Do(
            "change_pte_range", $"write-protects entry {i}", s.PteLock.IsFree,
            Goto(again, s.Pmd.IsNot(PmdHolds.Table)),
            If(canBeProtected, [entry.UffdWp.Set(1), entry.Writable.Set(0), .. s.Invalidate(i)]), Goto(done, Term.True));
        b.As(Mark.Flush).Do("tlb_finish_mmu", "flushes TLBs", [.. s.FlushTlbs(i)]);
        b.Join(done);
        b.At(done);
    }
}
