using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>Writes the program of a process that user space, reclaim or hardware runs beside khugepaged.</summary>
internal sealed class ActorWriter
{
    private bool _isUnderMmapLock;

    public ActorWriter(SharedState s, Slot slot, string name, CollapseProtocol protocol)
    {
        (S, Slot, Protocol) = (s, slot, protocol);
        B = new ProgramBuilder(name, slot.Counter, MeaningExtensions.MustMean);
    }

    public SharedState S { get; }

    public Slot Slot { get; }

    /// <summary>What is otherwise than in Linux 7.2, the neighbours' part included.</summary>
    public CollapseProtocol Protocol { get; }

    public ProgramBuilder B { get; }

    public Location End { get; } = new();

    /// <summary>Picks any entry, then goes on as <paramref name="write"/> says, which ends at <see cref="End"/>.</summary>
    public void OnAnyEntry(Action<int> write)
    {
        var starts = Enumerable.Range(0, S.Shape.Pages).Select(_ => new Location()).ToArray();
        B.Any("user space", "picks an entry",
            [.. starts.Select((start, i) => Goto(start, Term.True, Slot.At.Set(i)) with
                { Says = $"picks entry {i}", Meaning = new Means(Mark.Picks, i) })]);
        for (int i = 0; i < starts.Length; i++)
        {
            B.At(starts[i]);
            write(i);
        }
    }

    /// <summary>The step that frees the table that was taken out, if one was: after a grace period, or at once if the protocol
    /// does.</summary>
    /// <param name="does">What it does, in words.</param>
    public void FreeTable(string does) => B.Do(
        "tlb_remove_table", does,
        Protocol.FreesTablesByRcu ? Slot.FreesTable.Is(Taken.No) | (S.Walkers.Is(0) & S.Lockless.Is(0)) : Term.True,
        Else(Effect.When(
            Slot.FreesTable.IsNot(Taken.No), Effect.Check(S.NobodyInTableOf(Slot), Safety.NoFreedTableUsed),
            Slot.FreesTable.Set(Taken.No))));

    /// <summary>
    /// Takes the VMA's lock for reading, or the mmap lock if a writer has the VMA or waits for it, or by chance; goes to <see cref="End"/>
    /// if there is no VMA.
    /// </summary>
    /// <param name="i">The entry.</param>
    /// <param name="ofVma">Tries the VMA's lock first.</param>
    /// <param name="body">What to do under the lock; it falls through.</param>
    /// <param name="wholeRange">It is about the whole range, so that one VMA must cover it for its lock to do.</param>
    public void UnderLock(int i, bool ofVma, Action body, bool wholeRange = false)
    {
        var isThere = S.Vma.IsNot(VmaIs.Gone) & S.Vma.IsNot(VmaIs.File);
        var underMmap = new Location();
        var inNeighbour = S.IsInSecondHalf(i) ? (Term)S.IsSplit : Term.False;
        if (ofVma)
        {
            var locked = new Location();
            var own = isThere & !inNeighbour & S.VmaLock.Writer.Is(0) & (wholeRange ? S.IsSplit.Is(0) : Term.True);
            B.As(Mark.Hidden).Any(
                "lock_vma_under_rcu", "takes the VMA's lock for reading",
                Goto(locked, own, S.VmaLock.TryRead) with { Meaning = new Means(Mark.LockVma) },
                Goto(locked, isThere & inNeighbour & S.NeighbourLock.Writer.Is(0), S.NeighbourLock.Readers.Increase(),
                    Slot.InNeighbour.Set(1), new Effect.LockUse("vma lock", true, true)) with
                { Meaning = new Means(Mark.LockVma) },
                Goto(underMmap, isThere) with { Says = "does not get the VMA's lock" },
                Goto(End, !isThere) with { Says = "finds no VMA" });
            B.At(locked);
            _isUnderMmapLock = false;
            body();
            B.As(Mark.Unlock).Do(
                "vma_end_read", "drops the VMA's lock",
                Effect.When(Slot.InNeighbour, [S.NeighbourLock.Readers.Decrease(), Slot.InNeighbour.Set(0)],
                    [S.VmaLock.Readers.Decrease()]), new Effect.LockUse("vma lock", false, false));
            B.Join(End);
            B.At(underMmap);
        }
        B.As(Mark.LockMmap).Do("mmap_read_lock", "takes the mmap lock for reading", S.Mmap.Read);
        var release = new Location();
        B.Do("find_vma", "looks the VMA up", Term.True, Goto(release, !isThere), Else());
        _isUnderMmapLock = true;
        body();
        B.Join(release);
        B.At(release);
        B.As(Mark.Unlock).Do("mmap_read_unlock", "drops the mmap lock", S.Mmap.ReadUnlock);
        B.Join(End);
    }

    /// <summary>Takes the mmap lock and the VMAs' own for writing, does something, drops them.</summary>
    public void UnderWriteLock(Action body)
    {
        B.As(Mark.LockMmap).Do("mmap_write_lock", "takes the mmap lock for writing", S.Mmap.Write);
        StartVmaWrite();
        body();
        B.As(Mark.Unlock).Do("mmap_write_unlock", "drops the mmap lock, and with it the VMAs'", EndVmaWrite + S.Mmap.WriteUnlock);
    }

    /// <summary>Waits for every VMA of the range.</summary>
    public void StartVmaWrite()
    {
        B.As(Mark.Hidden).Do(
            "vma_start_write", "keeps new faults under the VMAs' locks out", S.VmaLock.KeepReadersOut + S.NeighbourLock.KeepReadersOut);
        B.As(Mark.Hidden).Do(
            "vma_start_write", "waits for those that are under way", S.VmaLock.Readers.Is(0) & S.NeighbourLock.Readers.Is(0), Else());
    }

    /// <summary>What comes with dropping the mmap lock.</summary>
    public Act EndVmaWrite => S.VmaLock.WriteUnlock + S.NeighbourLock.WriteUnlock;

    /// <summary>The table that the process allocates where the PMD entry is empty; if collapse has taken one out, it is another.</summary>
    public Effect FillPmd => S.Pmd.Set(Term.Choose(S.IsDetached | S.IsMoved, PmdHolds.OtherTable, PmdHolds.Table));

    /// <summary>The mapping by the PMD entry becomes one by PTEs, and a migration of it is over at once; goes to <paramref name="next"/>,
    /// whatever the entry holds by then.</summary>
    public void SplitPmd(Location next) => B.Do(
        "__split_huge_pmd", "maps the huge page by PTEs", S.PmdLock.IsFree & S.PteLock.IsFree,
        Goto(next, S.IsHuge, [.. S.SplitPmd()]), Goto(next, Term.True));

    /// <summary>handle_mm_fault on an entry, under whichever lock is held; falls through.</summary>
    /// <param name="i">The entry.</param>
    public void HandleFault(int i)
    {
        var entry = S[i];
        Location again = new(), done = new(), noTable = new(), anonymous = new(), swap = new(), migrating = new(), shared = new(),
            huge = new(), hugeMigrating = new();
        B.Join(again);
        B.At(again);
        var inNeighbour = S.IsInSecondHalf(i) ? (Term)S.IsSplit : Term.False;
        B.Do(
            "handle_pte_fault", $"reads the PMD entry and entry {i}", Term.True,
            Goto(done, S.IsReadOnly) with { Says = "finds that the VMA may only be read" },
            Goto(noTable, S.Pmd.Is(PmdHolds.None), Effect.Check(!inNeighbour | S.IsDetached.Is(0), Safety.NobodyOutsideAffected)),
            Goto(hugeMigrating, S.Pmd.Is(PmdHolds.Migration)),
            Goto(huge, S.Pmd.Is(PmdHolds.Huge) & entry.Writable.Is(0) & entry.UffdWp.Is(0)),
            Goto(done, S.Pmd.IsNot(PmdHolds.Table)),
            Goto(anonymous, entry.IsNoneOrZero & S.IsArmed.Is(0)),
            Goto(swap, entry.Pte.Is(Holds.Swap)),
            Goto(migrating, entry.Pte.Is(Holds.Migration)),
            Goto(shared, entry.IsPresentPage & entry.Writable.Is(0) & entry.UffdWp.Is(0)),
            Goto(done, Term.True));

        // The anon_vma is made under the mmap lock; who holds only the VMA's tries for it, and else gives up for now.
        var canPrepare = _isUnderMmapLock ? Term.True : S.HasAnonVma | S.Mmap.Writer.Is(0);
        B.At(noTable);
        B.As(Mark.Hidden).Any(
            "__pte_alloc", "fills the PMD entry if it is still empty",
            Goto(again, S.PmdLock.IsFree & S.Pmd.Is(PmdHolds.None), FillPmd) with { Meaning = new Means(Mark.Fill) },
            Goto(
                done, S.PmdLock.IsFree & S.Pmd.Is(PmdHolds.None) & S.IsDetached.Is(0) & S.IsMoved.Is(0) & S.Vma.Is(
                    VmaIs.Anonymous) & canPrepare,
                [S.Pmd.Set(PmdHolds.Huge), S.HasAnonVma.Set(1),
                    .. S.Entries.SelectMany(each => new[] { each.New.Set(Contents.Zero), each.Writable.Set(1), each.Order.Set(2) })]) with
            { Says = "maps a huge page", Meaning = new Means(Mark.NotSeen) },
            Goto(again, S.Pmd.IsNot(PmdHolds.None)));

        B.At(huge);
        B.Do("do_huge_pmd_wp_page", "makes the huge page writable again", S.PmdLock.IsFree,
            Goto(done, S.Pmd.Is(PmdHolds.Huge), entry.Writable.Set(1)), Goto(again, Term.True));
        B.At(hugeMigrating);
        B.Do("pmd_migration_entry_wait", "waits until the huge page has been migrated", S.Pmd.IsNot(PmdHolds.Migration),
            Goto(again, Term.True));

        B.At(anonymous);
        var small = S.Shape.Windows.First(window => !window.IsPmd && window.Entries.Contains(i));
        var hole = S.Pmd.Is(PmdHolds.Table) & entry.IsNoneOrZero & S.IsArmed.Is(0);
        var roomForLarge = S.Pmd.Is(PmdHolds.Table) & S.IsArmed.Is(0) & Term.All(small.Entries.Select(each => S[each].Pte.Is(Holds.None)));
        var ready = S.PteLock.IsFree & canPrepare;
        B.As(Mark.Map, i).Any(
            "do_anonymous_page", $"maps a fresh page at entry {i}, or a larger folio around it, if it is still empty",
            Goto(done, ready & hole, [.. Faults.MapFresh(entry, Contents.Zero), S.HasAnonVma.Set(1)]),
            Goto(
                done, ready & roomForLarge & S.SmallEnabled,
                [.. small.Entries.SelectMany(each => Faults.MapFresh(S[each], Contents.Zero).Append(S[each].Order.Set(1))),
                    S.HasAnonVma.Set(1)]),
            Goto(again, S.PmdLock.IsFree & S.Pmd.Is(PmdHolds.None), FillPmd) with
            { Says = "finds the table gone, fills the PMD entry", Meaning = new Means(Mark.Fill) },
            Goto(done, S.PteLock.IsFree
                & (!(canPrepare & hole) | (_isUnderMmapLock ? Term.False : S.HasAnonVma.Is(0) & S.BusyByChance))) with
            { Meaning = new Means(Mark.Hidden) });

        B.At(swap);
        B.As(Mark.Map).Do(
            "do_swap_page", $"brings entry {i} back if it is still swapped out", S.PteLock.IsFree & !(entry.InSwapCache & entry.Locked),
            Goto(done, S.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Swap) & entry.InSwapCache,
                [.. Faults.MapSource(entry), entry.Young.Set(1)]),
            Goto(done, S.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Swap), [.. Faults.MapFresh(entry, entry.Slot)]),
            Goto(done, Term.True) with { Meaning = new Means(Mark.Hidden) });

        B.At(migrating);
        var isUnlocked = entry.Locked.Is(0) & (Protocol.IsByRounds ? entry.Saved.Is(Holds.None) : Term.True);
        B.Do("migration_entry_wait", $"waits until entry {i}'s folio is unlocked",
            isUnlocked | S.Pmd.IsNot(PmdHolds.Table) | entry.Pte.IsNot(Holds.Migration), Goto(again, Term.True));

        // Exclusive, or its last reference: reused; else copied.
        B.At(shared);
        var isSource = S.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.Writable.Is(0) & entry.UffdWp.Is(0);
        var isLast = !entry.IsInFolio & entry.Locked.Is(0) & entry.InBatch.Is(0) & ((Term)entry.References).Is((Term)1 + entry.InSwapCache);
        B.As(Mark.Hidden).Do(
            "do_wp_page", $"makes entry {i} writable, with a copy unless the page is this process's alone", S.PteLock.IsFree,
            Goto(done, isSource & entry.Exclusive, entry.Writable.Set(1)),
            Goto(
                done, isSource & isLast,
                entry.Writable.Set(1), entry.Exclusive.Set(1),
                    Effect.When(entry.InSwapCache, entry.InSwapCache.Set(0), entry.References.Decrease())),
            Goto(done, isSource, [.. entry.DropMapping, .. Faults.MapFresh(entry, entry.Source), .. S.Flush(i)]) with
            { Meaning = new Means(Mark.Map, i) },
            Goto(done, S.Pmd.Is(PmdHolds.Table) & entry.IsPresentPage & entry.Pte.IsNot(Holds.Source) & entry.UffdWp.Is(0),
                entry.Writable.Set(1)),
            Goto(done, Term.True));
        B.At(done);
    }
}
