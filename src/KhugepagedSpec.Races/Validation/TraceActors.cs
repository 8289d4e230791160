using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// What traces have and a search does not: faults that read, faults outside the window, which matter for locks and for the table as a
/// whole, and operations that only look.
/// </summary>
internal static class TraceActors
{
    /// <summary>A fault that maps something where nothing is, and a table where none is. Source: Linux 7.2,
    /// <c>mm/memory.c:do_anonymous_page</c>.</summary>
    public static void Touch(ActorWriter w, bool mapsZeroPage) => w.OnAnyEntry(i => w.UnderLock(i, ofVma: true, () =>
    {
        var (b, s) = (w.B, w.S);
        Location again = new(), noTable = new(), table = new(), done = new();
        b.Join(again);
        b.At(again);
        b.Do("handle_pte_fault", $"reads the PMD entry and entry {i}", Term.True, Goto(noTable, s.Pmd.Is(PmdHolds.None)),
            Goto(table, s.Pmd.Is(PmdHolds.Table)), Goto(done, Term.True));
        b.At(noTable);
        b.Any("__pte_alloc", "fills the PMD entry if it is still empty",
            Goto(again, s.PmdLock.IsFree & s.Pmd.Is(PmdHolds.None), w.FillPmd), Goto(again, s.Pmd.IsNot(PmdHolds.None)));
        b.At(table);
        Effect[] maps = [.. mapsZeroPage ? [s[i].Pte.Set(Holds.Zero)] : Faults.MapFresh(s[i], Contents.Zero)];
        b.Any("do_anonymous_page", mapsZeroPage ? $"maps the zero page at entry {i}" : $"maps a fresh page at entry {i}",
            Goto(done, s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table), Effect.When(s[i].Pte.Is(Holds.None), maps)),
            Goto(done, s.PteLock.IsFree) with { Says = "gives up" });
        b.At(done);
    }));

    /// <summary>A lock taken for reading, and dropped.</summary>
    public static void Look(ActorWriter w) => w.OnAnyEntry(i => w.UnderLock(i, ofVma: true, () =>
        w.B.Do("user space", "looks")));

    /// <summary>Ends a program where <see cref="ActorWriter.UnderLock"/> leads.</summary>
    public static void End(ActorWriter w) => w.B.At(w.End);
}
