using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What the paths of user space do to an entry.</summary>
internal static class Faults
{
    /// <summary>Maps the page that was there first, or is in the swap cache; to be written only if it is this process's alone.</summary>
    public static IEnumerable<Effect> MapSource(EntryState entry) =>
        [entry.Pte.Set(Holds.Source), entry.Mappings.Increase(), entry.References.Increase(),
            entry.Writable.Set(entry.Exclusive & !entry.UffdWp & entry.MayBeWritten)];

    /// <summary>Maps a fresh page with some contents; write protection by userfaultfd stays.</summary>
    public static IEnumerable<Effect> MapFresh(EntryState entry, Term contents) =>
    [
        entry.LeaveBatch, entry.Pte.Set(Holds.Fresh), entry.Fresh.Set(contents), entry.FreshReferences.Set(0), entry.Order.Set(0),
            entry.Writable.Set(!entry.UffdWp & entry.MayBeWritten),
        entry.Young.Set(1), entry.Dirty.Set(1), entry.LazyFree.Set(0),
    ];

    /// <summary>
    /// Gives an entry up at its owner's wish: what is pinned there is no longer its page, and it will read as zero. The page loses its
    /// mapping now, its reference with the flush. Source: Linux 7.2, <c>mm/memory.c:zap_pte_range</c>.
    /// </summary>
    public static Effect Zap(SharedState s, Slot slot, int i)
    {
        var entry = s[i];
        return Effect.When(
            entry.Pte.IsNot(Holds.None),
            [
                Effect.When(entry.Pte.Is(Holds.Source), entry.Mappings.Decrease(), slot.Gathered[i].Set(1)),
                entry.LeaveBatch, .. Unmap(entry), entry.FreshReferences.Set(0), entry.IsLost.Set(0), .. GiveUp(s, i),
            ]);
    }

    /// <summary>Gives up a page of a huge page that is mapped by the PMD entry.</summary>
    public static IEnumerable<Effect> Discard(SharedState s, int i) =>
        [s[i].FreshReferences.Set(0), s[i].Order.Set(0), s[i].Young.Set(0), s[i].Dirty.Set(0), s[i].Writable.Set(0), .. GiveUp(s, i)];

    /// <summary>
    /// What goes with giving an entry up, however it is mapped: it reads as zero, pins and secondary mappings are no longer its page's.
    /// What mremap took elsewhere is not there to be given up.
    /// </summary>
    public static IEnumerable<Effect> GiveUp(SharedState s, int i) =>
    [
        Effect.When(
            s.IsMoved.Is(0),
            [
                s[i].Expected.Set(Contents.Zero), s[i].IsGivenUp.Set(1),
                .. s.Processes.Select(process => Effect.When(process.At.Is(i), process.PinIsOwn.Set(0))), .. s.Invalidate(i),
            ]),
    ];

    /// <summary>Clears an entry.</summary>
    public static IEnumerable<Effect> Unmap(EntryState entry) =>
    [
        entry.Pte.Set(Holds.None), entry.Young.Set(0), entry.Dirty.Set(0), entry.Writable.Set(0), entry.UffdWp.Set(0), entry.Order.Set(0),
            entry.LazyFree.Set(0),
    ];

    /// <summary>TLBs forget an entry that was given up, and its page loses the reference.</summary>
    public static IEnumerable<Effect> FlushGivenUp(SharedState s, Slot slot, int i) =>
        [.. s.FlushTlbs(i), s[i].IsGivenUp.Set(0), Effect.When(slot.Gathered[i], [slot.Gathered[i].Set(0), .. s[i].DropReference])];
}
