using KhugepagedSpec.Checking.Guarded;
using KhugepagedSpec.Collapse;
using static KhugepagedSpec.Checking.Guarded.ProgramBuilder;
using static KhugepagedSpec.Checking.Protocol.KhugepagedProgram;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>
/// What an attempt does with pages that it isolated: copies them, lets the sources go and maps the new folio, or puts them back.
/// Source: Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_copy</c> and its two ends, <c>release_pte_pages</c>,
/// <c>collapse_huge_page</c>.
/// </summary>
internal sealed class InstallWriter(ProgramBuilder b, SharedState s, CollapseProtocol protocol, Window window)
{
    private EntryState[] Entries => [.. window.Entries.Select(entry => s[entry])];

    /// <summary>Copies the window; at a page that cannot be read everything is undone, and it goes on at <paramref name="failed"/>.</summary>
    public void Copy(Location failed)
    {
        var poisoned = new Location();
        foreach (int i in window.Entries)
        {
            var entry = s[i];
            var fails = protocol.CopiesBehindFlush ? entry.Pte.Is(Holds.Source) & entry.Poisoned : Term.False;
            b.Do(
                "__collapse_huge_page_copy", $"copies entry {i}", Term.True,
                Goto(poisoned, fails, [s.Result.Set(Number(ScanResult.CopyMc)), .. Entries.Select(each => each.New.Set(0))]),
                Else(entry.New.Set(entry.PageContents)));
        }
        if (!protocol.CopiesBehindFlush)
            return;
        var here = b.Here;
        b.At(poisoned);
        Reinstate("__collapse_huge_page_copy_failed");
        b.Do("__collapse_huge_page_copy_failed", "puts back what was isolated", [.. PutBack()]);
        b.Join(failed);
        b.At(here);
    }

    /// <summary>Puts the table back as it was.</summary>
    public void Reinstate(string function)
    {
        if (protocol.ReinstatesPmd)
            b.Do(function, "puts the table back", s.PmdLock.IsFree, Else(FillPmd(PmdHolds.Table)));
    }

    /// <summary>Puts back what was isolated. Small pages wait in this CPU's LRU batch, which a large folio empties.</summary>
    public IEnumerable<Effect> PutBack()
    {
        if (!protocol.PutsBack)
            return [];
        var large = new Variable("put_back_large", 1) { IsScratch = true };
        return
        [
            large.Set(Term.Any(Entries.Select(entry => entry.Isolated & entry.Order.IsNot(0)))),
            .. Entries.Select(entry => Effect.When(
                entry.Isolated, entry.Isolated.Set(0), entry.InBatch.Set(1), Effect.When(entry.Pte.Is(Holds.Source), [.. Unlock(entry), entry.References.Decrease()]))),
            Effect.When(large, s.DrainBatch()),
        ];
    }

    private Effect[] Unlock(EntryState entry) => protocol.IsolationLocks && protocol.LocksLastThroughCopy ? [entry.Locked.Set(0)] : [];

    /// <summary>The old pages lose their mappings.</summary>
    public void ReleaseSources() => b.Do(
        "__collapse_huge_page_copy_succeeded", "clears the entries, lets the sources go", s.PteLock.IsFree,
        Else([.. Entries.SelectMany(Judge), .. Entries.Select(Release), .. Entries.Select(entry => entry.Order.Set(0))]));

    private IEnumerable<Effect> Judge(EntryState entry) =>
    [
        Effect.Check(!(entry.IsNoneOrZero & s.IsArmed), Safety.UffdKeepsHoles),
        Effect.Check(
            entry.IsNoneOrZero | (entry.IsPresentPage & entry.UffdWp.Is(0) & (window.IsPmd ? Term.True : !(entry.Pte.Is(Holds.Source) & entry.Child))),
            Safety.NothingSharedOrAbsent),
    ];

    private Effect Release(EntryState entry) => Effect.When(
        entry.Pte.Is(Holds.Source),
        [
            entry.Mappings.Decrease(), entry.References.Set((Term)entry.References - 1 - entry.Isolated), entry.Isolated.Set(0), .. Unlock(entry),
            Effect.When(entry.InSwapCache, entry.References.Decrease(), entry.InSwapCache.Set(0)), Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1)),
            .. Clear(entry),
        ],
        [entry.Isolated.Set(0), .. Clear(entry)]);

    private static IEnumerable<Effect> Clear(EntryState entry) => [entry.Pte.Set(Holds.None), entry.LazyFree.Set(0), entry.InBatch.Set(0), entry.Young.Set(0), entry.Dirty.Set(0)];

    /// <summary>Maps the new folio; falls through.</summary>
    public void Install()
    {
        if (window.IsPmd)
        {
            b.Do("map_anon_folio_pmd_nopf", "maps the folio by the PMD entry", s.PmdLock.IsFree, Else([Eligible, .. FillPmd(PmdHolds.Huge), .. NewPages()]));
        }
        else if (protocol.PmdBeforePtes)
        {
            b.Do("collapse_huge_page", "takes the pmd lock", s.PmdLock.Lock);
            b.Do("collapse_huge_page", "takes the pte lock", s.PteLock.Lock);
            b.Do("pmd_populate", "puts the table back", [Eligible, .. FillPmd(PmdHolds.Table)]);
            SetPtes();
            b.Do("collapse_huge_page", "drops the pte lock", s.PteLock.Unlock);
            b.Do("collapse_huge_page", "drops the pmd lock", s.PmdLock.Unlock);
        }
        else
        {
            b.Do("collapse_huge_page", "takes the pmd lock", s.PmdLock.Lock);
            SetPtes();
            b.Do("pmd_populate", "puts the table back, drops the pmd lock", s.PmdLock.Unlock, [Eligible, .. FillPmd(PmdHolds.Table)]);
        }
        b.Do("folio_add_lru", "empties this CPU's LRU batch", [s.Result.Set(Number(ScanResult.Succeed)), Effect.When(s.IsMlocked.Is(0), s.DrainBatch())]);
    }

    private Effect Eligible => Effect.Check(s.IsCovered & s.IsSplit.Is(0), Safety.EligibleWhenInstalled);

    private void SetPtes()
    {
        b.Do("map_anon_folio_pte_nopf", "sets the window's PTEs", [.. NewPages(), .. Entries.Select(entry => entry.Pte.Set(Holds.New))]);
        b.Do("update_mmu_cache_range", "finds the PTEs from the PMD entry down", Effect.Check(s.Pmd.Is(PmdHolds.Table), Safety.EntriesReachable));
    }

    private IEnumerable<Effect> NewPages() => Entries.SelectMany(entry => new[]
    {
        entry.Young.Set(1), entry.Dirty.Set(1), entry.Writable.Set(1), entry.UffdWp.Set(0), entry.Order.Set(window.IsPmd ? 2 : 1),
    });

    private Effect[] FillPmd(int with) =>
        [Effect.Check(s.Pmd.Is(PmdHolds.None), Safety.PmdEntryComesBack), s.Pmd.Set(with), s.IsDetached.Set(0)];
}
