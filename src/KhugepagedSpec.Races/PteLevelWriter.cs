using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static KhugepagedSpec.Races.KhugepagedProgram;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>
/// One attempt below the PMD order as the thread on v5 weighed it: the table stays where it is, the window's PTEs are cleared and
/// flushed one by one, and their values are remembered in case anything fails. Locks are those of Linux 7.2. Source: D. Hildenbrand,
/// 2025-05-02, on v5 patch 7.
/// </summary>
internal sealed class PteLevelWriter(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Window window)
{
    private readonly Location _fail = new(), _anonUnlock = new(), _writeUnlock = new(), _end = new();

    private readonly EntryLocks _locks = new(b, s, c, protocol, window);

    private EntryState[] Entries => [.. window.Entries.Select(entry => s[entry])];

    public void Write()
    {
        _locks.Take(_writeUnlock, _end);
        b.Do("mmu_notifier_invalidate_range_start", "takes the window from secondary MMUs",
            [Effect.Sleeps(Safety.NobodySleepsAtomic), s.Invalidations.Increase(), .. window.Entries.SelectMany(s.Invalidate)]);
        b.As(Mark.TableLock).Do("pte_offset_map_lock", "locks the table", s.PteLock.Lock);
        b.Phase = Phases.Out;
        b.At(b.Here);
        foreach (int i in window.Entries)
            Take(i);
        b.As(Mark.Hidden).Do(
            "__collapse_huge_page_isolate", "has every page", Term.True,
            Goto(_fail, c.IsMadvise ? Term.False : c.Referenced.Is(0), c.Result.Set(Number(ScanResult.LackReferencedPage))),
                Else([.. s.PteLock.Unlock.Effects]));
        Copy();
        Install();
        b.Join(_anonUnlock);
        Fail();
        b.Phase = Phases.Back;
        b.At(_anonUnlock);
        b.Do("mmu_notifier_invalidate_range_end", "lets secondary MMUs fault again",
            [Effect.Sleeps(Safety.NobodySleepsAtomic), s.Invalidations.Decrease(), .. window.Entries.SelectMany(s.EndInvalidation)]);
        b.Do("anon_vma_unlock_write", "drops the anon_vma lock", c.UnlockAnonVma(protocol));
        b.Join(_writeUnlock);
        b.At(_writeUnlock);
        _locks.Drop(Effect.When(Term.False));
        b.Join(_end);
        b.At(_end);
    }

    private void Take(int i)
    {
        const string function = "__collapse_huge_page_isolate";
        var entry = s[i];
        Location next = new(), passed = new();
        var isSource = entry.Pte.Is(Holds.Source);
        var result = First(
            (entry.IsNoneOrZero & ((Term)c.NoneCount + 1 > c.MaxNone(window, seesUffd: true)), ScanResult.ExceedNonePte),
            (entry.IsNoneOrZero, ScanResult.Succeed), (!entry.IsPresent, ScanResult.PteNonPresent), (entry.UffdWp, ScanResult.PteUffdWp),
                (entry.Pte.Is(Holds.Special), ScanResult.PageNull),
            (entry.LazyFree & !(Term)entry.Dirty, ScanResult.PageLazyFree), (isSource & entry.Child, ScanResult.ExceedSharedPte),
                (entry.Order.IsNot(0), ScanResult.PteMappedHugepage),
            (isSource & entry.Locked, ScanResult.PageLock));
        b.As(Mark.Isolate, i).Do(
            function, $"looks at entry {i}", Term.True,
            If(result.Is(Number(ScanResult.Succeed)),
                Effect.When(entry.IsNoneOrZero, [c.NoneCount.Increase()],
                [c.Isolated(entry).Set(1), Effect.When(isSource, entry.Locked.Set(1))])),
            Goto(_fail, Term.True, c.Result.Set(result)));
        b.Do(
            "ptep_clear_flush", $"clears entry {i}, flushes TLBs, remembers what it held",
            [entry.Saved.Set(entry.Pte), entry.Pte.Set(Holds.None), .. s.FlushTlbs(i)]);
        // What never went onto our list is put back by nobody else.
        Effect[] letGo = [c.Isolated(entry).Set(0), Effect.When(entry.Saved.Is(Holds.Source), entry.Locked.Set(0))];
        var hasExtra = c.Isolated(entry) & (entry.InBatch | Term.Choose(
            entry.Saved.Is(Holds.Source), !((Term)entry.References).Is((Term)entry.Mappings + entry.InSwapCache),
                (entry.Saved.Is(Holds.Fresh) | entry.Saved.Is(Holds.New)) & entry.FreshReferences.IsNot(0)));
        b.As(Mark.Hidden).Any(
            function, $"counts the references to entry {i}'s page",
            Goto(passed, !hasExtra), Goto(_fail, hasExtra | s.BusyByChance, [c.Result.Set(Number(ScanResult.PageCount)), .. letGo]));
        b.At(passed);
        var counts = c.Isolated(entry) & entry.Saved.Is(Holds.Source);
        b.As(Mark.Take, i).Do(
            "folio_isolate_lru", $"takes entry {i}'s page off its list", Term.True,
            Goto(_fail, counts & entry.OnLru.Is(0), [c.Result.Set(Number(ScanResult.DelPageLru)), .. letGo]),
            Else(Effect.When(counts, entry.OnLru.Set(0), entry.References.Increase()),
                Effect.When(c.Isolated(entry) & entry.Young, c.Referenced.Set(1))));
        b.Join(next);
        b.At(next);
    }

    private void Copy()
    {
        var poisoned = new Location();
        foreach (int i in window.Entries)
        {
            var entry = s[i];
            var contents = Term.Choose(
                entry.Saved.Is(Holds.Source), entry.Source,
                    Term.Choose(entry.Saved.Is(Holds.Fresh), entry.Fresh,
                    Term.Choose(entry.Saved.Is(Holds.New), entry.New, Contents.Zero)));
            b.As(Mark.Copy, i).Do(
                "__collapse_huge_page_copy", $"copies entry {i}", Term.True,
                Goto(poisoned, entry.Saved.Is(Holds.Source) & entry.Poisoned,
                    [c.Result.Set(Number(ScanResult.CopyMc)), .. Entries.Select(each => c.Copy(each).Set(0))]),
                    Else(c.Copy(entry).Set(contents)));
        }
        var here = b.Here;
        b.At(poisoned);
        b.As(Mark.TableLock).Do("pte_offset_map_lock", "locks the table", s.PteLock.Lock);
        b.Join(_fail);
        b.At(here);
    }

    private void Install()
    {
        b.As(Mark.TableLock).Do("pte_offset_map_lock", "locks the table", s.PteLock.Lock);
        b.Do(
            "set_ptes", "maps the new folio, lets the sources go",
            [
                .. Entries.SelectMany(Judge), .. Entries.SelectMany(Release),
                .. Entries.SelectMany(c.Publish),
                .. Entries.SelectMany(entry =>
                    new[] { entry.Pte.Set(Holds.New), entry.Young.Set(1), entry.Dirty.Set(1), entry.Writable.Set(entry.MayBeWritten),
                        entry.UffdWp.Set(0), entry.Order.Set(1), entry.LazyFree.Set(0) }),
            ]);
        b.Do("pte_unmap_unlock", "drops the pte lock", s.PteLock.Unlock);
        b.Do("folio_add_lru", "empties this CPU's LRU batch",
            [c.Result.Set(Number(ScanResult.Succeed)), Effect.When(s.IsMlocked.Is(0), s.DrainBatch())]);
    }

    private IEnumerable<Effect> Judge(EntryState entry) =>
    [
        Effect.Check(s.Pmd.Is(PmdHolds.Table), Safety.PmdEntryComesBack), Effect.Check(entry.Pte.Is(Holds.None), Safety.NoWriteLost),
        Effect.Check(!((entry.Saved.Is(Holds.None) | entry.Saved.Is(Holds.Zero)) & s.IsArmed), Safety.UffdKeepsHoles),
        Effect.Check(entry.UffdWp.Is(0) & !(entry.Saved.Is(Holds.Source) & entry.Child), Safety.NothingSharedOrAbsent),
    ];

    private IEnumerable<Effect> Release(EntryState entry) =>
    [
        Effect.When(
            entry.Saved.Is(Holds.Source),
            [
                entry.Mappings.Decrease(), entry.References.Set((Term)entry.References - 2), entry.Locked.Set(0),
                Effect.When(entry.InSwapCache, entry.LeaveSwapCache), Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1)),
            ]),
        entry.LeaveBatch, c.Isolated(entry).Set(0), entry.Saved.Set(Holds.None),
    ];

    private void Fail()
    {
        b.At(_fail);
        Effect[] restore = protocol.RestoresPtes
            ? [.. Entries.Select(entry => Effect.When(entry.Saved.IsNot(Holds.None), entry.Pte.Set(entry.Saved)))] : [];
        b.Do(
            "set_pte_at", protocol.RestoresPtes ? "gives every entry back what it held, puts the pages back" : "puts the pages back",
            [
                .. restore,
                .. Entries.SelectMany(entry => new[]
                {
                    Effect.When(
                        c.Isolated(entry), c.Isolated(entry).Set(0), entry.InBatch.Set(1),
                        Effect.When(entry.Saved.Is(Holds.Source) | (entry.Saved.Is(Holds.None) & entry.Pte.Is(Holds.Source)),
                            entry.Locked.Set(0)),
                        Effect.When(entry.Saved.Is(Holds.Source), entry.References.Decrease())),
                    entry.Saved.Set(Holds.None),
                }),
            ]);
        b.Do("pte_unmap_unlock", "drops the pte lock", s.PteLock.Unlock);
        b.Join(_anonUnlock);
    }
}
