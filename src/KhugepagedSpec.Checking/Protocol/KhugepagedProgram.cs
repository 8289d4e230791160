using KhugepagedSpec.Checking.Guarded;
using KhugepagedSpec.Collapse;
using static KhugepagedSpec.Checking.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>The parts of khugepaged's work that others can come between: the columns of "who can act when".</summary>
internal static class Phases
{
    public const string Scan = "scan", Walk = "no lock", Read = "mmap lock for reading", Gap = "between the locks", Write = "mmap lock for writing", Out = "table taken out",
        Back = "table back";
}

/// <summary>
/// khugepaged's visit of one table: scan, walk, attempts. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_single_pmd</c>,
/// <c>collapse_scan_pmd</c>, <c>mthp_collapse</c>.
/// </summary>
internal static class KhugepagedProgram
{
    private const string HasTried = "has tried ";

    /// <summary>The window whose attempt ends with this step; null if none does.</summary>
    public static string? TriedWindow(Step step) => step.Says.StartsWith(HasTried, StringComparison.Ordinal) ? step.Says[HasTried.Length..] : null;

    public static ProgramBuilder Write(SharedState s, CollapseProtocol protocol)
    {
        var b = new ProgramBuilder("khugepaged", s.Counter);
        var walk = new Location();
        var end = new Location();
        b.Phase = Phases.Scan;
        b.At(b.Here);
        Scan(b, s, walk, end);
        Walk(b, s, protocol, walk, end);
        b.At(end);
        return b;
    }

    private static void Scan(ProgramBuilder b, SharedState s, Location walk, Location end)
    {
        var release = new Location();
        b.Do("collapse_scan_mm_slot", "takes the mmap lock for reading", s.Mmap.Read);
        b.Do(
            "collapse_scan_mm_slot", "asks the VMA which orders it may have", Term.True,
            Goto(release, s.ThpOff, s.Result.Set(Number(ScanResult.AnyProcess))),
            Goto(release, s.Vma.Is(VmaIs.Gone) | s.Vma.Is(VmaIs.File) | s.IsSplit | s.HasAnonVma.Is(0) | !(s.PmdEnabled | (Term)s.SmallEnabled), s.Result.Set(Number(ScanResult.VmaCheck))),
            Goto(release, s.Pmd.Is(PmdHolds.None), s.Result.Set(Number(ScanResult.NoPteTable))),
            Goto(release, s.Pmd.IsNot(PmdHolds.Table), s.Result.Set(Number(ScanResult.PmdMapped))),
            Else(s.CapturedPmd.Set(s.PmdEnabled), s.CapturedSmall.Set(s.SmallEnabled), s.Result.Set(Number(ScanResult.Succeed))));
        b.Any(
            "collapse_scan_pmd", "looks at every entry, under the pte lock",
            Goto(release, s.PteLock.IsFree, [.. LookAtEntries(s)]), Goto(release, s.BusyByChance, s.Result.Set(Number(ScanResult.PageCount))));
        b.At(release);
        b.Do(
            "mmap_read_unlock", "drops the mmap lock", Term.True,
            Goto(walk, s.Result.Is(Number(ScanResult.Succeed)), [.. s.Mmap.ReadUnlock.Effects]),
            Goto(end, Term.True, [.. s.Mmap.ReadUnlock.Effects, s.Last.Set(s.Result)]));
    }

    // Nothing of the entries can change meanwhile but what hardware sets; folios' locks and counts are only hints here.
    private static IEnumerable<Effect> LookAtEntries(SharedState s)
    {
        Variable none = Scratch("scan_none"), shared = Scratch("scan_shared"), referenced = Scratch("scan_referenced");
        yield return none.Set(0);
        yield return shared.Set(0);
        yield return referenced.Set(0);
        int pages = s.Shape.Pages;
        var maxNone = Term.Choose((Term)s.CapturedPmd & !(Term)s.CapturedSmall, Term.Choose(s.IsArmed, 0, s.MaxPtesNone), pages - 1);
        foreach (var entry in s.Entries)
            yield return Effect.When(
                s.Result.Is(Number(ScanResult.Succeed)),
                Effect.When(
                    entry.IsNoneOrZero,
                    [none.Increase(), Fail(none > maxNone, ScanResult.ExceedNonePte)],
                    [Effect.When(entry.IsPresent, LookAtPage(entry), LookAtAbsent(entry))]));
        yield return Effect.When(
            s.Result.Is(Number(ScanResult.Succeed)) & (referenced.Is(0) | (s.Unmapped.IsNot(0) & ((Term)referenced < pages / 2))),
            s.Result.Set(Number(ScanResult.LackReferencedPage)));
        // The process is done with these unless it goes on.
        yield return Effect.When(s.Result.IsNot(Number(ScanResult.Succeed)), [.. s.Entries.Select(entry => entry.Occupied.Set(0)), s.Unmapped.Set(0), s.CapturedPmd.Set(0), s.CapturedSmall.Set(0)]);

        Effect Fail(Term when, ScanResult result) => Effect.When(when, s.Result.Set(Number(result)));

        IEnumerable<Effect> LookAtAbsent(EntryState entry) =>
        [
            s.Unmapped.Increase(),
            Effect.When((Term)s.Unmapped > s.MaxPtesSwap, [s.Result.Set(Number(ScanResult.ExceedSwapPte))], [Fail(entry.Pte.Is(Holds.WpMarker) | entry.UffdWp, ScanResult.PteUffdWp)]),
        ];

        IEnumerable<Effect> LookAtPage(EntryState entry) =>
        [
            Effect.When(entry.Pte.Is(Holds.Source) & entry.Child, shared.Increase()),
            s.Result.Set(First(
                (entry.UffdWp, ScanResult.PteUffdWp),
                (entry.Pte.Is(Holds.Special), ScanResult.PageNull),
                (entry.LazyFree & !(Term)entry.Dirty, ScanResult.PageLazyFree),
                (entry.Pte.Is(Holds.Source) & entry.Child & ((Term)shared > s.MaxPtesShared), ScanResult.ExceedSharedPte),
                (entry.Pte.Is(Holds.Source) & !entry.InBatch & entry.OnLru.Is(0), ScanResult.PageLru),
                (entry.Pte.Is(Holds.Source) & entry.Locked, ScanResult.PageLock),
                (entry.HasExtraReference, ScanResult.PageCount))),
            Effect.When(s.Result.Is(Number(ScanResult.Succeed)), [entry.Occupied.Set(1), Effect.When(entry.Young, referenced.Increase())]),
        ];
    }

    private static void Walk(ProgramBuilder b, SharedState s, CollapseProtocol protocol, Location walk, Location end)
    {
        var windows = s.Shape.Windows;
        Location[] starts = [walk, .. windows.Skip(1).Select(_ => new Location()), end];
        for (int i = 0; i < windows.Length; i++)
        {
            var window = windows[i];
            Location next = starts[i + 1], on = window.IsPmd ? end : next;
            b.Phase = Phases.Walk;
            b.At(starts[i]);
            var occupied = Term.Sum(window.Entries.Select(entry => (Term)s[entry].Occupied));
            if (window.IsPmd)
                occupied += s.Unmapped;
            var maxNone = s.MaxNone(window, protocol.WalkUsesVma);
            Effect[] looks = protocol.WalkUsesVma ? [Effect.Check(s.IsFreed.Is(0), Safety.NoFreedVmaUsed)] : [];
            b.Do(
                "mthp_collapse", $"asks whether {window} is worth a try", Term.True,
                Goto(next, (window.IsPmd ? s.CapturedPmd : s.CapturedSmall).Is(0)),
                Goto(next, (occupied + maxNone) < window.Pages, looks),
                Else([.. looks, s.Result.Set(Number(ScanResult.Succeed))]));
            if (protocol.IsByRounds)
                new RoundWriter(b, s, protocol, window).Write();
            else
                new AttemptWriter(b, s, protocol, window).Write();
            b.Phase = Phases.Walk;
            b.At(b.Here);
            b.Do(
                "mthp_collapse", HasTried + window, Term.True,
                Goto(on, IsOne(s.Result, RetryTable.Linux72.Advances), [s.Collapsed.Set(s.Collapsed | s.Result.Is(Number(ScanResult.Succeed))), .. Forget(s)]),
                Goto(next, IsOne(s.Result, RetryTable.Linux72.Lowers), [s.Last.Set(s.Result), .. Forget(s)]),
                Goto(end, Term.True, [s.Last.Set(s.Result), .. Forget(s)]));
        }
    }

    // What an attempt counted means nothing to the next.
    private static IEnumerable<Effect> Forget(SharedState s) => [s.NoneCount.Set(0), s.SharedCount.Set(0), s.Referenced.Set(0), s.SwappedIn.Set(0)];

    public static int Number(ScanResult result) => (int)result;

    /// <summary>The first result whose condition holds, or success.</summary>
    public static Term First(params ReadOnlySpan<(Term When, ScanResult Result)> results)
    {
        Term value = Number(ScanResult.Succeed);
        for (int i = results.Length - 1; i >= 0; i--)
            value = Term.Choose(results[i].When, Number(results[i].Result), value);
        return value;
    }

    private static Term IsOne(Variable result, ResultSet results) =>
        Term.Any(Enum.GetValues<ScanResult>().Where(results.Contains).Select(one => result.Is(Number(one))));

    private static Variable Scratch(string name) => new(name, 15) { IsScratch = true };
}
