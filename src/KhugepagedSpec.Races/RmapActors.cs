using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>A VMA that comes to an anon_vma late, and a folio that is split. Source: Linux 7.2, the functions named at each step.</summary>
internal static class RmapActors
{
    /// <summary>
    /// A first write gives the VMA an anon_vma, its neighbour's; then somebody looks for a page of the neighbour's child, and comes by
    /// here.
    /// </summary>
    public static void AnonVma(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        Location walk = new(), done = new();
        var end = w.End;
        b.Do("user space", "touches entry 0", w.Slot.At.Set(0));
        w.UnderLock(0, ofVma: true, () => w.HandleFault(0));
        b.At(end);
        b.Do("rmap_walk_anon", "takes the anon_vma lock for reading", s.AnonVma.Read);
        b.Do(
            "page_vma_mapped_walk", "looks for a page of the neighbour's child from the PMD entry down", Term.True,
            Goto(done, s.HasAnonVma.Is(0) | s.Pmd.IsNot(PmdHolds.Table)), Else(s.Walkers.Increase()));
        b.Do("page_vma_mapped_walk", "finds another page at entry 0", s.PteLock.IsFree, Else(s.Walkers.Decrease()));
        b.Join(done);
        b.At(done);
        b.Do("rmap_walk_anon", "drops the anon_vma lock", s.AnonVma.ReadUnlock);
    }

    /// <summary>
    /// A folio of two pages is split: locked, with the anon_vma lock held for writing, unmapped as if it were to migrate, frozen, made two,
    /// and mapped again. Source: <c>mm/huge_memory.c:__folio_split</c>.
    /// </summary>
    public static void Split(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        if (!s.HasFolios)
        {
            b.Do("deferred_split_scan", "finds no large folio");
            b.Join(w.End);
            b.At(w.End);
            return;
        }
        w.OnAnyEntry(i => Split(w, i));
        b.At(w.End);
    }

    private static void Split(ActorWriter w, int i)
    {
        var (b, s, entry, other) = (w.B, w.S, w.S[i], w.S.Partner(i));
        var (head, tail) = i % 2 == 0 ? (entry, other) : (other, entry);
        EntryState[] both = [entry, other];
        Location locked = new(), put = new(), drop = new(), remap = new(), unlock = new();
        b.Do(
            "deferred_split_scan", $"takes a reference to the folio of entry {i}, if it has two pages", Term.True,
            Goto(w.End, !entry.IsInFolio | entry.References.Is(0)), Else(entry.References.Increase(), w.Slot.Pin.Set(Holds.Source)));
        b.Any(
            "folio_trylock", $"locks entry {i}'s folio",
            Goto(locked, !entry.Locked & entry.IsInFolio, entry.Locked.Set(1), ReclaimActors.FolioLock(true, true)),
            Goto(put, entry.Locked | !entry.IsInFolio | s.BusyByChance));
        b.At(locked);
        b.Do("__folio_split", "takes the anon_vma lock", s.AnonVma.Write);
        var isOnlyHere = !entry.Child & !other.Child;
        b.Do(
            "folio_expected_ref_count", "looks whether anybody else has the folio", Term.True,
            Goto(drop, !isOnlyHere | !((Term)entry.References).Is((Term)entry.Mappings + entry.SwapCacheReferences + 1)), Else());
        Walk("try_to_migrate_one", "puts migration entries where it is mapped, flushes TLBs", Holds.Source, each =>
            [Effect.When(ReclaimActors.MayUnmap(w)(each.Index),
                [each.Pte.Set(Holds.Migration), .. each.DropMapping, .. s.Flush(each.Index)])]);
        b.Do(
            "__folio_freeze_and_split_unmapped", "freezes its references, makes two folios of it, both locked", Term.True,
            Goto(remap, entry.Mappings.IsNot(0) | !((Term)entry.References).Is(entry.SwapCacheReferences + 1)) with
            { Says = "finds that somebody has taken a reference" },
            Else([
                tail.Locked.Own.Set(1), tail.OnLru.Own.Set(head.OnLru.Own), tail.InBatch.Own.Set(0), tail.Mappings.Own.Set(0),
                tail.InSwapCache.Own.Set(head.InSwapCache.Own), head.References.Own.Set((Term)1 + head.InSwapCache.Own),
                    tail.References.Own.Set((Term)1 + head.InSwapCache.Own),
                entry.InFolio!.Set(0), .. both.Select(each => each.Order.Set(0)),
            ]));
        b.Join(remap);
        b.At(remap);
        Walk("remove_migration_pte", "maps what is there again", Holds.Migration, Faults.MapSource);
        b.Do(
            "__folio_split", "unlocks the other page and lets it go, if there are two folios now",
            [
                .. both.SelectMany(ReclaimActors.NoMigrationEntry),
                Effect.When(!entry.IsInFolio, [other.Locked.Set(0), .. other.DropReference]),
            ]);
        b.Join(drop);
        b.At(drop);
        b.Do("__folio_split", "drops the anon_vma lock", s.AnonVma.WriteUnlock);
        b.Do("folio_unlock", $"unlocks entry {i}'s folio", entry.Locked.Set(0), ReclaimActors.FolioLock(false, false));
        b.Join(put);
        b.At(put);
        b.Do("folio_put", $"lets entry {i}'s folio go", [w.Slot.Pin.Set(Holds.None), .. entry.DropReference]);
        b.Join(w.End);

        // It holds the anon_vma lock: from the PMD entry down, then under the pte lock.
        void Walk(string function, string says, int holds, Func<EntryState, IEnumerable<Effect>> does)
        {
            Location again = new(), done = new();
            var isTable = s.Pmd.Is(PmdHolds.Table) | s.IsMoved;
            b.Join(again);
            b.At(again);
            b.Do(
                "page_vma_mapped_walk", $"looks for entry {i}'s folio from the PMD entry down", Term.True,
                Goto(done, !s.IsLinked) with { Says = "finds no VMA" },
                Goto(done, !isTable, [.. both.Select(each =>
                    Effect.Check(each.Pte.IsNot(holds) | each.IsCopied, Safety.RmapFindsWhatStays))]) with
                { Says = "finds no table in the PMD entry" },
                Else(s.Walkers.Increase()));
            b.Do(
                function, says, s.PteLock.IsFree,
                Goto(again, !isTable, s.Walkers.Decrease()) with { Says = "finds another PMD entry than before" },
                Else([s.Walkers.Decrease(), .. both.Select(each => Effect.When(each.Pte.Is(holds), [.. does(each)]))]));
            b.Join(done);
            b.At(done);
        }
    }
}
