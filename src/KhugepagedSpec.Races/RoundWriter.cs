using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static KhugepagedSpec.Races.KhugepagedProgram;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>
/// One window's round in the design that may come next: under the lock of the window's own VMA for reading, what is swapped out is faulted
/// in and what a child shares is unshared; then sources become migration entries with frozen reference counts, and the PMD entry stays.
/// No anon_vma is locked but by the walks of each folio, so it does not matter how many a PMD range has. Source: "mm/collapse: rebuild
/// collapse on migration primitives" (RFC, K. Shutsemau, 2026-08-16).
/// </summary>
internal sealed class RoundWriter(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Window window)
{
    private readonly Location _release = new(), _rollBack = new(), _end = new();

    private EntryState[] Entries => [.. window.Entries.Select(entry => s[entry])];

    public void Write()
    {
        if (protocol.RoundsUnderMmapLock)
            b.As(Mark.MmapRead).Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        else
            b.As(Mark.Hidden).Do(
                "lock_vma_under_rcu", "takes the lock of the window's VMA for reading", LockVma.Guard | s.Vma.Is(VmaIs.Gone),
                Goto(_end, s.Vma.Is(VmaIs.Gone), c.Result.Set(Number(ScanResult.VmaNull))) with { Says = "finds no VMA" },
                    new Way(Term.True, null, LockVma.Effects));
        // A window inside one half has one VMA, split or not.
        var covers = window.IsPmd ? s.IsSplit.Is(0) : Term.True;
        var enabled = c.Enables(window);
        var result = First(
            (s.ThpOff, ScanResult.AnyProcess), (s.Vma.Is(VmaIs.Gone), ScanResult.VmaNull), (!covers, ScanResult.AddressRange),
            (!enabled | s.HasAnonVma.Is(0) | s.Vma.Is(VmaIs.File), ScanResult.VmaCheck), (s.Pmd.Is(PmdHolds.None), ScanResult.NoPteTable),
                (s.Pmd.IsNot(PmdHolds.Table), ScanResult.PmdMapped));
        b.Do("collapse_round", "checks the VMA", Term.True, If(result.Is(Number(ScanResult.Succeed))),
            Goto(_release, Term.True, c.Result.Set(result)));
        foreach (int i in window.Entries)
            FaultIn(i);
        foreach (int i in window.Entries)
            Quiesce(i);
        foreach (int i in window.Entries)
            b.Do(
                "collapse_copy", $"copies entry {i}",
                c.Copy(s[i]).Set(Term.Choose(c.Isolated(s[i]), Term.Choose(IsFresh(s[i]), s[i].Fresh, s[i].Source), Contents.Zero)));
        Install();
        b.At(_rollBack);
        b.Do("collapse_rollback", "restores each slot that is still its own, unlocks the sources", s.PteLock.IsFree,
            Else([.. Entries.Select(Restore), .. Entries.Select(entry => c.Copy(entry).Set(0))]));
        b.Join(_release);
        b.At(_release);
        if (protocol.RoundsUnderMmapLock)
            b.As(Mark.MmapReadUnlock).Do("mmap_read_unlock", "drops the mmap lock", s.Mmap.ReadUnlock);
        else
            b.As(Mark.Hidden).Do("vma_end_read", "drops the VMA's lock", UnlockVma);
        b.Join(_end);
        b.At(_end);
    }

    // While it is held for reading nobody splits the VMA, so the same lock is dropped in the end.
    private Act LockVma => new(
        IsOfNeighbour.IsFalse ? s.VmaLock.Writer.Is(0) : Term.Choose(IsOfNeighbour, s.NeighbourLock.Writer.Is(0), s.VmaLock.Writer.Is(0)),
        [
            Effect.Sleeps(Safety.NobodySleepsAtomic), .. InNeighbour(s.NeighbourLock.Readers.Increase(), s.VmaLock.Readers.Increase()),
            new Effect.LockUse("vma lock", true, false),
        ]);

    private Act UnlockVma => new(
        Term.True, [.. InNeighbour(s.NeighbourLock.Readers.Decrease(), s.VmaLock.Readers.Decrease()),
            new Effect.LockUse("vma lock", false, false)]);

    private Term IsOfNeighbour => !window.IsPmd && window.Entries.Any(s.IsInSecondHalf) ? s.IsSplit : Term.False;

    private Effect[] InNeighbour(Effect itsOwn, Effect first) =>
        IsOfNeighbour.IsFalse ? [first] : [Effect.When(IsOfNeighbour, [itsOwn], [first])];

    private static Term IsFresh(EntryState entry) => entry.Saved.Is(Holds.Fresh);

    // The passes before a round: swap-in, and a copy of its own of what a child maps too.
    private void FaultIn(int i)
    {
        var entry = s[i];
        var isSwap = s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Swap);
        b.Do(
            "collapse_faultin", $"brings entry {i} back if it is swapped out",
                !isSwap | (s.PteLock.IsFree & !(entry.InSwapCache & entry.Locked)),
            If(!isSwap), If(entry.InSwapCache, [.. Faults.MapSource(entry), entry.Young.Set(1)]),
                Else([.. Faults.MapFresh(entry, entry.Slot)]));
        var isShared = s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.Child & !entry.UffdWp;
        b.As(Mark.Hidden).Do(
            "do_wp_page", $"copies entry {i}'s page if a child maps it too", !isShared | s.PteLock.IsFree,
            If(!isShared), Else([.. entry.DropMapping, .. Faults.MapFresh(entry, entry.Source), .. s.Flush(i)]));
    }

    private void Quiesce(int i)
    {
        var entry = s[i];
        var next = new Location();
        var maxNone = c.MaxNone(window, seesUffd: true);
        var result = First(
            (entry.IsNoneOrZero, ScanResult.ExceedNonePte), (!entry.IsPresent, ScanResult.PteNonPresent),
                (entry.UffdWp, ScanResult.PteUffdWp),
            (entry.IsPresentPage & entry.Saved.IsNot(Holds.None), ScanResult.PageLock),
            (entry.Pte.Is(Holds.New) | entry.Pte.Is(Holds.Special) | (entry.Pte.Is(Holds.Fresh) & entry.InBatch), ScanResult.PageCount),
                (entry.Pte.Is(Holds.Fresh), ScanResult.Succeed),
                (c.IsMadvise ? Term.False : entry.LazyFree & !entry.Dirty, ScanResult.PageLazyFree),
                (entry.Child, ScanResult.ExceedSharedPte),
            (entry.Locked, ScanResult.PageLock), (entry.OnLru.Is(0), ScanResult.DelPageLru));
        b.Do(
            "collapse_isolate", $"locks entry {i}'s page and takes it off its list", Term.True,
            Goto(next, entry.IsNoneOrZero & ((Term)c.NoneCount < maxNone), c.NoneCount.Increase()) with { Says = $"finds entry {i} empty" },
            If(result.Is(Number(ScanResult.Succeed)) & entry.Pte.Is(Holds.Fresh), entry.Saved.Set(Holds.Fresh)),
            If(result.Is(Number(ScanResult.Succeed)), entry.Locked.Set(1), entry.OnLru.Set(0), entry.References.Increase()),
            Goto(_rollBack, Term.True, c.Result.Set(result)));
        Effect letGo = Effect.When(
            IsFresh(entry), [entry.Saved.Set(Holds.None)],
                [entry.Locked.Set(0), entry.References.Decrease(), Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1))]);
        var isSame = s.Pmd.Is(PmdHolds.Table) & !entry.UffdWp;
        b.Do(
            "try_to_migrate_one", $"puts a migration entry at entry {i}, flushes TLBs", s.PteLock.IsFree,
            If(isSame & IsFresh(entry) & entry.Pte.Is(Holds.Fresh),
                [entry.Pte.Set(Holds.Migration), c.Isolated(entry).Set(1), .. s.Flush(i)]),
            If(
                isSame & !IsFresh(entry) & entry.Pte.Is(Holds.Source) & entry.Mappings.Is(1) & !(protocol.PinsAreRespected
                    ? s.IsPinned(i) & entry.Exclusive : Term.False),
                [entry.Pte.Set(Holds.Migration), .. entry.DropMapping, c.Isolated(entry).Set(1), .. s.Flush(i)]),
            Goto(_rollBack, Term.True, c.Result.Set(Number(ScanResult.PteNonPresent)), letGo));
        var isOurs = !protocol.RoundsCount ? Term.True
            : Term.Choose(IsFresh(entry), entry.FreshReferences.Is(0), ((Term)entry.References).Is((Term)entry.InSwapCache + 1));
        b.Any(
            "folio_ref_freeze", $"freezes the references to entry {i}'s page",
            Goto(next, isOurs, Effect.When(IsFresh(entry), [], [entry.References.Set(0)])),
                Goto(_rollBack, !isOurs | s.BusyByChance, c.Result.Set(Number(ScanResult.PageCount))));
        b.At(next);
    }

    private void Install()
    {
        var intact = Term.All(Entries.Select(entry =>
            Term.Choose(c.Isolated(entry), entry.Pte.Is(Holds.Migration) & !entry.UffdWp, entry.IsNoneOrZero & !s.IsArmed)));
        // A round that does not look again puts its pages over whatever is there now.
        var ready = protocol.InstallVerifies ? intact & s.Pmd.Is(PmdHolds.Table) : s.Pmd.Is(PmdHolds.Table);
        var free = s.PteLock.IsFree & s.PmdLock.IsFree;
        var installed = new Location();
        b.Any(
            "collapse_install", protocol.InstallVerifies ? "sets every slot that is as it was left" : "sets every slot",
            Goto(
                installed, free & ready,
                [.. Entries.SelectMany(Judge), .. Entries.SelectMany(Fill), .. Entries.SelectMany(c.Publish), .. window.IsPmd
                    ? [s.Pmd.Set(PmdHolds.Huge), .. s.FlushWalkCaches()]
                    : Array.Empty<Effect>(), c.Result.Set(Number(ScanResult.Succeed))]),
            Goto(_rollBack, free & (!ready | s.BusyByChance),
                c.Result.Set(Number(ScanResult.PteNonPresent))) with
            { Says = "finds a slot that is not as it was left" });
        b.At(installed);
        if (window.IsPmd)
            b.As(Mark.Sync).Do("tlb_remove_table_sync_one", "waits for lockless walkers", s.Lockless.Is(0), Else());
        b.Join(_release);
    }

    private IEnumerable<Effect> Judge(EntryState entry) =>
        [Effect.Check(c.Isolated(entry) | !s.IsArmed, Safety.UffdKeepsHoles), Effect.Check(!entry.UffdWp, Safety.NothingSharedOrAbsent)];

    private IEnumerable<Effect> Fill(EntryState entry) =>
    [
        Effect.When(c.Isolated(entry) & !IsFresh(entry), entry.Locked.Set(0), entry.InSwapCache.Set(0)),
            Effect.When(c.Isolated(entry), c.Isolated(entry).Set(0), entry.Saved.Set(Holds.None)),
        entry.Pte.Set(window.IsPmd ? Holds.None : Holds.New), entry.Young.Set(1), entry.Dirty.Set(1),
            entry.Writable.Set(entry.MayBeWritten), entry.UffdWp.Set(0), entry.Order.Set(window.IsPmd ? 2 : 1),
        entry.LazyFree.Set(0), entry.InBatch.Set(0),
    ];

    private Effect Restore(EntryState entry)
    {
        // Not frozen yet, its count still holds the isolation's reference.
        Effect unfreeze = Effect.When(entry.References.Is(0), entry.References.Set((Term)1 + entry.InSwapCache));
        return Effect.When(
            c.Isolated(entry),
            [
                Effect.When(
                    IsFresh(entry),
                    [Effect.When(entry.Pte.Is(Holds.Migration), entry.Pte.Set(Holds.Fresh)), entry.Saved.Set(Holds.None), c.Isolated(entry)
                        .Set(0)],
                    [.. RestoreSource()]),
            ]);

        IEnumerable<Effect> RestoreSource() =>
            [
                unfreeze, Effect.When(entry.Pte.Is(Holds.Migration), Faults.MapSource(entry)), entry.References.Decrease(),
                    c.Isolated(entry).Set(0), entry.Locked.Set(0),
                Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1)),
            ];
    }
}
