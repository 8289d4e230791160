using KhugepagedSpec.Checking.Guarded;
using KhugepagedSpec.Collapse;
using static KhugepagedSpec.Checking.Guarded.ProgramBuilder;
using static KhugepagedSpec.Checking.Protocol.KhugepagedProgram;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>
/// One attempt, from the first lock to the last. Allocation always succeeds: it holds no lock and shares nothing.
/// Source: Linux 7.2, <c>mm/khugepaged.c:collapse_huge_page</c>.
/// </summary>
internal sealed class AttemptWriter(ProgramBuilder b, SharedState s, CollapseProtocol protocol, Window window)
{
    private readonly Location _readUnlock = new(), _earlyUnlock = new(), _writeUnlock = new(), _anonUnlock = new(), _end = new();

    private readonly InstallWriter _pages = new(b, s, protocol, window);

    private EntryState[] Entries => [.. window.Entries.Select(entry => s[entry])];

    private bool HoldsAnonVmaToTheEnd => protocol.AnonVma switch
    {
        AnonVmaRule.UntilInstalledBelowPmd => !window.IsPmd,
        AnonVmaRule.BeforeMmapLock => true,
        _ => false,
    };

    public void Write()
    {
        if (protocol.AnonVma == AnonVmaRule.BeforeMmapLock)
            b.Do("anon_vma_lock_write", "takes the anon_vma lock", s.AnonVma.Write);
        UnderReadLock();
        TakeWriteLocks();
        if (!protocol.CopiesBehindFlush)
            _pages.Copy(_anonUnlock);
        TakeOut();
        new IsolationWriter(b, s, protocol, window).Write(Fail());
        if (protocol.AnonVma is AnonVmaRule.UntilIsolated || (protocol.AnonVma == AnonVmaRule.UntilInstalledBelowPmd && window.IsPmd))
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        if (!protocol.LocksLastThroughCopy)
            b.Do("collapse_huge_page", "unlocks the folios", [.. Entries.Select(entry => Effect.When(entry.Isolated, entry.Locked.Set(0)))]);
        if (protocol.CopiesBehindFlush)
            _pages.Copy(_anonUnlock);
        _pages.ReleaseSources();
        _pages.Install();
        b.Join(_anonUnlock);
        b.Phase = Phases.Back;
        b.At(_anonUnlock);
        if (HoldsAnonVmaToTheEnd)
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        b.Join(_writeUnlock);
        b.At(_writeUnlock);
        b.Do("mmap_write_unlock", "drops the mmap lock, and with it the VMA's", DropMmap(), AtTheEnd());
        b.Join(_end);
        b.Phase = Phases.Write;
        b.At(_earlyUnlock);
        if (protocol.AnonVma == AnonVmaRule.BeforeMmapLock)
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        b.Do("mmap_write_unlock", "drops the mmap lock", protocol.TakesMmapForWriting ? s.Mmap.WriteUnlock : s.Mmap.ReadUnlock);
        b.Join(_end);
        b.At(_end);
    }

    // A second VMA makes the range unfit for every order; a mistaken protocol asks for less.
    private Term Extent => protocol.Extent switch
    {
        ExtentRule.PmdRange => s.IsSplit.Is(0),
        ExtentRule.WindowOnly => s.IsSplit.Is(0) | (window.IsPmd ? Term.False : window.Entries.Any(s.IsInSecondHalf) ? Term.False : Term.True),
        _ => Term.True,
    };

    private Term Revalidated
    {
        get
        {
            var enabled = (Term)(window.IsPmd ? s.PmdEnabled : s.SmallEnabled);
            return First(
                (s.ThpOff, ScanResult.AnyProcess),
                (s.Vma.Is(VmaIs.Gone), ScanResult.VmaNull),
                (!Extent, ScanResult.AddressRange),
                (!enabled | (s.HasAnonVma.Is(0) & s.Vma.IsNot(VmaIs.File)) | (window.IsPmd ? Term.False : s.Vma.Is(VmaIs.File)), ScanResult.VmaCheck),
                (s.Vma.Is(VmaIs.File), ScanResult.PageAnon),
                (s.Pmd.Is(PmdHolds.None), ScanResult.NoPteTable),
                (s.Pmd.IsNot(PmdHolds.Table), ScanResult.PmdMapped));
        }
    }

    private void UnderReadLock()
    {
        b.Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        Enter(Phases.Read);
        if (protocol.RevalidatesUnderReadLock)
            Revalidate(_readUnlock);
        Swapin();
        b.Join(_readUnlock);
        b.At(_readUnlock);
        var goOn = new Location();
        b.Do(
            "mmap_read_unlock", "drops the mmap lock", Term.True,
            Goto(goOn, s.Result.Is(Number(ScanResult.Succeed)), [.. s.Mmap.ReadUnlock.Effects]),
            Goto(protocol.AnonVma == AnonVmaRule.BeforeMmapLock ? Surrender() : _end, Term.True, [.. s.Mmap.ReadUnlock.Effects]));
        b.Phase = Phases.Gap;
        b.At(goOn);
    }

    private void Enter(string phase)
    {
        b.Phase = phase;
        b.At(b.Here);
    }

    // Only for the protocol that took the anon_vma lock first.
    private Location Surrender()
    {
        var here = b.Here;
        var surrender = new Location();
        b.At(surrender);
        b.Do("anon_vma_unlock_write", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        b.Join(_end);
        b.At(here);
        return surrender;
    }

    private void Revalidate(Location failed)
    {
        var ok = Revalidated.Is(Number(ScanResult.Succeed));
        b.Do(
            "hugepage_vma_revalidate", "looks the VMA and the PMD entry up again", Term.True,
            If(ok),
            Goto(failed, Term.True, s.Result.Set(Revalidated)));
    }

    // Only if the scan saw something absent anywhere in the table.
    private void Swapin()
    {
        var done = new Location();
        b.Do("collapse_huge_page", "asks whether anything was swapped out", Term.True, Goto(done, s.Unmapped.Is(0)), Else());
        foreach (int i in window.Entries)
        {
            var entry = s[i];
            var absent = !(entry.Pte.Is(Holds.None) | entry.IsPresent);
            if (!window.IsPmd)
            {
                b.Do("__collapse_huge_page_swapin", $"reads entry {i}", Term.True, Goto(_readUnlock, absent, s.Result.Set(Number(ScanResult.ExceedSwapPte))), Else());
                continue;
            }
            var isSwap = protocol.SwapinChecksEntry ? entry.Pte.Is(Holds.Swap) : absent;
            b.Do(
                "do_swap_page", $"brings entry {i} back if it is absent",
                !absent | (s.PteLock.IsFree & (entry.Pte.Is(Holds.Swap) | entry.Locked.Is(0) | (protocol.SwapinChecksEntry ? Term.False : Term.True))),
                If(!absent),
                Goto(_readUnlock, isSwap & entry.InSwapCache & entry.Locked, s.Result.Set(Number(ScanResult.PageLock))),
                If(isSwap & entry.InSwapCache, [.. Faults.MapSource(entry), entry.Young.Set(1), s.SwappedIn.Set(1)]),
                If(isSwap, [.. Faults.MapFresh(entry, entry.Slot), entry.Young.Set(1), s.SwappedIn.Set(1), Effect.When(s.IsMlocked.Is(0), entry.InBatch.Set(1))]),
                If(entry.Pte.Is(Holds.Migration), [.. Faults.MapSource(entry), entry.Young.Set(1), s.SwappedIn.Set(1)]),
                If(entry.Pte.Is(Holds.WpMarker), entry.Pte.Set(Holds.Zero), entry.UffdWp.Set(1), entry.Young.Set(1), s.SwappedIn.Set(1)),
                Goto(_readUnlock, Term.True, s.Result.Set(Number(ScanResult.Fail))));
        }
        if (window.IsPmd)
            b.Do("lru_add_drain", "empties this CPU's LRU batch", Effect.When(s.SwappedIn, s.DrainBatch()));
        b.Join(done);
        b.At(done);
    }

    private void TakeWriteLocks()
    {
        if (protocol.TakesMmapForWriting)
            b.Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
        else
            b.Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        Enter(Phases.Write);
        if (protocol.RevalidatesUnderWriteLock)
            Revalidate(_earlyUnlock);
        if (StartsVmaWrite)
            b.Do("vma_start_write", "waits for faults under the VMA's lock and keeps new ones out", s.VmaLock.Write, UsesVma());
        if (protocol.AnonVma is AnonVmaRule.UntilInstalledBelowPmd or AnonVmaRule.UntilIsolated)
            b.Do("anon_vma_lock_write", "takes the anon_vma lock", s.AnonVma.Write, UsesVma());
    }

    private bool StartsVmaWrite => protocol.StartsVmaWrite && protocol.TakesMmapForWriting;

    // Not looked up again, the VMA is the one found under the read lock.
    private Effect[] UsesVma() => protocol.RevalidatesUnderWriteLock ? [] : [Effect.Check(s.IsFreed.Is(0), Safety.NoFreedVmaUsed)];

    private void TakeOut()
    {
        if (protocol.Notifies)
            b.Do("mmu_notifier_invalidate_range_start", "takes the window from secondary MMUs", [s.Invalidations.Increase(), .. window.Entries.SelectMany(s.Invalidate)]);
        b.Do(
            "pmdp_collapse_flush", protocol.FlushesTlbs ? "empties the PMD entry and flushes TLBs" : "empties the PMD entry", s.PmdLock.IsFree,
            Else([s.Pmd.Set(PmdHolds.None), s.IsDetached.Set(1), .. protocol.FlushesTlbs ? Enumerable.Range(0, s.Shape.Pages).SelectMany(s.FlushTlbs) : []]));
        Enter(Phases.Out);
        if (protocol.Notifies)
            b.Do(
                "mmu_notifier_invalidate_range_end", "lets secondary MMUs fault again",
                [s.Invalidations.Decrease(), .. protocol.NotifierEndCounts ? window.Entries.SelectMany(s.EndInvalidation) : []]);
        if (protocol.SyncsLocklessWalkers)
            b.Do("tlb_remove_table_sync_one", "waits for lockless walkers", s.Lockless.Is(0), Else());
        b.Do("pte_offset_map_lock", "locks the table that was taken out", s.PteLock.Lock, Effect.Check(s.Walkers.Is(0), Safety.NoWalkerOnDetachedTable));
    }

    // Where isolation goes when it fails: the pages back, the table back.
    private Location Fail()
    {
        var here = b.Here;
        var fail = new Location();
        b.At(fail);
        b.Do("release_pte_pages", "puts back what was isolated, drops the pte lock", [.. _pages.PutBack(), .. s.PteLock.Unlock.Effects]);
        _pages.Reinstate("pmd_populate");
        b.Join(HoldsAnonVmaToTheEnd ? _anonUnlock : FailedUnlock());
        b.At(here);
        return fail;
    }

    private Location FailedUnlock()
    {
        var here = b.Here;
        var unlock = new Location();
        if (protocol.AnonVma == AnonVmaRule.NotTaken)
            return _anonUnlock;
        b.At(unlock);
        b.Do("anon_vma_unlock_write", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        b.Join(_anonUnlock);
        b.At(here);
        return unlock;
    }

    private Act DropMmap() => !protocol.TakesMmapForWriting ? s.Mmap.ReadUnlock : StartsVmaWrite ? s.VmaLock.WriteUnlock + s.Mmap.WriteUnlock : s.Mmap.WriteUnlock;

    private Effect AtTheEnd() => Effect.Check(s.IsDetached.Is(0), Safety.PmdEntryComesBack);
}
