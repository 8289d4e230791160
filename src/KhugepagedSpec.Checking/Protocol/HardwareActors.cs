using KhugepagedSpec.Checking.Guarded;
using static KhugepagedSpec.Checking.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>A CPU that writes, a lockless pin, a secondary MMU. Source: Linux 7.2, the functions named at each step.</summary>
internal static class HardwareActors
{
    /// <summary>A CPU stores to an address: through its TLB, the table, or a fault.</summary>
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
                "CPU", $"walks to entry {i}, marks it used and dirty", Term.True,
                Goto(store, s.Pmd.Is(PmdHolds.Table) & entry.IsPresentPage & entry.Writable, [slot.Tlb.Set(entry.Pte), .. marks]),
                Goto(store, s.Pmd.Is(PmdHolds.Huge), [slot.Tlb.Set(Holds.New), .. marks]),
                Goto(fault, Term.True));
            b.At(store);
            b.Do(
                "CPU", $"stores to entry {i}'s page through the TLB", Term.True,
                Goto(walk, slot.Tlb.Is(Holds.None)),
                Goto(w.End, Term.True, [.. Store(s, entry, slot.Tlb), Expect(s, entry, slot.Tlb)]));
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
        b.Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        var gone = new Location();
        b.Do("find_vma", "looks the VMA up", Term.True, Goto(gone, s.Vma.Is(VmaIs.Gone) | s.Vma.Is(VmaIs.File)), Else());
        w.HandleFault(i, b.Here);
        var cannotBeServed = s.Pmd.Is(PmdHolds.Table) & ((entry.Pte.Is(Holds.None) & s.IsArmed) | entry.UffdWp | entry.Pte.Is(Holds.HwPoison));
        b.Do("mmap_read_unlock", "drops the mmap lock", Term.True, Goto(w.End, cannotBeServed, [.. s.Mmap.ReadUnlock.Effects]), Goto(walk, Term.True, [.. s.Mmap.ReadUnlock.Effects]));
        b.At(gone);
        b.Do("mmap_read_unlock", "drops the mmap lock", s.Mmap.ReadUnlock);
        b.Join(w.End);
    }

    /// <summary>get_user_pages_fast: interrupts off, look, take a reference, look again. A pinned page is then written by a device.</summary>
    public static void GupFast(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            Pin(w, i);
            b.Do(
                "device", $"writes to the page pinned at entry {i}",
                [
                    Effect.Check(
                        slot.PinIsOwn.Is(0) | ((Term)entry.Pte).Is(slot.Pin) | (slot.Pin.Is(Holds.Source) & (entry.Pte.Is(Holds.Swap) | entry.Pte.Is(Holds.Migration) | entry.Pte.Is(Holds.HwPoison))),
                        Safety.NoPinOnUnmappedPage),
                    // A page whose address was given up is nobody's but the pin's: what it holds matters to none.
                    Effect.When(slot.PinIsOwn, [.. Store(s, entry, slot.Pin), Expect(s, entry, slot.Pin)]),
                ]);
            b.Do("unpin_user_page", $"lets the page of entry {i} go", [.. Unpin(w, entry)]);
            b.Join(w.End);
        });
        b.At(w.End);
    }

    /// <summary>A guest's page: found by GUP, mapped if no notifier came between, and written without a reference.</summary>
    public static void SecondaryMmu(ActorWriter w)
    {
        var (b, s, slot) = (w.B, w.S, w.Slot);
        w.OnAnyEntry(i =>
        {
            var entry = s[i];
            b.Do("kvm_faultin_pfn", "reads the notifier's sequence", slot.IsStale.Set(0));
            Pin(w, i);
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
    private static void Pin(ActorWriter w, int i)
    {
        var (b, s, slot, entry) = (w.B, w.S, w.Slot, w.S[i]);
        var leave = new Location();
        b.Do(
            "gup_fast", $"turns interrupts off, finds the table of entry {i}", Term.True,
            Goto(w.End, s.Pmd.IsNot(PmdHolds.Table)), Else(s.Lockless.Increase(), s.Walkers.Increase(), InterruptsOff(true)));
        b.Do(
            "gup_fast_pte_range", $"reads entry {i}", Term.True,
            Goto(leave, !(entry.IsPresentPage & entry.Writable & entry.UffdWp.Is(0))), Else(slot.Seen.Set(entry.Pte)));
        b.Do(
            "try_grab_folio_fast", $"takes a reference to entry {i}'s page", Term.True,
            Goto(leave, slot.Seen.Is(Holds.Source) & entry.References.Is(0)),
            Else(
                slot.Pin.Set(slot.Seen), slot.PinIsOwn.Set(slot.Seen.IsNot(Holds.Fresh) | entry.Pte.Is(Holds.Fresh)),
                Effect.When(slot.Seen.Is(Holds.Source), entry.References.Increase()),
                Effect.When(slot.Seen.Is(Holds.Fresh) & entry.Pte.Is(Holds.Fresh), entry.FreshReferences.Increase())));
        var pinned = new Location();
        var isSame = s.Pmd.Is(PmdHolds.Table) & ((Term)entry.Pte).Is(slot.Seen) & entry.Writable & !entry.UffdWp & slot.PinIsOwn & s.IsForking.Is(0);
        b.Any(
            "gup_fast_pte_range", $"looks whether entry {i} and its table are still the same, turns interrupts on",
            Goto(pinned, isSame, s.Lockless.Decrease(), s.Walkers.Decrease(), slot.Seen.Set(0), InterruptsOff(false)),
            Goto(leave, !isSame | s.BusyByChance, [.. Unpin(w, entry)]));
        b.At(pinned);
        var here = b.Here;
        b.At(leave);
        b.Do("gup_fast", "turns interrupts on", s.Lockless.Decrease(), s.Walkers.Decrease(), slot.Seen.Set(0), InterruptsOff(false));
        b.Join(w.End);
        b.At(here);
    }

    // Not a lock, but the IPI waits for it as if it were one.
    private static Effect.LockUse InterruptsOff(bool are) => new("interrupts off", are, true);

    private static IEnumerable<Effect> Unpin(ActorWriter w, EntryState entry) =>
    [
        Effect.When(w.Slot.Pin.Is(Holds.Source), entry.DropReference),
        Effect.When(w.Slot.Pin.Is(Holds.Fresh) & w.Slot.PinIsOwn, entry.FreshReferences.Decrease()),
        w.Slot.Pin.Set(Holds.None), w.Slot.PinIsOwn.Set(0),
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
