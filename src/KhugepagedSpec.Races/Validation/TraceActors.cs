using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// What traces have and a search does not: operations on several entries, outside of the window, by way of a page that came later, and
/// whatever changes tables in ways that no probe tells apart.
/// </summary>
internal static class TraceActors
{
    /// <summary>Writes a part's program; it begins at its first step, or where the model's picks the entry.</summary>
    public static void Write(ActorWriter w, Part part)
    {
        switch (part.Kind)
        {
            case PartKind.Fault:
                UserActors.Fault(w);
                break;
            case PartKind.Fork:
                UserActors.Fork(w);
                break;
            case PartKind.GupWrite:
                HardwareActors.GupFast(w);
                break;
            case PartKind.GupRead:
                HardwareActors.GupRead(w);
                break;
            case PartKind.DontNeed:
                DontNeed(w, part);
                break;
            case PartKind.Touch:
                w.UnderLock(part.Entry, ofVma: true, () => Touch(w, part));
                break;
            case PartKind.MadvFree:
                w.UnderLock(part.Entry, ofVma: true, () => MadvFree(w, part));
                break;
            case PartKind.Userfaultfd:
                w.UnderLock(part.Entry, ofVma: true, () => Userfaultfd(w, part));
                break;
            case PartKind.Exclusive:
                Exclusive(w, part);
                break;
            case PartKind.Rmap:
                Rmap(w, part);
                break;
            case PartKind.Split:
                Split(w);
                break;
            case PartKind.Child:
                Child(w, part.Entries);
                break;
            default:
                w.UnderLock(part.Entry, ofVma: true, () => w.B.Do("user space", "looks"));
                break;
        }
        w.B.At(w.End);
    }

    // What a mapping was of loses it, and the reference that came with it.
    private static Effect[] Drop(EntryState entry) =>
        [Effect.When(entry.Pte.Is(Holds.Source), entry.DropMapping), .. Faults.Unmap(entry)];

    private static IEnumerable<EntryState> Of(SharedState s, int entries) => s.Entries.Where(entry => (entries >> entry.Index & 1) != 0);

    private static void DontNeed(ActorWriter w, Part part)
    {
        IEnumerable<int> zaps = part.IsWhole ? [part.Entries] : part.EachZap;
        w.UnderLock(part.Entry, ofVma: true, () =>
        {
            foreach (int entries in zaps)
                UserActors.ZapPmdRange(w, [.. Of(w.S, entries).Select(entry => entry.Index)], part.IsWhole);
        }, wholeRange: part.IsWhole);
        w.B.At(w.End);
        w.B.Do(
            "tlb_remove_table", "frees the table it took, if any",
            Effect.When(w.Slot.FreesTable.IsNot(Taken.No), w.Slot.FreesTable.Set(Taken.No)));
    }

    // Source: Linux 7.2, mm/memory.c, do_anonymous_page().
    private static void Touch(ActorWriter w, Part part)
    {
        var (b, s) = (w.B, w.S);
        Location again = new(), noTable = new(), table = new(), done = new();
        b.Join(again);
        b.At(again);
        b.Do("handle_pte_fault", "reads the PMD entry and the entries", Term.True, Goto(noTable, s.Pmd.Is(PmdHolds.None)),
            Goto(table, s.Pmd.Is(PmdHolds.Table)), Goto(done, Term.True));
        b.At(noTable);
        b.As(Mark.Hidden).Any("__pte_alloc", "fills the PMD entry if it is still empty",
            Goto(again, s.PmdLock.IsFree & s.Pmd.Is(PmdHolds.None), w.FillPmd) with { Meaning = new Means(Mark.Fill) },
            Goto(done, part.IsHuge ? s.PmdLock.IsFree & s.Pmd.Is(PmdHolds.None) : Term.False, s.Pmd.Set(PmdHolds.Huge)) with
            { Says = "maps a huge page", Meaning = new Means(Mark.Map) },
            Goto(again, s.Pmd.IsNot(PmdHolds.None)));
        b.At(table);
        string says = part.IsZero ? "maps the zero page" : "maps a fresh page or folio";
        Effect Map(EntryState entry, int order) => Effect.When(part.IsZero ? entry.Pte.Is(Holds.None) : entry.IsNoneOrZero,
            [.. part.IsZero ? [entry.Pte.Set(Holds.Zero)] : Faults.MapFresh(entry, Contents.Zero), entry.Order.Set(order)]);
        Way Maps(int entries) => Goto(done, s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table),
            [.. Of(s, entries).Select(entry => Map(entry, !part.IsZero && int.PopCount(entries) > 1 ? 1 : 0))]) with
        { Says = says };
        Way gives = Goto(done, s.PteLock.IsFree) with { Says = "gives up", Meaning = new Means(Mark.Hidden) },
            fills = Goto(again, s.PmdLock.IsFree & s.Pmd.Is(PmdHolds.None), w.FillPmd) with
            { Says = "finds the table gone, fills the PMD entry", Meaning = new Means(Mark.Fill) };
        int[] sets = [.. new[] { part.Entries, part.Entries | part.Perhaps, part.Entries | part.More }.Distinct()];
        b.As(Mark.Map).Any("do_anonymous_page", says, [.. sets.Select(Maps), gives, fills]);
        b.At(done);
    }

    // Source: Linux 7.2, mm/madvise.c, madvise_free_pte_range().
    private static void MadvFree(ActorWriter w, Part part)
    {
        var (b, s) = (w.B, w.S);
        var done = new Location();
        b.Any("madvise_free_pte_range", "makes pages lazily freeable, those that it can",
            Goto(done, s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table), [.. Of(s, part.Entries).Select(entry =>
                Effect.When(entry.IsPresentPage, entry.LazyFree.Set(1), entry.Dirty.Set(0), entry.Young.Set(0)))]),
            Goto(done, Term.True) with { Says = "leaves them alone" });
        b.At(done);
    }

    // Source: Linux 7.2, mm/userfaultfd.c, move_pages_pte(), mfill_atomic_install_pte(); mm/mprotect.c, change_pte_range().
    private static void Userfaultfd(ActorWriter w, Part part)
    {
        var (b, s) = (w.B, w.S);
        Location again = new(), done = new();
        b.Join(again);
        b.At(again);
        Way Each(string says, Func<EntryState, IEnumerable<Effect>> does) => Goto(done,
            s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table), [.. Of(s, part.Entries).SelectMany(does)]) with
        { Says = says };
        b.Any("userfaultfd", "changes entries",
            Each("moves the pages away", Drop),
            Each("maps pages", entry => [Effect.When(entry.IsNoneOrZero, [.. Faults.MapFresh(entry, Contents.Zero)])]),
            Each("write-protects", entry => [entry.UffdWp.Set(1), entry.Writable.Set(0)]),
            Each("ends write protection", entry => [entry.UffdWp.Set(0)]),
            Goto(again, s.PmdLock.IsFree & s.Pmd.Is(PmdHolds.None), w.FillPmd) with
            { Says = "fills the PMD entry", Meaning = new Means(Mark.Fill) },
            Goto(done, Term.True) with { Says = "changes nothing" });
        b.At(done);
    }

    // Nobody is in the range meanwhile but by a page, so that its order within does not matter.
    private static void Exclusive(ActorWriter w, Part part)
    {
        var (b, s) = (w.B, w.S);
        Location done = new(), starts = new(), unlock = new();
        b.As(Mark.LockMmap).Do("mmap_write_lock", "takes the mmap lock for writing", s.Mmap.Write);
        b.As(Mark.Hidden).Any("vma_start_write", "starts to write the VMA, or leaves it alone",
            Goto(starts, s.VmaLock.Writer.Is(0), [.. s.VmaLock.KeepReadersOut.Effects]),
            Goto(unlock, Term.True) with { Says = "leaves the VMA alone" });
        b.At(starts);
        b.As(Mark.Hidden).Do("vma_start_write", "waits for those that are under way", s.VmaLock.Readers.Is(0), Else());
        Effect[] empties = [.. s.Entries.SelectMany(Drop)];
        Way Moves(string says, Term when, params Effect[] does) =>
            Goto(done, when & s.PmdLock.IsFree & s.PteLock.IsFree, does) with { Says = says, Meaning = new Means(Mark.Move) };
        b.Any("unmap_vmas", "has the range for itself",
            Goto(done, Term.True) with { Says = "changes no table", Meaning = new Means(Mark.Hidden) },
            Goto(done, s.PmdLock.IsFree & s.PteLock.IsFree & s.Pmd.IsNot(PmdHolds.None), [.. empties, s.Pmd.Set(PmdHolds.None)]) with
            { Says = "unmaps the range, frees the table", Meaning = new Means(Mark.Out) },
            Moves("moves every entry away", s.Pmd.Is(PmdHolds.Table), empties),
            Moves("moves entries here", s.Pmd.Is(PmdHolds.Table),
                [.. s.Entries.SelectMany(entry => new[] { entry.Pte.Set(Holds.Fresh), entry.FreshReferences.Set(0) })]),
            Moves("moves the table away", s.Pmd.IsNot(PmdHolds.None), [.. empties, s.Pmd.Set(PmdHolds.None)]),
            Moves("moves a table here", s.Pmd.Is(PmdHolds.None), s.Pmd.Set(PmdHolds.Table)),
            Moves("collapses the range", part.IsHuge ? s.Pmd.Is(PmdHolds.Table) : Term.False, [.. empties, s.Pmd.Set(PmdHolds.Huge)]));
        b.At(done);
        b.As(Mark.Unlock).Do("mmap_write_unlock", "drops the mmap lock, and with it the VMA's", s.VmaLock.WriteUnlock + s.Mmap.WriteUnlock);
        b.Join(w.End);
        b.At(unlock);
        b.As(Mark.Unlock).Do("mmap_write_unlock", "drops the mmap lock", s.Mmap.WriteUnlock);
        b.Join(w.End);
    }

    // Source: Linux 7.2, mm/rmap.c, try_to_migrate_one(), with TTU_SPLIT_HUGE_PMD.
    private static void Split(ActorWriter w)
    {
        var (b, s) = (w.B, w.S);
        Location under = new(), split = new();
        b.As(Mark.Hidden).Any("rmap_walk_anon", "takes the anon_vma lock for reading, or leaves the huge page alone",
            Goto(under, s.AnonVma.Writer.Is(0), s.AnonVma.Readers.Increase()), Goto(w.End, Term.True));
        b.At(under);
        w.SplitPmd(split);
        b.At(split);
        b.As(Mark.Hidden).Do("rmap_walk_anon", "drops the anon_vma lock", s.AnonVma.Readers.Decrease());
        b.Join(w.End);
    }

    // By the page: off its list, locked, unmapped under the anon_vma lock, perhaps mapped again, let go. All of it but the entries may be
    // otherwise. Source: Linux 7.2, mm/rmap.c, try_to_unmap_one(), try_to_migrate_one(); mm/migrate.c, remove_migration_pte().
    private static void Rmap(ActorWriter w, Part part)
    {
        int i = part.Entry;
        var (b, s, entry) = (w.B, w.S, w.S[i]);
        Location trylock = new(), loop = new(), walk = new(), walked = new(), unlock = new(), putBack = new();
        b.As(Mark.Hidden).Any("folio_isolate_lru", $"takes entry {i}'s page off its list",
            Goto(trylock, entry.OnLru & entry.References.IsNot(0), entry.OnLru.Set(0), entry.References.Increase()),
            Goto(walk, Term.True) with { Says = "comes by a page that it has already, or leaves it" });
        b.At(trylock);
        b.Any("folio_trylock", $"locks entry {i}'s page", Goto(loop, !entry.Locked, entry.Locked.Set(1)), Goto(putBack, Term.True));
        foreach (var (here, isListed) in new[] { (loop, true), (walk, false) })
        {
            Location back = new(), under = new();
            b.At(here);
            b.Any("rmap_walk_anon", "takes the anon_vma lock for reading, or is done",
                Goto(under, s.AnonVma.Writer.Is(0), s.AnonVma.Readers.Increase()) with { Meaning = new Means(Mark.RmapLock) },
                Goto(isListed ? unlock : w.End, Term.True) with { Says = "is done" });
            b.At(under);
            var isTable = s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table);
            Way To(string says, Mark mark, Term when, IEnumerable<Effect> does) =>
                Goto(back, isTable & when, [.. does]) with { Says = says, Meaning = new Means(mark, i) };
            b.Any("page_vma_mapped_walk", $"changes entry {i}, or not",
                To("swaps it out", Mark.Unmap, entry.IsPresentPage, [.. Drop(entry), entry.Pte.Set(Holds.Swap)]),
                To("poisons it", Mark.Unmap, part.Poisons ? entry.IsPresentPage : Term.False,
                    [.. Drop(entry), entry.Pte.Set(Holds.HwPoison)]),
                To("puts a migration entry", Mark.Unmap, entry.IsPresentPage, [.. Drop(entry), entry.Pte.Set(Holds.Migration)]),
                To("maps the new page", Mark.Remap, entry.Pte.Is(Holds.Migration), Faults.MapFresh(entry, Contents.Old)),
                To("maps the zero page", Mark.Remap, entry.Pte.Is(Holds.Migration), [entry.Pte.Set(Holds.Zero)]),
                Goto(back, Term.True) with { Says = "changes nothing" });
            b.At(back);
            b.Do("rmap_walk_anon", "drops the anon_vma lock", Term.True, Goto(here, Term.True, s.AnonVma.Readers.Decrease()));
        }
        b.At(unlock);
        b.Do("folio_unlock", $"unlocks entry {i}'s page", entry.Locked.Set(0));
        b.Join(putBack);
        b.At(putBack);
        b.Do("folio_putback_lru", $"puts entry {i}'s page back", entry.References.Decrease(),
            Effect.When(entry.References.IsNot(0), entry.OnLru.Set(1)));
        b.Join(w.End);
    }

    // A mapping goes before its reference. Source: Linux 7.2, mm/memory.c, zap_pte_range().
    private static void Child(ActorWriter w, int entries)
    {
        var (b, s) = (w.B, w.S);
        Location loop = new();
        b.Join(loop);
        b.At(loop);
        Location[] drops = [.. Of(s, entries).Select(_ => new Location())];
        b.As(Mark.Unmap).Any("zap_pte_range", "a child unmaps a page",
            [.. Of(s, entries).Select((entry, at) => Goto(drops[at], entry.Child, entry.Child.Set(0), entry.Mappings.Decrease()))]);
        foreach (var (entry, at) in Of(s, entries).Select((entry, at) => (entry, at)))
        {
            b.At(drops[at]);
            b.Do("folio_put", $"drops its reference to entry {entry.Index}'s page", Term.True, Goto(loop, Term.True,
                [.. entry.DropReference]));
        }
    }
}
