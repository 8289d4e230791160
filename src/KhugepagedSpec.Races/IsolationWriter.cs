using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static KhugepagedSpec.Races.KhugepagedProgram;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>
/// Takes every page of a window: lock, count, LRU list, each a step, since others work on folios without the table's locks.
/// Source: Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_isolate</c>.
/// </summary>
internal sealed class IsolationWriter(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Window window)
{
    private const string Function = "__collapse_huge_page_isolate";

    /// <summary>Writes it; the pte lock is held before, and dropped behind a success.</summary>
    public void Write(Location fail)
    {
        foreach (int i in window.Entries)
            Take(i, fail);
        b.As(Mark.Hidden).Do(
            Function, "has every page; drops the pte lock", Term.True,
            Goto(fail, c.IsMadvise ? Term.False : c.Referenced.Is(0), c.Result.Set(Number(ScanResult.LackReferencedPage))),
            Else([.. s.PteLock.Unlock.Effects]));
    }

    private void Take(int i, Location fail)
    {
        var entry = s[i];
        var next = new Location();
        var counts = entry.Pte.Is(Holds.Source);
        var isTaken = c.IsTaken(entry);
        var result = First(
            (entry.IsNoneOrZero & ((Term)c.NoneCount + 1 > MaxNone), ScanResult.ExceedNonePte),
            (entry.IsNoneOrZero, ScanResult.Succeed),
            (!entry.IsPresent, ScanResult.PteNonPresent),
            (protocol.IsolationChecksUffdWp ? entry.UffdWp : Term.False, ScanResult.PteUffdWp),
            (entry.Pte.Is(Holds.Special), ScanResult.PageNull),
            (c.IsMadvise ? Term.False : entry.LazyFree & !(Term)entry.Dirty, ScanResult.PageLazyFree),
            (protocol.IsolationChecksShared ? counts & entry.Child & ((Term)c.SharedCount + 1 > (window.IsPmd ? c.MaxShared : 0))
                : Term.False, ScanResult.ExceedSharedPte),
            (window.IsPmd ? Term.False : entry.Order.IsNot(0), ScanResult.PteMappedHugepage),
            (protocol.IsolationLocks ? counts & entry.Locked & !isTaken : Term.False, ScanResult.PageLock));
        Effect[] asserts = protocol.ExpectsLargeFolios ? [] : [Effect.Check(entry.Order.Is(0), Safety.NoAssertionFails)];
        b.As(Mark.Isolate, i).Do(
            Function, $"looks at entry {i}", Term.True,
            Goto(next, entry.IsNoneOrZero & ((Term)c.NoneCount < MaxNone), c.NoneCount.Increase()) with { Says = $"finds entry {i} empty" },
            Goto(
                next, s.HasFolios ? result.Is(Number(ScanResult.Succeed)) & isTaken : Term.False,
                c.Isolated(entry).Set(1), Effect.When(entry.Child, c.SharedCount.Increase()),
                    Effect.When(entry.Young, c.Referenced.Set(1))) with
            { Says = $"finds entry {i}'s folio on its list" },
            If(
                result.Is(Number(ScanResult.Succeed)),
                [
                    .. asserts, c.Isolated(entry).Set(1), Effect.When(counts, protocol.IsolationLocks ? [entry.Locked.Set(1)] : []),
                    Effect.When(counts & entry.Child, c.SharedCount.Increase()),
                ]),
            Goto(fail, Term.True, c.Result.Set(result)));
        // A page whose count is wrong, or that is on no list, is let go at once: it was never isolated.
        Effect[] letGo = [c.Isolated(entry).Set(0), Effect.When(counts, protocol.IsolationLocks ? [entry.Locked.Set(0)] : [])];
        if (protocol.IsolationChecksReferences)
        {
            var passed = new Location();
            b.As(Mark.Hidden).Any(
                Function, $"counts the references to entry {i}'s page",
                Goto(passed, !entry.HasExtraReference),
                    Goto(fail, entry.HasExtraReference | s.BusyByChance, [c.Result.Set(Number(ScanResult.PageCount)), .. letGo]));
            b.At(passed);
        }
        b.As(Mark.Take, i).Do(
            "folio_isolate_lru", $"takes entry {i}'s page off its list", Term.True,
            Goto(fail, counts & entry.OnLru.Is(0), [c.Result.Set(Number(ScanResult.DelPageLru)), .. letGo]),
            Else(Effect.When(counts, entry.OnLru.Set(0), entry.References.Increase()), Effect.When(entry.Young, c.Referenced.Set(1))));
        b.Join(next);
        b.At(next);
    }

    private Term MaxNone => c.MaxNone(window, protocol.IsolationSeesUffd);
}
