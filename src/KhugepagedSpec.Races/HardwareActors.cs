using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>A CPU that writes, a lockless pin, a secondary MMU. Source: Linux 7.2, the functions named at each step.</summary>
internal static class HardwareActors
{
    /// <summary>A CPU stores to an address: through its TLB, the table, a table that it remembers from the PMD entry, or a fault.</summary>
    public static void Writer(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            Location walk = new(), fault = new(), store = new();
            b.Join(walk);
            b.At(walk);
            Effect[] marks = [entry.Young.Set(1), entry.Dirty.Set(1), slot.TlbWritable.Set(1)];
            b.Do(
                "CPU", "walks to the PMD entry, remembers the table", Term.True,
                Goto(store, s.Pmd.Is(PmdHolds.Huge) & entry.Writable,
                    [slot.Tlb.Set(Holds.New), .. marks]) with
                { Says = "walks to the huge page, marks it referenced and dirty" },
                If(s.Pmd.Is(PmdHolds.Table), slot.Cached.Set(CachedIs.Table)),
                Goto(fault, Term.True));
            b.Do(
                "CPU", $"walks on to entry {i}, marks it referenced and dirty", Term.True,
                Goto(walk, slot.Cached.Is(CachedIs.Nothing)) with { Says = "has been flushed, walks again" },
                Goto(store, slot.Cached.Is(CachedIs.Table) & entry.IsPresentPage & entry.Writable, [slot.Tlb.Set(entry.Pte), .. marks]),
                Goto(fault, Term.True, slot.Cached.Set(0)));
            b.At(store);
            b.Do(
                "CPU", $"stores to entry {i}'s page through the TLB", Term.True,
                Goto(walk, slot.Tlb.Is(Holds.None)) with { Says = "has been flushed, walks again" },
                Goto(
                    w.End, Term.True,
                    [Effect.Check(slot.Tlb.IsNot(Holds.Source) | entry.References.IsNot(0), Safety.NoFreedPageUsed),
                        .. Store(s, entry, slot.Tlb), Expect(s, entry, slot.Tlb), slot.Cached.Set(0)]));
            b.At(fault);
            Fault(w, i, walk);
        });
        b.At(w.End);
    }

    // As UserActors.Fault, but the process goes on where it came from; nobody can serve a fault that userfaultfd or an error took.
    private static void Fault(ActorWriter w, int i, Location walk)
    {
        var (b, s) = (w.B, w.S);
        var entry = s[i];
        b.As(Mark.LockMmap).Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        var gone = new Location();
        b.Do("find_vma", "looks the VMA up", Term.True, Goto(gone, s.Vma.Is(VmaIs.Gone) | s.Vma.Is(VmaIs.File)), Else());
        w.HandleFault(i);
        var cannotBeServed = s.IsReadOnly | s.Pmd.Is(PmdHolds.Table) & (
            (entry.Pte.Is(Holds.None) & s.IsArmed) | entry.UffdWp | entry.Pte.Is(Holds.HwPoison));
        b.As(Mark.Unlock).Do(
            "mmap_read_unlock", "drops the mmap lock", Term.True, Goto(w.End, cannotBeServed, [.. s.Mmap.ReadUnlock.Effects]),
            Goto(walk, Term.True, [.. s.Mmap.ReadUnlock.Effects]));
        b.At(gone);
        b.As(Mark.Unlock).Do("mmap_read_unlock", "drops the mmap lock", s.Mmap.ReadUnlock);
        b.Join(w.End);
    }

    /// <summary>get_user_pages_fast: interrupts off, look, take a reference, look again. A page pinned to be written is then written by a
    /// device.</summary>
    public static void GupFast(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            Pin(w, i, Wants.WritePin);
            b.Do(
                "device", $"writes to the page pinned at entry {i}",
                [
                    StillMapped(s, slot, entry),
                    // A page whose address was given up is nobody's but the pin's: what it holds matters to none.
                    Effect.When(slot.PinIsOwn, [.. Store(s, entry, slot.Pin), Expect(s, entry, slot.Pin)]),
                ]);
            b.Do("unpin_user_page", $"lets the page of entry {i} go", [.. Unpin(w, entry)]);
            b.Join(w.End);
        });
        b.At(w.End);
    }

    /// <summary>The same to read: pinned (FOLL_PIN), the page stays that of its address; with a reference alone (FOLL_GET) nothing is
    /// promised.</summary>
    public static void GupRead(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        w.OnAnyEntry(i =>
        {
            Location pin = new(), get = new();
            b.Any("user space", "asks for a pin or a reference", Goto(pin, Term.True) with { Says = "asks for a pin" },
                Goto(get, Term.True) with { Says = "asks for a reference" });
            b.At(pin);
            Pin(w, i, Wants.ReadPin);
            b.Do("device", $"reads the page pinned at entry {i}", StillMapped(s, slot, s[i]));
            b.Do("unpin_user_page", $"lets the page of entry {i} go", [.. Unpin(w, s[i])]);
            b.Join(w.End);
            b.At(get);
            Pin(w, i, Wants.Reference);
            b.Do("put_page", $"lets the page of entry {i} go", [.. Unpin(w, s[i])]);
            b.Join(w.End);
        });
        b.At(w.End);
    }

    private enum Wants
    {
        WritePin, ReadPin, Reference, WriteReference,
    }

    // A pinned page leaves its address by its owner's wish alone, or by an error.
    private static Effect StillMapped(SharedState s, Slot slot, EntryState entry) => Effect.Check(
        slot.PinIsOwn.Is(0) | ((Term)entry.Pte)
            .Is(slot.Pin) | (slot.Pin.Is(Holds.New) & s.IsHuge) | entry.Saved.Is(slot.Pin) | (
                slot.Pin.Is(Holds.Source) & entry.Pte.Is(Holds.HwPoison)), Safety.NoPinOnUnmappedPage);

    /// <summary>A guest's page: found by GUP, mapped if no notifier came between, and written without a reference.</summary>
    public static void SecondaryMmu(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            b.Do("kvm_faultin_pfn", "reads the notifier's sequence", slot.IsStale.Set(0));
            Pin(w, i, Wants.WriteReference);
            b.Do(
                "kvm_mmu_map", $"maps entry {i}'s page if no notifier came between, drops the reference", Term.True,
                If(slot.IsStale.Is(0) & s.Invalidations.Is(0), [slot.Secondary.Set(slot.Pin), .. Unpin(w, entry)]),
                Goto(w.End, Term.True, [.. Unpin(w, entry)]));
            b.Do(
                "guest", $"stores to entry {i}'s page", Term.True,
                Goto(w.End, slot.Secondary.Is(Holds.None)),
                Goto(w.End, Term.True, [.. Store(s, entry, slot.Secondary), entry.Expected.Set(Contents.Written)]));
        });
        b.At(w.End);
    }

    // Leads on with a pin, or to the end without one: the slow path would take locks and fault, as others do.
    private static void Pin(ActorWriter w, int i, Wants wants)
    {
        var (b, s, slot, entry) = (w.B, w.S, w.Slot, w.S[i]);
        Location leave = new(), huge = new();
        bool writes = wants is Wants.WritePin or Wants.WriteReference, stays = wants is Wants.WritePin or Wants.ReadPin;
        var isAllowed = entry.IsPresentPage & (writes ? entry.Writable & entry.UffdWp.Is(0) : Term.True);
        // A page that another process may share is made this one's own first, on the slow path.
        var isExclusive = wants == Wants.ReadPin ? entry.Writable | slot.Seen.IsNot(Holds.Source) | entry.Exclusive : Term.True;
        b.Do(
            "gup_fast", $"turns interrupts off, finds the table of entry {i}", Term.True,
            Goto(huge, s.Pmd.Is(PmdHolds.Huge) & (writes ? entry.Writable : Term.True), s.Lockless.Increase(), slot.Seen.Set(Holds.New),
                InterruptsOff(true)) with
            { Says = "turns interrupts off, finds a huge page" },
            Goto(w.End, s.Pmd.IsNot(PmdHolds.Table)), Else(s.Lockless.Increase(), s.Walkers.Increase(), InterruptsOff(true)));
        b.Do(
            "gup_fast_pte_range", $"reads entry {i}", Term.True,
            Goto(leave, !isAllowed), Else(slot.Seen.Set(entry.Pte)));
        b.As(Mark.Grab).Do(
            "try_grab_folio_fast", $"takes a reference to entry {i}'s page", Term.True,
            Goto(leave, slot.Seen.Is(Holds.Source) & entry.References.Is(0)),
            Else(
                slot.Pin.Set(slot.Seen), slot.PinIsOwn.Set(slot.Seen.Is(Holds.Source) | ((Term)entry.Pte).Is(slot.Seen)), stays
                    ? slot.PinStays.Set(1) : Effect.When(Term.False),
                Effect.When(slot.Seen.Is(Holds.Source), entry.References.Increase()),
                Effect.When(slot.Seen.IsNot(Holds.Source) & ((Term)entry.Pte).Is(slot.Seen), entry.FreshReferences.Increase())));
        var pinned = new Location();
        var isSame = (w.Protocol.GupLooksAtPmdAgain ? s.Pmd.Is(PmdHolds.Table) : Term.True)
            & (w.Protocol.GupLooksAtPteAgain
                ? ((Term)entry.Pte).Is(slot.Seen) & (writes ? entry.Writable & !entry.UffdWp : Term.True) & slot.PinIsOwn : Term.True)
            & isExclusive & (stays ? s.IsForking.Is(0) : Term.True);
        b.Any(
            "gup_fast_pte_range", $"looks whether entry {i} and its table are still the same, turns interrupts on",
            Goto(pinned, isSame, s.Lockless.Decrease(), s.Walkers.Decrease(), slot.Seen.Set(0), InterruptsOff(false)),
            Goto(leave, !isSame | s.BusyByChance, [.. Unpin(w, entry)]));
        b.At(pinned);
        b.At(leave);
        b.Do("gup_fast", "turns interrupts on", s.Lockless.Decrease(), s.Walkers.Decrease(), slot.Seen.Set(0), InterruptsOff(false));
        b.Join(w.End);
        PinHuge(w, i, wants, huge, pinned);
        b.At(pinned);
    }

    // The same of a huge page: one reference to all of it.
    private static void PinHuge(ActorWriter w, int i, Wants wants, Location huge, Location pinned)
    {
        var (b, s, slot, entry) = (w.B, w.S, w.Slot, w.S[i]);
        var leave = new Location();
        bool writes = wants is Wants.WritePin or Wants.WriteReference, stays = wants is Wants.WritePin or Wants.ReadPin;
        var isHuge = s.Pmd.Is(PmdHolds.Huge);
        var isThere = isHuge | (s.Pmd.Is(PmdHolds.Table) & entry.Pte.Is(Holds.New));
        // Nobody would find out any more that the page was another's by then.
        Effect[] isPinned = w.Protocol.GupLooksAtHugeAgain ? [] : [Effect.Check(isThere, Safety.NoPinOnUnmappedPage)];
        b.At(huge);
        b.As(Mark.Grab).Do(
            "try_grab_folio_fast", "takes a reference to the huge page", Term.True,
            Else(
            [
                slot.Pin.Set(Holds.New), slot.PinIsOwn.Set(isThere), stays ? slot.PinStays.Set(1) : Effect.When(Term.False),
                Effect.When(isThere, entry.FreshReferences.Increase()), .. isPinned,
            ]));
        var isLeft = isHuge & slot.PinIsOwn & (writes ? entry.Writable : Term.True);
        var isSame = (w.Protocol.GupLooksAtHugeAgain ? isLeft : Term.True) & (stays ? s.IsForking.Is(0) : Term.True);
        b.Any(
            "gup_fast_pmd_leaf", "looks whether the PMD entry is still the same, turns interrupts on",
            Goto(pinned, isSame, s.Lockless.Decrease(), slot.Seen.Set(0), InterruptsOff(false)),
            Goto(leave, !isSame | s.BusyByChance, [.. Unpin(w, entry)]));
        b.At(leave);
        b.Do("gup_fast", "turns interrupts on", s.Lockless.Decrease(), slot.Seen.Set(0), InterruptsOff(false));
        b.Join(w.End);
    }

    // Not a lock, but the IPI waits for it as if it were one.
    private static Effect.LockUse InterruptsOff(bool are) => new("interrupts off", are, true) { IsSpin = true };

    private static IEnumerable<Effect> Unpin(ActorWriter w, EntryState entry) =>
    [
        Effect.When(w.Slot.Pin.Is(Holds.Source), entry.DropReference),
        Effect.When((w.Slot.Pin.Is(Holds.Fresh) | w.Slot.Pin.Is(Holds.New)) & w.Slot.PinIsOwn, entry.FreshReferences.Decrease()),
        w.Slot.Pin.Set(Holds.None), w.Slot.PinIsOwn.Set(0), w.Slot.PinStays.Set(0),
    ];

    // What is stored must be read again, unless the address was given up and the page is on its way out.
    private static Effect Expect(SharedState s, EntryState entry, Variable page) => Effect.When(
        entry.IsGivenUp.Is(0) | (s.Pmd.Is(PmdHolds.Huge) & page.Is(Holds.New)) | (s.Pmd.Is(PmdHolds.Table) & ((Term)entry.Pte).Is(page)),
        entry.Expected.Set(Contents.Written));

    private static IEnumerable<Effect> Store(SharedState s, EntryState entry, Variable page) =>
    [
        Effect.When(page.Is(Holds.Source), entry.Source.Set(Contents.Written)),
        Effect.When(page.Is(Holds.Fresh), entry.Fresh.Set(Contents.Written)),
        Effect.When(page.Is(Holds.New), entry.New.Set(Contents.Written)),
    ];
}
