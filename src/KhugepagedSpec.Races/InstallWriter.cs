using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static KhugepagedSpec.Races.KhugepagedProgram;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>
/// What an attempt does with pages that it isolated: copies them, lets the sources go and maps the new folio, or puts them back.
/// Source: Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_copy</c> and its two ends, <c>release_pte_pages</c>,
/// <c>collapse_huge_page</c>.
/// </summary>
internal sealed class InstallWriter(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Window window)
{
    private EntryState[] Entries => [.. window.Entries.Select(entry => s[entry])];

    /// <summary>Copies the window; at a page that cannot be read everything is undone, and it goes on at
    /// <paramref name="failed"/>.</summary>
    public void Copy(Location failed)
    {
        var poisoned = new Location();
        foreach (int i in window.Entries)
        {
            var entry = s[i];
            var fails = protocol.CopiesBehindFlush ? entry.Pte.Is(Holds.Source) & entry.Poisoned : Term.False;
            b.As(Mark.Copy, i).Do(
                "__collapse_huge_page_copy", $"copies entry {i}", Term.True,
                Goto(poisoned, fails, [c.Result.Set(Number(ScanResult.CopyMc)), .. Entries.Select(each => c.Copy(each).Set(0))]),
                Else(c.Copy(entry).Set(entry.PageContents)));
        }
        if (!protocol.CopiesBehindFlush)
            return;
        var here = b.Here;
        b.At(poisoned);
        if (!protocol.PutsBackBeforeTable)
            Reinstate("__collapse_huge_page_copy_failed");
        PutBack("release_pte_pages");
        if (protocol.PutsBackBeforeTable)
            Reinstate("__collapse_huge_page_copy_failed");
        b.Join(failed);
        b.Phase = Phases.Out;
        b.At(here);
    }

    /// <summary>Puts the table back as it was.</summary>
    public void Reinstate(string function, string says = "puts the table back")
    {
        if (protocol.ReinstatesPmd)
            b.As(Mark.PmdFill).Do(function, says, s.PmdLock.IsFree, Else(FillPmd(PmdHolds.Table)));
        TableIsBack();
    }

    private void TableIsBack()
    {
        b.Phase = Phases.Back;
        b.At(b.Here);
    }

    /// <summary>Puts back what was isolated, backwards: small pages, into this CPU's LRU batch, then large folios, which empty
    /// it.</summary>
    public void PutBack(string function)
    {
        if (!protocol.PutsBack)
            return;
        foreach (int i in window.Entries.Reverse())
            b.Do(function, $"puts entry {i}'s page back, if it was isolated",
                Effect.When(c.Isolated(s[i]) & s[i].Order.Is(0), Release(s[i])));
        var large = new Variable("put_back_large", 1) { IsScratch = true };
        b.Do(
            function, "puts large folios back",
            [
                large.Set(Term.Any(Entries.Select(entry => c.Isolated(entry) & entry.Order.IsNot(0)))),
                .. Backwards.Select(entry => Effect.When(c.Isolated(entry) & entry.Order.IsNot(0), ReleaseLarge(entry))),
                    Effect.When(large, s.DrainBatch()),
            ]);
    }

    // Of a folio the second page first: it goes back with the first page, if that was isolated too.
    private IEnumerable<EntryState> Backwards => s.HasFolios ? Entries.Reverse() : Entries;

    private IEnumerable<Effect> ReleaseLarge(EntryState entry) =>
        s.HasFolios && protocol.PutsFoliosBackOnce ? [Effect.When(c.IsTaken(entry), [c.Isolated(entry).Set(0)], Release(entry))]
            : Release(entry);

    private IEnumerable<Effect> LetGo(EntryState entry) =>
        [.. Unlock(entry), entry.InBatch.Set(1), Effect.When(entry.InSwapCache, entry.LeaveSwapCache), entry.References.Decrease()];

    // Its reference goes over to the batch.
    private IEnumerable<Effect> Release(EntryState entry) =>
        [c.Isolated(entry).Set(0), entry.InBatch.Set(1),
            Effect.When(entry.Pte.Is(Holds.Source), [.. Unlock(entry), entry.References.Decrease()])];

    private Effect[] Unlock(EntryState entry) => protocol.IsolationLocks && protocol.LocksLastThroughCopy ? [entry.Locked.Set(0)] : [];

    /// <summary>
    /// The old pages lose their mappings, one by one: a small page goes back to its list, unlocked, and then its entry is cleared; large
    /// folios go back at the end.
    /// </summary>
    public void ReleaseSources()
    {
        const string function = "__collapse_huge_page_copy_succeeded";
        foreach (int i in window.Entries)
        {
            var entry = s[i];
            Effect[] release = [Effect.When(c.Isolated(entry) & entry.Order.Is(0), [.. Release(entry), entry.IsCopied.Set(1)])];
            if (protocol.ReleasesBeforeClear)
                b.As(Mark.Source, i).Do("release_pte_folio", $"unlocks entry {i}'s small page, puts it into the LRU batch", release);
            b.As(Mark.Source, i).Do(
                function, $"clears entry {i}, lets its page go", s.PteLock.IsFree, Else([.. Judge(entry), .. Clear(entry)]));
            if (!protocol.ReleasesBeforeClear)
                b.As(Mark.Source, i).Do(
                    "release_pte_folio", $"unlocks entry {i}'s small page, puts it into the LRU batch",
                    Effect.When(c.Isolated(entry) & entry.Order.Is(0),
                        [c.Isolated(entry).Set(0), Effect.When(entry.IsCopied, [entry.IsCopied.Set(0), .. LetGo(entry), Bury(entry)])]));
        }
        b.As(Mark.Source).Do(function, "puts large folios back",
            [.. Entries.Select(entry => entry.Order.Set(0)),
            .. Backwards.Select(entry => Effect.When(c.Isolated(entry), ReleaseAtEnd(entry)))]);
    }

    private IEnumerable<Effect> Judge(EntryState entry) =>
    [
        Effect.Check(!(entry.IsNoneOrZero & s.IsArmed), Safety.UffdKeepsHoles),
        Effect.Check(
            entry.IsNoneOrZero | (entry.IsPresentPage & entry.UffdWp.Is(0) & (window.IsPmd ? Term.True
                : !(entry.Pte.Is(Holds.Source) & entry.Child))),
            Safety.NothingSharedOrAbsent),
    ];

    // What was a large folio's is marked: the entry does not tell any more.
    private IEnumerable<Effect> Clear(EntryState entry) =>
    [
        entry.IsCopied.Set(entry.Pte.Is(Holds.Source) & c.Isolated(entry) & (protocol.ReleasesBeforeClear ? entry.Order.IsNot(0)
            : Term.True)),
        Effect.When(
            entry.Pte.Is(Holds.Source), entry.Mappings.Decrease(), entry.References.Decrease(),
            Effect.When(entry.InSwapCache & !entry.Locked, entry.LeaveSwapCache), Bury(entry)),
        entry.Pte.Set(Holds.None), entry.LazyFree.Set(0), entry.Young.Set(0), entry.Dirty.Set(0),
    ];

    // With the last reference the page is freed, whatever batch it waits in.
    private static Effect Bury(EntryState entry) => Effect.When(entry.References.Is(0), entry.OnLru.Set(0), entry.InBatch.Set(0));

    private Term IsDone(EntryState entry) => c.Isolated(entry) & entry.IsCopied;

    private IEnumerable<Effect> ReleaseAtEnd(EntryState entry) =>
    [
        .. s.HasFolios && entry.Index % 2 != 0
            ? [Effect.When(entry.IsInFolio & IsDone(entry) & IsDone(s.Partner(entry.Index)), entry.IsCopied.Set(0))]
            : Array.Empty<Effect>(),
        c.Isolated(entry).Set(0),
        Effect.When(
            entry.IsCopied,
            [
                entry.IsCopied.Set(0), .. Unlock(entry), Effect.When(entry.InSwapCache, entry.LeaveSwapCache),
                entry.References.Decrease(), Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1)),
            ]),
    ];

    /// <summary>Maps the new folio; falls through.</summary>
    public void Install()
    {
        if (window.IsPmd)
        {
            b.As(Mark.PmdMap).Do("map_anon_folio_pmd_nopf", "maps the folio by the PMD entry", s.PmdLock.IsFree,
                Else([Eligible, .. FillPmd(PmdHolds.Huge), .. NewPages()]));
            TableIsBack();
        }
        else if (protocol.PmdBeforePtes)
        {
            b.Do("collapse_huge_page", "takes the pmd lock", s.PmdLock.Lock);
            if (TakesPteLock)
                b.Do("collapse_huge_page", "takes the pte lock", s.PteLock.Lock);
            b.As(Mark.PmdFill).Do("pmd_populate", "puts the table back", [Eligible, .. FillPmd(PmdHolds.Table)]);
            TableIsBack();
            SetPtes();
            if (TakesPteLock)
                b.Do("collapse_huge_page", "drops the pte lock", s.PteLock.Unlock);
            b.Do("collapse_huge_page", "drops the pmd lock", s.PmdLock.Unlock);
        }
        else
        {
            b.Do("collapse_huge_page", "takes the pmd lock", s.PmdLock.Lock);
            SetPtes();
            b.As(Mark.PmdFill).Do(
                "pmd_populate", "puts the table back, drops the pmd lock", s.PmdLock.Unlock, [Eligible, .. FillPmd(PmdHolds.Table)]);
            TableIsBack();
        }
        b.Do("folio_add_lru", "empties this CPU's LRU batch",
            [c.Result.Set(Number(ScanResult.Succeed)), Effect.When(s.IsMlocked.Is(0), s.DrainBatch())]);
    }

    private bool TakesPteLock => s.PteLock != s.PmdLock || !protocol.ComparesTableLocks;

    private Effect Eligible => Effect.Check(s.IsCovered & s.IsSplit.Is(0), Safety.EligibleWhenInstalled);

    private void SetPtes()
    {
        b.As(Mark.PtesSet).Do(
            "map_anon_folio_pte_nopf", "sets the window's PTEs", [.. NewPages(), .. Entries.Select(entry => entry.Pte.Set(Holds.New))]);
        b.Do("update_mmu_cache_range", "finds the PTEs from the PMD entry down",
            Effect.Check(s.Pmd.Is(PmdHolds.Table), Safety.EntriesReachable));
    }

    private IEnumerable<Effect> NewPages() => Entries.SelectMany(entry => (Effect[])
    [
        .. c.Publish(entry), entry.LeaveBatch, entry.Young.Set(1), entry.Dirty.Set(1),
            entry.Writable.Set(protocol.AsksWhetherWritable ? entry.MayBeWritten : 1), entry.UffdWp.Set(0),
            entry.Order.Set(window.IsPmd ? 2 : 1),
    ]);

    private Effect[] FillPmd(int with) =>
        [Effect.Check(s.Pmd.Is(PmdHolds.None), Safety.PmdEntryComesBack), Effect.Check(c.HasTable, Safety.NoFreedTableUsed),
            s.Pmd.Set(with), s.IsDetached.Set(0)];
}
