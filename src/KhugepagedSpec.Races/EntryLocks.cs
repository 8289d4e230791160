using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static KhugepagedSpec.Races.KhugepagedProgram;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>
/// The way into an attempt: under the mmap lock for reading a look and swap-in, then the locks of the mmap, the VMA and the anon_vma,
/// with the looks between them. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_huge_page</c>, <c>hugepage_vma_revalidate</c>,
/// <c>check_pmd_still_valid</c>, <c>__collapse_huge_page_swapin</c>.
/// </summary>
internal sealed class EntryLocks(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Window window)
{
    private readonly Location _readUnlock = new(), _earlyUnlock = new();

    private bool StartsVmaWrite => protocol.StartsVmaWrite && protocol.TakesMmapForWriting;

    /// <summary>Takes them all.</summary>
    /// <param name="locked">Where to go if the PMD entry turns out wrong with the VMA's lock held.</param>
    /// <param name="end">Where an attempt ends that holds nothing.</param>
    public void Take(Location locked, Location end)
    {
        if (protocol.AnonVma == AnonVmaRule.BeforeMmapLock)
            b.As(Mark.AnonLock).Do("anon_vma_lock_write", "takes the anon_vma lock", c.LockAnonVma(protocol));
        UnderReadLock(end);
        if (protocol.TakesMmapForWriting)
            b.As(Mark.MmapWrite).Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
        else
            b.As(Mark.MmapRead).Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        Enter(Phases.Write);
        if (protocol.RevalidatesUnderWriteLock)
            Revalidate(_earlyUnlock);
        DecideOnAnonVma(AnonVmaNeed.DecidedUnderWriteLock);
        if (protocol.PmdCheck == PmdCheckRule.BeforeVmaLock)
            LookAtPmd("check_pmd_still_valid", Mark.PmdCheck, _earlyUnlock);
        if (StartsVmaWrite)
        {
            b.As(Mark.VmaKeep).Do("vma_start_write", "keeps new faults under the VMA's lock out", s.VmaLock.KeepReadersOut, UsesVma());
            b.As(Mark.VmaWait).Do("vma_start_write", "waits for those that are under way", s.VmaLock.Readers.Is(0), Else());
        }
        if (protocol.PmdCheck == PmdCheckRule.BehindVmaLock)
            LookAtPmd("check_pmd_still_valid", Mark.PmdCheck, WithAnonVmaDropped(locked));
        if (protocol.AnonVma is AnonVmaRule.UntilInstalledBelowPmd or AnonVmaRule.UntilIsolated)
            b.As(Mark.AnonLock).Do(
                "anon_vma_lock_write", "takes the anon_vma lock" + (TurnsAway ? "" : ", if it noted one"),
                c.LockAnonVma(protocol), [.. UsesVma(), .. MeetsAnonVma]);
        var here = b.Here;
        b.Phase = Phases.Write;
        b.At(_earlyUnlock);
        if (protocol.AnonVma == AnonVmaRule.BeforeMmapLock)
            b.Do("anon_vma_unlock_write", "drops the anon_vma lock", c.UnlockAnonVma(protocol));
        b.As(Mark.MmapWriteUnlock).Do(
            "mmap_write_unlock", "drops the mmap lock", protocol.TakesMmapForWriting ? s.Mmap.WriteUnlock : s.Mmap.ReadUnlock);
        b.Join(end);
        b.At(here);
    }

    /// <summary>Drops the mmap lock, and with it the VMA's.</summary>
    public void Drop(Effect check) =>
        b.As(Mark.MmapWriteUnlock).Do("mmap_write_unlock", "drops the mmap lock, and with it the VMA's", DropMmap, check);

    private Act DropMmap => !protocol.TakesMmapForWriting ? s.Mmap.ReadUnlock : StartsVmaWrite ? s.VmaLock.WriteUnlock + s.Mmap.WriteUnlock
        : s.Mmap.WriteUnlock;

    // Only for the protocol that took the anon_vma lock first.
    private Location WithAnonVmaDropped(Location next)
    {
        if (protocol.AnonVma != AnonVmaRule.BeforeMmapLock)
            return next;
        var here = b.Here;
        var drop = new Location();
        b.At(drop);
        b.Do("anon_vma_unlock_write", "drops the anon_vma lock", c.UnlockAnonVma(protocol));
        b.Join(next);
        b.At(here);
        return drop;
    }

    // A second VMA makes the range unfit for every order; a mistaken protocol asks for less.
    private Term Extent => protocol.Extent switch
    {
        ExtentRule.PmdRange => s.IsSplit.Is(0),
        ExtentRule.WindowOnly =>
            s.IsSplit.Is(0) | (window.IsPmd ? Term.False : window.Entries.Any(s.IsInSecondHalf) ? Term.False : Term.True),
        _ => Term.True,
    };

    // Where the VMA is gone find_vma() has the next one above, of every process its stack at the latest: no kernel that was recorded said
    // SCAN_VMA_NULL.
    private Term Revalidated => First(
        (s.ThpOff, ScanResult.AnyProcess),
        (s.Vma.Is(VmaIs.Gone) | !Extent, ScanResult.AddressRange),
        (!c.Enables(window) | (window.IsPmd ? Term.False : s.Vma.Is(VmaIs.File)), ScanResult.VmaCheck),
        (protocol.TestsAnonVma && TurnsAway ? s.HasAnonVma.Is(0) & s.Vma.IsNot(VmaIs.File) : Term.False, ScanResult.VmaCheck),
        (s.Vma.Is(VmaIs.File), ScanResult.PageAnon));

    private Term PmdState => First((s.Pmd.Is(PmdHolds.None), ScanResult.NoPteTable), (s.Pmd.IsNot(PmdHolds.Table), ScanResult.PmdMapped));

    private bool TurnsAway => protocol.WithoutAnonVma == AnonVmaNeed.TurnedAway;

    private Effect[] MeetsAnonVma => TurnsAway ? [Effect.Check(s.HasAnonVma, Safety.NoNullAnonVma)] : [];

    private void DecideOnAnonVma(AnonVmaNeed here)
    {
        if (protocol.WithoutAnonVma == here)
            b.Do("collapse_huge_page", "notes whether there is an anon_vma to lock", c.LocksAnonVma.Set(s.HasAnonVma));
    }

    // Not looked up again, the VMA is the one found under the read lock.
    private Effect[] UsesVma() => protocol.RevalidatesUnderWriteLock ? [] : [Effect.Check(s.IsFreed.Is(0), Safety.NoFreedVmaUsed)];

    private void UnderReadLock(Location end)
    {
        b.As(Mark.MmapRead).Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        Enter(Phases.Read);
        if (protocol.RevalidatesUnderReadLock)
        {
            Revalidate(_readUnlock);
            LookAtPmd("find_pmd_or_thp_or_none", Mark.Hidden, _readUnlock);
        }
        DecideOnAnonVma(AnonVmaNeed.DecidedUnderReadLock);
        Swapin(end);
        b.Join(_readUnlock);
        b.At(_readUnlock);
        Location goOn = new(), failed = WithAnonVmaDropped(end);
        b.As(Mark.MmapReadUnlock).Do(
            "mmap_read_unlock", "drops the mmap lock", Term.True,
            Goto(goOn, c.Result.Is(Number(ScanResult.Succeed)), [.. s.Mmap.ReadUnlock.Effects]),
            Goto(failed, Term.True, [.. s.Mmap.ReadUnlock.Effects]));
        b.Phase = Phases.Gap;
        b.At(goOn);
    }

    private void Enter(string phase)
    {
        b.Phase = phase;
        b.At(b.Here);
    }

    private void Revalidate(Location failed) => b.As(Mark.Reval).Do(
        "hugepage_vma_revalidate", "looks the VMA up again", Term.True,
        If(Revalidated.Is(Number(ScanResult.Succeed))), Goto(failed, Term.True, c.Result.Set(Revalidated)));

    private void LookAtPmd(string function, Mark mark, Location failed) => b.As(mark).Do(
        function, "looks at the PMD entry", Term.True, If(s.Pmd.Is(PmdHolds.Table)), Goto(failed, Term.True, c.Result.Set(PmdState)));

    // Only if the scan saw something absent anywhere in the table.
    private void Swapin(Location end)
    {
        var done = new Location();
        var keep = new Location();
        b.Do("collapse_huge_page", "asks whether anything was swapped out", Term.True, Goto(done, c.Unmapped.Is(0)), Else());
        foreach (int i in window.Entries)
        {
            var entry = s[i];
            var absent = !(entry.Pte.Is(Holds.None) | entry.IsPresent);
            var noTable = s.Pmd.IsNot(PmdHolds.Table);
            if (!window.IsPmd)
            {
                b.Do(
                    "__collapse_huge_page_swapin", $"reads entry {i}", Term.True,
                    Goto(_readUnlock, noTable, c.Result.Set(Number(ScanResult.NoPteTable))),
                    Goto(protocol.SwapBailKeepsLock ? keep : _readUnlock, absent, c.Result.Set(Number(ScanResult.ExceedSwapPte))), Else());
                continue;
            }
            var isSwap = protocol.SwapinChecksEntry ? entry.Pte.Is(Holds.Swap) : absent;
            var isRefused = protocol.SwapinRefusesNonSwap ? entry.Pte.IsNot(Holds.Swap) : Term.False;
            var isReady = entry.Pte.Is(Holds.Swap) | entry.Locked.Is(0) | isRefused | (protocol.SwapinChecksEntry ? Term.False : Term.True);
            b.As(Mark.Hidden).Do(
                "do_swap_page", $"brings entry {i} back if it is absent", noTable | !absent | (s.PteLock.IsFree & isReady),
                Goto(_readUnlock, noTable, c.Result.Set(Number(ScanResult.NoPteTable))),
                If(!absent),
                Goto(_readUnlock, isRefused, c.Result.Set(Number(ScanResult.PteNonPresent))),
                Goto(_readUnlock, isSwap & entry.InSwapCache & entry.Locked, c.Result.Set(Number(ScanResult.PageLock))),
                If(isSwap & entry.InSwapCache, [.. Faults.MapSource(entry), entry.Young.Set(1), c.SwappedIn.Set(1)]),
                If(isSwap, [.. Faults.MapFresh(entry, entry.Slot), entry.Young.Set(1), c.SwappedIn.Set(1),
                    Effect.When(s.IsMlocked.Is(0), entry.InBatch.Set(1))]),
                If(entry.Pte.Is(Holds.Migration), [.. Faults.MapSource(entry), entry.Young.Set(1), c.SwappedIn.Set(1)]),
                If(entry.Pte.Is(Holds.WpMarker), entry.Pte.Set(Holds.Zero), entry.UffdWp.Set(1), entry.Young.Set(1), c.SwappedIn.Set(1)),
                Goto(_readUnlock, Term.True, c.Result.Set(Number(ScanResult.Fail))));
        }
        if (protocol.SwapBailKeepsLock && !window.IsPmd)
        {
            var here = b.Here;
            b.At(keep);
            b.Do("collapse_huge_page", "returns", Effect.Unlocked(Safety.LocksDroppedOnReturn));
            b.Join(end);
            b.At(here);
        }
        if (window.IsPmd)
            b.Do("lru_add_drain", "empties this CPU's LRU batch", Effect.When(c.SwappedIn, s.DrainBatch()));
        b.Join(done);
        b.At(done);
    }
}
