using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What must be so when every process is done.</summary>
internal static class AtRest
{
    public static IEnumerable<(Term Holds, SafetyProperty Property)> Conditions(SharedState s)
    {
        yield return (s.IsDetached.Is(0), Safety.PmdEntryComesBack);
        yield return (s.Walkers.Is(0) & s.Lockless.Is(0), Safety.NoWalkerOnDetachedTable);
        yield return (Term.All(s.Entries.Select(entry => entry.Pte.IsNot(Holds.Migration))), Safety.NoStaleMigrationEntry);
        yield return (Term.All(s.Entries.Select(entry => entry.Expected.Is(Contents.Zero) | Reads(s, entry)
            .Is(entry.Expected) | entry.IsLost)), Safety.NoWriteLost);
        yield return (Term.All(s.Entries.Select(entry => entry.Expected.IsNot(Contents.Zero) | Reads(s, entry)
            .Is(Contents.Zero) | entry.IsLost)), Safety.GivenUpReadsZero);
        yield return (Term.All(s.Processes.SelectMany(process => s.Entries.Select((entry, i) => Agrees(s, process, entry, i)))),
            Safety.TlbsAgree);
        yield return (Term.All(s.Entries.Select((entry, i) => Balances(s, entry, i))), Safety.CountsBalance);
        yield return (Term.All(s.Processes.Select(process => LetsGo(s, process))), Safety.CountsBalance);
        yield return (s.IsReadOnly.Is(0) | Term.All(s.Entries.Select(entry => !CanBeWritten(s, entry))), Safety.ReadOnlyStaysSo);
        yield return (
            s.Mmap.IsFree & s.VmaLock.IsFree & s.NeighbourLock.IsFree & s.AnonVma.IsFree
            & s.PmdLock.IsFree & s.PteLock.IsFree & s.Invalidations.Is(0), Safety.CountsBalance);
    }

    // Who is done has no page in hand, but one that went bad.
    private static Term LetsGo(SharedState s, Slot process) =>
        process.Pin.Is(Holds.None) | Term.Any(s.Entries.Select((entry, i) => process.At.Is(i) & entry.Poisoned));

    private static Term CanBeWritten(SharedState s, EntryState entry) =>
        entry.Writable & (s.Pmd.Is(PmdHolds.Huge) | (s.Pmd.Is(PmdHolds.Table) & entry.IsPresentPage));

    // A swapped page that is still in the swap cache is read there; a table that was moved, at its new address.
    public static Term Reads(SharedState s, EntryState entry) => Term.Choose(
        s.Pmd.Is(PmdHolds.Huge), entry.New,
        Term.Choose(
            s.Pmd.IsNot(PmdHolds.Table) & s.IsMoved.Is(0), Contents.Zero,
            Term.Choose(entry.Pte.Is(Holds.Swap), Term.Choose(entry.InSwapCache, entry.Source, entry.Slot), entry.PageContents)));

    public static Term Agrees(SharedState s, Slot process, EntryState entry, int i)
    {
        var mapped = Term.Choose(s.Pmd.Is(PmdHolds.Huge), Holds.New,
            Term.Choose(s.Pmd.Is(PmdHolds.Table) | s.IsMoved, entry.Pte, Holds.None));
        return process.At.IsNot(i)
            | ((process.Tlb.Is(Holds.None) | (mapped.Is(process.Tlb) & (process.TlbWritable.Is(0) | entry.Writable))) & (
                process.Secondary.Is(Holds.None) | mapped.Is(process.Secondary)));
    }

    public static Term Balances(SharedState s, EntryState entry, int i)
    {
        var (mapped, held) = AccountedFor(s, entry, i);
        if (s.HasFolios)
        {
            var (otherMapped, otherHeld) = AccountedFor(s, s.Partner(i), i ^ 1);
            (mapped, held) = (mapped + Term.Choose(entry.IsInFolio, otherMapped, 0), held + Term.Choose(entry.IsInFolio, otherHeld, 0));
        }
        return ((Term)entry.Mappings).Is(mapped)
            & ((Term)entry.References).Is((Term)entry.Mappings + entry.SwapCacheReferences + held)
            & entry.Locked.Is(0) & s.Khugepaged.Isolated(entry).Is(0) & s.Second.Isolated(entry).Is(0)
            & (entry.Mappings.Is(0) | entry.OnLru | entry.InBatch);
    }

    // Mappings of a page, and references that are neither a mapping's nor the swap cache's.
    private static (Term Mapped, Term Held) AccountedFor(SharedState s, EntryState entry, int i)
    {
        var pins = Term.Sum(s.Processes.Select(process => process.At.Is(i) & process.Pin.Is(Holds.Source)));
        var gathered = Term.Sum(s.Processes.Select(process => (Term)process.Gathered[i]));
        return (Term.Sum([(s.Pmd.IsNot(PmdHolds.None) | s.IsMoved) & entry.Pte.Is(Holds.Source), entry.Child]),
            pins + gathered + entry.HeldElsewhere);
    }
}
