using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>Those who come by the page, not by the address: they work on the pages that were there first. Source: Linux 7.2, the functions
/// named at each step.</summary>
internal static class ReclaimActors
{
    /// <summary>Reclaim: off the list, unmapped everywhere whoever has a reference, TLBs flushed, written out, freed if nobody has
    /// one.</summary>
    public static void Reclaim(ActorWriter w) => w.OnAnyEntry(i =>
    {
        var (b, s, entry) = (w.B, w.S, w.S[i]);
        Location putBack = new(), unlock = new();
        TakeOffList(w, entry, i, putBack);
        b.Do(
            "folio_alloc_swap", $"gives entry {i}'s page a place in swap", Term.True,
            Goto(unlock, entry.Mappings.Is(0) | (w.Protocol.PinsAreRespected ? s.IsPinned(i)
                : Term.False)) with
            { Says = $"leaves entry {i}'s page: it is pinned, or not mapped" },
            If(entry.InSwapCache), Else(entry.InSwapCache.Set(1),
                entry.References.Set((Term)entry.References + entry.SwapCacheReferences)));
        Rmap(w, i, "try_to_unmap_one", $"swaps entry {i} out", MayUnmap(w),
            each => [s[each].Pte.Set(Holds.Swap), .. s[each].DropMapping, s[each].Young.Set(0), s[each].Writable.Set(0),
                .. s.Invalidate(each), s[each].ChildUnmaps]);
        FlushBatch(w, i, "try_to_unmap_flush_dirty");
        b.Do(
            "__remove_mapping", $"writes entry {i}'s page out and frees it, unless somebody else has it", Term.True,
            Goto(
                w.End, entry.Mappings.Is(0) & ((Term)entry.References).Is((Term)1 + entry.SwapCacheReferences),
                [.. OfBoth(s, i, each => [each.Slot.Set(each.Source)]), entry.InSwapCache.Set(0), entry.References.Set(0),
                    entry.Locked.Set(0), FolioLock(false, false)]),
            Else());
        b.Join(unlock);
        b.At(unlock);
        b.Do("folio_unlock", $"unlocks entry {i}'s page", Unlock(entry));
        b.Join(putBack);
        PutBack(w, entry, i, putBack);
    });

    // Many pages' TLB entries are flushed at once, behind their unmapping.
    private static void FlushBatch(ActorWriter w, int i, string function)
    {
        if (w.Protocol.FlushesBatches)
            w.B.Do(function, "flushes TLBs", [.. OfBoth(w.S, i, each => w.S.FlushTlbs(each.Index))]);
    }

    internal static Func<int, Term> MayUnmap(ActorWriter w) => each =>
        w.Protocol.PinsAreRespected ? !(w.S.IsPinned(each) & w.S[each].Exclusive) : Term.True;

    /// <summary>What is done to an entry, and to the other one of its folio, if that has two pages.</summary>
    internal static IEnumerable<Effect> OfBoth(SharedState s, int i, Func<EntryState, IEnumerable<Effect>> does) =>
        s.HasFolios ? [.. does(s[i]), Effect.When(s[i].IsInFolio, does(s.Partner(i)))] : does(s[i]);

    /// <summary>Migration: entries that wait, a copy, the entries back. A huge page that the PMD entry maps is migrated whole.</summary>
    public static void Migrate(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        Location small = new(), huge = new();
        b.Any("migrate_pages", "takes a page by its list", Goto(small, Term.True) with { Says = "takes a small page" },
            Goto(huge, Term.True) with { Says = "takes the huge page, if there is one" });
        b.At(huge);
        var done = new Location();
        int[] entries = [.. Enumerable.Range(0, s.Shape.Pages)];
        var mayUnmap = w.Protocol.PinsAreRespected ? !s.IsHugePinned : Term.True;
        b.Do("rmap_walk_anon", "takes the anon_vma lock for reading", s.AnonVma.Read);
        b.Do("page_vma_mapped_walk", "looks whether the PMD entry maps a huge page", Term.True, If(s.Pmd.Is(PmdHolds.Huge)),
            Goto(done, Term.True));
        b.Do(
            "set_pmd_migration_entry", "puts a migration entry into the PMD entry that maps a huge page", s.PmdLock.IsFree,
            If(s.Pmd.Is(PmdHolds.Huge) & mayUnmap, [s.Pmd.Set(PmdHolds.Migration), .. entries.SelectMany(s.Flush)]), Goto(done, Term.True));
        b.Do("rmap_walk_anon", "drops the anon_vma lock", s.AnonVma.ReadUnlock);
        b.Do("rmap_walk_anon", "takes the anon_vma lock for reading", s.AnonVma.Read);
        b.Do("remove_migration_pmd", "maps the new huge page", s.PmdLock.IsFree,
            Else(Effect.When(s.Pmd.Is(PmdHolds.Migration), s.Pmd.Set(PmdHolds.Huge))));
        b.Join(done);
        b.At(done);
        b.Do("rmap_walk_anon", "drops the anon_vma lock", s.AnonVma.ReadUnlock);
        b.Join(w.End);
        b.At(small);
        w.OnAnyEntry(i => MigrateSmall(w, i));
        b.At(w.End);
    }

    private static void MigrateSmall(ActorWriter w, int i)
    {
        var (b, s, entry) = (w.B, w.S, w.S[i]);
        Location putBack = new(), failed = new(), copied = new(), unlock = new();
        TakeOffList(w, entry, i, putBack);
        var isOnlyHere = s.HasFolios
            ? Term.Choose(entry.IsInFolio, entry.Mappings.Is(2) & !entry.Child & !s.Partner(i).Child, entry.Mappings.Is(1))
            : entry.Mappings.Is(1);
        b.Do("migrate_folio_unmap", "leaves pages alone that a child maps too, in this model", Term.True, Goto(unlock, !isOnlyHere),
            Else());
        Rmap(
            w, i, "try_to_migrate_one", $"puts a migration entry at entry {i}", MayUnmap(w), each =>
                [s[each].Pte.Set(Holds.Migration), .. s[each].DropMapping, .. s.Invalidate(each)]);
        FlushBatch(w, i, "try_to_unmap_flush");
        b.Do(
            "folio_migrate_mapping", $"goes on to copy entry {i}'s page if nobody else has it", Term.True,
            Goto(copied, entry.Mappings.Is(0) & ((Term)entry.References).Is(entry.SwapCacheReferences + 1)),
            Goto(failed, Term.True));
        b.At(failed);
        Rmap(w, i, "remove_migration_pte", $"maps the old page at entry {i} again", _ => Term.True, each => Faults.MapSource(s[each]),
            Holds.Migration);
        b.Join(unlock);
        b.At(copied);
        Rmap(w, i, "remove_migration_pte", $"maps the new page at entry {i}", _ => Term.True,
            each => Faults.MapFresh(s[each], s[each].Source), Holds.Migration);
        b.Do(
            "migrate_folio_done", $"unlocks entry {i}'s old page and lets it go",
            [
                .. OfBoth(s, i, NoMigrationEntry), Effect.When(entry.InSwapCache, entry.LeaveSwapCache), entry.References.Decrease(),
                    entry.Locked.Set(0), FolioLock(false, false),
            ]);
        b.Join(w.End);
        b.At(unlock);
        b.Do("folio_unlock", $"unlocks entry {i}'s page", Unlock(entry), [.. OfBoth(s, i, NoMigrationEntry)]);
        b.Join(putBack);
        PutBack(w, entry, i, putBack);
    }

    /// <summary>A memory error: the page cannot be read, and is taken from whoever maps it. The reference stays.</summary>
    public static void HwPoison(ActorWriter w) => w.OnAnyEntry(i =>
    {
        var (b, s, entry) = (w.B, w.S, w.S[i]);
        b.Do("memory_failure", $"notes that entry {i}'s page is bad", Term.True, Goto(w.End, entry.References.Is(0)),
            Else(entry.Poisoned.Set(1), entry.IsLost.Set(1)));
        b.Do(
            "get_hwpoison_page", $"takes a reference to entry {i}'s page", Term.True,
            Goto(w.End, entry.References.Is(0)), Else(entry.References.Increase(), w.Slot.Pin.Set(Holds.Source)));
        b.Do("folio_lock", $"waits for the lock of entry {i}'s page", entry.Locked.Is(0),
            new Way(Term.True, null, [Effect.Sleeps(Safety.NobodySleepsAtomic), entry.Locked.Set(1), FolioLock(true, false)]));
        var unlock = new Location();
        if (s.HasFolios)
            b.Do("try_to_split_thp_page", "leaves a folio of two alone, in this model", Term.True, Goto(unlock, entry.IsInFolio), Else());
        Rmap(w, i, "try_to_unmap_one", $"puts a hwpoison entry at entry {i}, flushes TLBs", _ => Term.True,
            each => [s[each].Pte.Set(Holds.HwPoison), .. s[each].DropMapping, .. s.Flush(each), s[each].ChildUnmaps]);
        b.Join(unlock);
        b.At(unlock);
        b.Do("folio_unlock", $"unlocks entry {i}'s page", Unlock(entry));
        b.Join(w.End);
        b.At(w.End);
    });

    /// <summary>The multi-generational LRU looks which entries were used, and forgets it.</summary>
    public static void Aging(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        b.Do(
            "walk_pte_range", "clears every accessed bit", s.PteLock.IsFree,
            Goto(w.End, s.Pmd.Is(PmdHolds.Table), [.. s.Entries.Select(entry => entry.Young.Set(0))]), Goto(w.End, Term.True));
        b.At(w.End);
    }

    /// <summary>Somebody who migrated the page left nothing behind.</summary>
    internal static IEnumerable<Effect> NoMigrationEntry(EntryState entry) =>
        [Effect.Check(entry.Pte.IsNot(Holds.Migration) | entry.Saved.Is(Holds.Fresh), Safety.NoStaleMigrationEntry)];

    /// <summary>Every CPU's LRU batch is emptied.</summary>
    public static void LruDrain(ActorWriter w)
    {
        w.B.Do("lru_add_drain_all", "empties every CPU's LRU batch", [.. w.S.DrainBatch()]);
        w.B.Join(w.End);
        w.B.At(w.End);
    }

    private static void TakeOffList(ActorWriter w, EntryState entry, int i, Location putBack)
    {
        w.B.As(Mark.Hidden).Do(
            "folio_isolate_lru", $"takes entry {i}'s page off its list", Term.True,
            Goto(w.End, entry.OnLru.Is(0) | entry.References.Is(0)), Else(entry.OnLru.Set(0), entry.References.Increase()));
        var locked = new Location();
        w.B.Any(
            "folio_trylock", $"locks entry {i}'s page",
            Goto(locked, !entry.Locked, entry.Locked.Set(1), FolioLock(true, true)), Goto(putBack, (Term)entry.Locked | w.S.BusyByChance));
        w.B.At(locked);
    }

    internal static Effect.LockUse FolioLock(bool isAcquired, bool isTry) => new("folio lock", isAcquired, isTry) { TurnsAway = true };

    private static Act Unlock(EntryState entry) => new(Term.True, [entry.Locked.Set(0), FolioLock(false, false)]);

    private static void PutBack(ActorWriter w, EntryState entry, int i, Location putBack)
    {
        w.B.At(putBack);
        w.B.Do("folio_putback_lru", $"puts entry {i}'s page back", entry.References.Decrease(),
            Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1)));
        w.B.Join(w.End);
        w.B.At(w.End);
    }

    // Under the anon_vma lock: find the entry from the PMD entry down, then change it under the pte lock if it is still the folio's. A
    // table that is another by then is looked for anew.
    private static void Rmap(ActorWriter w, int i, string function, string says, Func<int, Term> allowed, Func<int,
        IEnumerable<Effect>> change, int holds = Holds.Source)
    {
        var (b, s) = (w.B, w.S);
        Location done = new(), again = new();
        var isTable = s.Pmd.Is(PmdHolds.Table) | s.IsMoved;
        b.Do("rmap_walk_anon", "takes the anon_vma lock for reading", s.AnonVma.Read);
        b.Join(again);
        b.At(again);
        b.Do(
            "page_vma_mapped_walk", $"looks for entry {i} from the PMD entry down", Term.True,
            Goto(done, !s.IsLinked) with { Says = "finds no VMA" },
            Goto(done, !isTable, [.. OfBoth(s, i, Missed)]) with { Says = "finds no table in the PMD entry" },
            Else(s.Walkers.Increase()));
        var isHere = IsMapped(s[i]) & allowed(i);
        b.Do(
            function, says, s.PteLock.IsFree,
            Goto(again, !isTable, s.Walkers.Decrease()) with { Says = "finds another PMD entry than before" },
            s.HasFolios
                ? If(Term.True, [s.Walkers.Decrease(),
                    .. OfBoth(s, i, each => [Effect.When(IsMapped(each) & allowed(each.Index), change(each.Index))])])
                : If(isHere, [s.Walkers.Decrease(), .. change(i)]),
            Else(s.Walkers.Decrease()));
        b.Join(done);
        b.At(done);
        b.Do("rmap_walk_anon", "drops the anon_vma lock", s.AnonVma.ReadUnlock);

        // A round's migration entry can be for a page that came later.
        Term IsMapped(EntryState each) =>
            each.Pte.Is(holds) & (w.Protocol.IsByRounds && holds == Holds.Migration ? each.Saved.Is(Holds.None) : Term.True);

        IEnumerable<Effect> Missed(EntryState each) =>
            [Effect.Check(!IsMapped(each), Safety.RmapFindsEveryMapping),
                Effect.Check(!IsMapped(each) | each.IsCopied, Safety.RmapFindsWhatStays)];
    }
}
