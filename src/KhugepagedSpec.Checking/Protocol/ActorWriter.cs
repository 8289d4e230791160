using KhugepagedSpec.Checking.Guarded;
using static KhugepagedSpec.Checking.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>Writes the program of a process that user space, reclaim or hardware runs beside khugepaged.</summary>
internal sealed class ActorWriter
{
    public ActorWriter(SharedState s, Slot slot, string name)
    {
        (S, Slot) = (s, slot);
        B = new ProgramBuilder(name, slot.Counter);
    }

    public SharedState S { get; }

    public Slot Slot { get; }

    public ProgramBuilder B { get; }

    public Location End { get; } = new();

    /// <summary>Picks any entry, then goes on as <paramref name="write"/> says, which ends at <see cref="End"/>.</summary>
    public void OnAnyEntry(Action<int> write)
    {
        var starts = Enumerable.Range(0, S.Shape.Pages).Select(_ => new Location()).ToArray();
        B.Any("user space", "picks an entry", [.. starts.Select((start, i) => Goto(start, Term.True, Slot.At.Set(i)) with { Says = $"picks entry {i}" })]);
        for (int i = 0; i < starts.Length; i++)
        {
            B.At(starts[i]);
            write(i);
        }
    }

    /// <summary>Takes the VMA's lock for reading, or the mmap lock if a writer has the VMA; goes to <see cref="End"/> if there is no VMA.</summary>
    /// <param name="i">The entry.</param>
    /// <param name="ofVma">Tries the VMA's lock first.</param>
    /// <param name="body">What to do under the lock; it falls through.</param>
    public void UnderLock(int i, bool ofVma, Action body)
    {
        var underMmap = new Location();
        var inNeighbour = S.IsInSecondHalf(i) ? (Term)S.IsSplit : Term.False;
        if (ofVma)
        {
            B.Do(
                "lock_vma_under_rcu", "takes the VMA's lock for reading", Term.True,
                Goto(End, S.Vma.Is(VmaIs.Gone) | S.Vma.Is(VmaIs.File)),
                Goto(underMmap, Term.Choose(inNeighbour, S.NeighbourLock.Writer, S.VmaLock.Writer)),
                If(inNeighbour, S.NeighbourLock.Readers.Increase(), Slot.InNeighbour.Set(1), new Effect.LockUse("vma lock", true, true)),
                Else(S.VmaLock.Readers.Increase(), new Effect.LockUse("vma lock", true, true)));
            body();
            B.Do(
                "vma_end_read", "drops the VMA's lock",
                Effect.When(Slot.InNeighbour, [S.NeighbourLock.Readers.Decrease(), Slot.InNeighbour.Set(0)], [S.VmaLock.Readers.Decrease()]), new Effect.LockUse("vma lock", false, false));
            B.Join(End);
            B.At(underMmap);
        }
        B.Do("mmap_read_lock", "takes the mmap lock for reading", S.Mmap.Read);
        var release = new Location();
        B.Do("find_vma", "looks the VMA up", Term.True, Goto(release, S.Vma.Is(VmaIs.Gone) | S.Vma.Is(VmaIs.File)), Else());
        body();
        B.Join(release);
        B.At(release);
        B.Do("mmap_read_unlock", "drops the mmap lock", S.Mmap.ReadUnlock);
        B.Join(End);
    }

    /// <summary>Takes the mmap lock and the VMAs' own for writing, does something, drops them.</summary>
    public void UnderWriteLock(Action body)
    {
        B.Do("mmap_write_lock", "takes the mmap lock for writing", S.Mmap.Write);
        StartVmaWrite();
        body();
        B.Do("mmap_write_unlock", "drops the mmap lock, and with it the VMAs'", EndVmaWrite + S.Mmap.WriteUnlock);
    }

    /// <summary>Waits for every VMA of the range.</summary>
    public void StartVmaWrite() =>
        B.Do("vma_start_write", "waits for faults under the VMAs' locks and keeps new ones out", S.VmaLock.Write + S.NeighbourLock.Write);

    /// <summary>What comes with dropping the mmap lock.</summary>
    public Act EndVmaWrite => S.VmaLock.WriteUnlock + S.NeighbourLock.WriteUnlock;

    /// <summary>handle_mm_fault on an entry, under whichever lock is held; falls through.</summary>
    /// <param name="i">The entry.</param>
    /// <param name="again">Where to go to try once more, under the same lock.</param>
    public void HandleFault(int i, Location again)
    {
        var entry = S[i];
        Location done = new(), noTable = new(), anonymous = new(), swap = new(), migrating = new(), shared = new();
        B.At(again);
        var inNeighbour = S.IsInSecondHalf(i) ? (Term)S.IsSplit : Term.False;
        B.Do(
            "handle_pte_fault", $"reads the PMD entry and entry {i}", Term.True,
            Goto(noTable, S.Pmd.Is(PmdHolds.None), Effect.Check(!inNeighbour | S.IsDetached.Is(0), Safety.NobodyOutsideAffected)),
            Goto(done, S.Pmd.IsNot(PmdHolds.Table)),
            Goto(anonymous, (entry.Pte.Is(Holds.None) | entry.Pte.Is(Holds.Zero)) & S.IsArmed.Is(0)),
            Goto(swap, entry.Pte.Is(Holds.Swap)),
            Goto(migrating, entry.Pte.Is(Holds.Migration)),
            Goto(shared, entry.IsPresentPage & entry.Writable.Is(0) & entry.UffdWp.Is(0)),
            Goto(done, Term.True));

        B.At(noTable);
        B.Any(
            "__pte_alloc", "fills the PMD entry if it is still empty",
            Goto(again, S.PmdLock.IsFree & S.Pmd.Is(PmdHolds.None), S.Pmd.Set(Term.Choose(S.IsDetached, PmdHolds.OtherTable, PmdHolds.Table)), S.HasAnonVma.Set(1)),
            Goto(
                done, S.PmdLock.IsFree & S.Pmd.Is(PmdHolds.None) & S.IsDetached.Is(0) & S.Vma.Is(VmaIs.Anonymous),
                [S.Pmd.Set(PmdHolds.Huge), S.HasAnonVma.Set(1), .. S.Entries.SelectMany(each => new[] { each.New.Set(Contents.Zero), each.Writable.Set(1), each.Order.Set(2) })]),
            Goto(again, S.Pmd.IsNot(PmdHolds.None)));

        B.At(anonymous);
        var small = S.Shape.Windows.First(window => !window.IsPmd && window.Entries.Contains(i));
        var hole = S.Pmd.Is(PmdHolds.Table) & entry.IsNoneOrZero & S.IsArmed.Is(0);
        var roomForLarge = S.Pmd.Is(PmdHolds.Table) & S.IsArmed.Is(0) & Term.All(small.Entries.Select(each => S[each].Pte.Is(Holds.None)));
        B.Any(
            "do_anonymous_page", $"maps a fresh page at entry {i}, or a larger folio around it, if it is still empty",
            Goto(done, S.PteLock.IsFree & hole, [.. Faults.MapFresh(entry, Contents.Zero), S.HasAnonVma.Set(1)]),
            Goto(
                done, S.PteLock.IsFree & roomForLarge & S.SmallEnabled,
                [.. small.Entries.SelectMany(each => Faults.MapFresh(S[each], Contents.Zero).Append(S[each].Order.Set(1))), S.HasAnonVma.Set(1)]),
            Goto(done, S.PteLock.IsFree & !hole));

        B.At(swap);
        B.Do(
            "do_swap_page", $"brings entry {i} back if it is still swapped out", S.PteLock.IsFree & !(entry.InSwapCache & entry.Locked),
            Goto(done, S.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Swap) & entry.InSwapCache, [.. Faults.MapSource(entry), entry.Young.Set(1)]),
            Goto(done, S.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Swap), [.. Faults.MapFresh(entry, entry.Slot)]),
            Goto(done, Term.True));

        B.At(migrating);
        B.Do("migration_entry_wait", $"waits until entry {i}'s folio is unlocked", entry.Locked.Is(0), Goto(again, Term.True));

        B.At(shared);
        B.Do(
            "do_wp_page", $"makes entry {i} writable, with a copy if it is shared", S.PteLock.IsFree,
            Goto(
                done, S.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.Source) & entry.Writable.Is(0) & entry.Mappings.IsNot(1),
                [.. entry.DropMapping, .. Faults.MapFresh(entry, entry.Source), .. S.Flush(i)]),
            Goto(done, S.Pmd.Is(PmdHolds.Table) & entry.IsPresentPage & entry.UffdWp.Is(0), entry.Writable.Set(1)),
            Goto(done, Term.True));
        B.At(done);
    }
}
