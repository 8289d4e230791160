using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static KhugepagedSpec.Races.KhugepagedProgram;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>
/// One attempt, from the first lock to the last. Allocation always succeeds: it holds no lock and shares nothing.
/// Source: Linux 7.2, <c>mm/khugepaged.c:collapse_huge_page</c>.
/// </summary>
internal sealed class AttemptWriter(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Window window)
{
    private readonly Location _anonUnlock = new(), _writeUnlock = new(), _end = new();

    private readonly EntryLocks _locks = new(b, s, c, protocol, window);

    private readonly InstallWriter _pages = new(b, s, c, protocol, window);

    private EntryState[] Entries => [.. window.Entries.Select(entry => s[entry])];

    private bool HoldsAnonVmaToTheEnd => protocol.AnonVma switch
    {
        AnonVmaRule.UntilInstalledBelowPmd => !window.IsPmd,
        AnonVmaRule.BeforeMmapLock => true,
        _ => false,
    };

    public void Write()
    {
        _locks.Take(_writeUnlock, _end);
        if (!protocol.CopiesBehindFlush)
            _pages.Copy(_anonUnlock);
        var fail = new Location();
        TakeOut(fail);
        new IsolationWriter(b, s, c, protocol, window).Write(fail);
        Fail(fail);
        if (protocol.AnonVma is AnonVmaRule.UntilIsolated || (protocol.AnonVma == AnonVmaRule.UntilInstalledBelowPmd && window.IsPmd))
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", c.UnlockAnonVma(protocol));
        if (!protocol.LocksLastThroughCopy)
            b.Do("collapse_huge_page", "unlocks the folios",
                [.. Entries.Select(entry => Effect.When(c.Isolated(entry), entry.Locked.Set(0)))]);
        if (protocol.CopiesBehindFlush)
            _pages.Copy(_anonUnlock);
        _pages.ReleaseSources();
        _pages.Install();
        b.Join(_anonUnlock);
        b.Phase = Phases.Back;
        b.At(_anonUnlock);
        if (HoldsAnonVmaToTheEnd)
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", c.UnlockAnonVma(protocol));
        b.Join(_writeUnlock);
        b.At(_writeUnlock);
        _locks.Drop(Effect.Check(s.IsDetached.Is(0), Safety.PmdEntryComesBack));
        b.Join(_end);
        b.At(_end);
    }

    private void TakeOut(Location fail)
    {
        if (protocol.Notifies)
            b.Do("mmu_notifier_invalidate_range_start", "takes the window from secondary MMUs",
                [Sleeps, s.Invalidations.Increase(), .. window.Entries.SelectMany(s.Invalidate)]);
        var free = protocol.TakesPmdLock ? s.PmdLock.IsFree : Term.True;
        b.As(Mark.PmdClear).Do(
            "pmdp_collapse_flush", "empties the PMD entry", free,
            Else(
                protocol.TakesPmdLock ? Effect.When(Term.False) : Effect.Check(s.PmdLock.IsFree, Safety.NobodyElseAtPmdEntry),
                Effect.Check(s.Pmd.IsNot(PmdHolds.Huge), Safety.NoHugePageTakenForTable), c.HasTable.Set(s.Pmd.Is(PmdHolds.Table)),
                s.IsDetached.Set(s.Pmd.Is(PmdHolds.Table)), s.Pmd.Set(PmdHolds.None)));
        b.Phase = Phases.Out;
        b.At(b.Here);
        int[] flushed = [.. protocol.FlushesWindowOnly ? window.Entries : Enumerable.Range(0, s.Shape.Pages)];
        if (protocol.FlushesTlbs || protocol.FlushesWalkCaches)
            b.As(Mark.PmdFlush).Do(
                "pmdp_collapse_flush", "flushes TLBs",
                [.. protocol.FlushesTlbs ? flushed.SelectMany(s.FlushTlbs) : [], .. protocol.FlushesWalkCaches ? s.FlushWalkCaches() : []]);
        if (protocol.Notifies && !protocol.NotifierEndsUnderPteLock)
            EndNotifier();
        if (protocol.SyncsLocklessWalkers)
            b.As(Mark.Sync).Do("tlb_remove_table_sync_one", "waits for lockless walkers", s.Lockless.Is(0), Else());
        var noTable = new Location();
        b.As(Mark.TableLock).Do(
            "pte_offset_map_lock", "locks the table that was taken out", c.HasTable.Is(0) | s.PteLock.IsFree,
            Goto(noTable, c.HasTable.Is(0), c.Result.Set(Number(ScanResult.NoPteTable))),
            Else([.. s.PteLock.Lock.Effects, Effect.Check(s.Walkers.Is(0), Safety.NoWalkerOnDetachedTable)]));
        if (protocol.Notifies && protocol.NotifierEndsUnderPteLock)
            EndNotifier();
        var here = b.Here;
        b.At(noTable);
        _pages.Reinstate("pmd_populate", "puts back what was no table");
        b.Join(AfterFailure());
        b.Phase = Phases.Out;
        b.At(here);
    }

    private static Effect Sleeps => Effect.Sleeps(Safety.NobodySleepsAtomic);

    private void EndNotifier() => b.Do(
        "mmu_notifier_invalidate_range_end", "lets secondary MMUs fault again",
        [Sleeps, s.Invalidations.Decrease(), .. protocol.NotifierEndCounts ? window.Entries.SelectMany(s.EndInvalidation) : []]);

    // Where isolation goes when it fails: the pages back, the table back.
    private void Fail(Location fail)
    {
        var here = b.Here;
        b.At(fail);
        _pages.PutBack("release_pte_pages");
        b.Do("collapse_huge_page", "drops the pte lock", s.PteLock.Unlock);
        _pages.Reinstate("pmd_populate");
        b.Join(AfterFailure());
        b.Phase = Phases.Out;
        b.At(here);
    }

    private Location AfterFailure()
    {
        if (HoldsAnonVmaToTheEnd || protocol.AnonVma == AnonVmaRule.NotTaken)
            return _anonUnlock;
        var here = b.Here;
        var unlock = new Location();
        b.At(unlock);
        b.Do("anon_vma_unlock_write", "drops the anon_vma lock", c.UnlockAnonVma(protocol));
        b.Join(_anonUnlock);
        b.At(here);
        return unlock;
    }
}
