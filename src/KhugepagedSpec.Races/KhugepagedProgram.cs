using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;
using static ModelChecker.Guarded.ProgramBuilder;

namespace KhugepagedSpec.Races;

/// <summary>The parts of khugepaged's work that others can come between: the columns of "who can act when".</summary>
internal static class Phases
{
    public const string Scan = "scan", Walk = "no lock", Read = "mmap lock for reading", Gap = "between the locks",
        Write = "mmap lock for writing", Out = "table taken out",
        Back = "table back";
}

/// <summary>
/// khugepaged's visit of one table: scan, walk, attempts. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_single_pmd</c>,
/// <c>collapse_scan_pmd</c>, <c>mthp_collapse</c>.
/// </summary>
internal static class KhugepagedProgram
{
    /// <summary>The window whose attempt ends with this step, as OFFSET/ORDER; null if none does.</summary>
    public static string? TriedWindow(Step step) =>
        step.Meaning is Means { Mark: Mark.Over } over ? FormattableString.Invariant($"{over.Entry}/{over.Order}") : null;

    public static ProgramBuilder Write(SharedState s, CollapseProtocol protocol)
    {
        var b = new ProgramBuilder("khugepaged", s.Khugepaged.Counter!, MeaningExtensions.MustMean);
        Write(b, s, s.Khugepaged, protocol);
        return b;
    }

    /// <summary>MADV_COLLAPSE in khugepaged's place.</summary>
    public static ProgramBuilder WriteMadvCollapse(SharedState s, CollapseProtocol protocol)
    {
        var b = new ProgramBuilder("madv-collapse", s.Khugepaged.Counter!, MeaningExtensions.MustMean);
        Write(b, s, s.Second, protocol);
        return b;
    }

    /// <summary>The program of khugepaged, or of MADV_COLLAPSE; it ends where <paramref name="b"/> is then.</summary>
    public static void Write(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol)
    {
        var walk = new Location();
        var end = new Location();
        b.Phase = Phases.Scan;
        b.At(b.Here);
        Scan(b, s, c, protocol, walk, end);
        Walk(b, s, c, protocol, walk, end);
        b.At(end);
    }

    private static void Scan(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Location walk, Location end)
    {
        var release = new Location();
        if (c.IsMadvise)
        {
            b.Do("lru_add_drain_all", "empties every CPU's LRU batch", [.. s.DrainBatch()]);
            b.As(Mark.MmapRead).Do("mmap_read_lock", "takes the mmap lock for reading", s.Mmap.Read);
        }
        else
        {
            var locked = new Location();
            b.Any(
                "collapse_scan_mm_slot", "tries the mmap lock for reading",
                Goto(locked, s.Mmap.Writer.Is(0), s.Mmap.TryRead) with { Says = "takes the mmap lock for reading" },
                Goto(end, s.Mmap.Writer | s.BusyByChance) with { Says = "finds the mmap lock taken, and goes to the next process" });
            b.At(locked);
        }
        var enabled = c.IsMadvise ? Term.True : s.PmdEnabled | (Term)s.SmallEnabled;
        // By rounds a VMA may be smaller than the range, but then the PMD order is none of its.
        var isSmaller = protocol.IsByRounds ? Term.False : s.IsSplit;
        var hasNoAnonVma = protocol.WithoutAnonVma == AnonVmaNeed.TurnedAway ? s.HasAnonVma.Is(0) : Term.False;
        var hasPmdOrder = protocol.IsByRounds ? s.PmdEnabled & s.IsSplit.Is(0) : s.PmdEnabled;
        b.Do(
            c.IsMadvise ? "hugepage_vma_revalidate" : "collapse_scan_mm_slot", "asks the VMA which orders it may have", Term.True,
            Goto(release, s.ThpOff, c.Result.Set(Number(ScanResult.AnyProcess))),
            Goto(release, s.Vma.Is(VmaIs.Gone) | s.Vma.Is(VmaIs.File) | isSmaller | hasNoAnonVma | !enabled,
                c.Result.Set(Number(ScanResult.VmaCheck))),
            Else(
                c.CapturedPmd.Set(c.IsMadvise ? 1 : hasPmdOrder),
                    c.CapturedSmall.Set(c.IsMadvise || protocol.PmdOrderOnly ? 0 : s.SmallEnabled),
                c.Result.Set(Number(ScanResult.Succeed))));
        b.Do(
            "collapse_scan_pmd", "looks at the PMD entry", Term.True,
            Goto(release, s.Pmd.Is(PmdHolds.None), [c.Result.Set(Number(ScanResult.NoPteTable)), .. Drop(s, c)]),
            Goto(release, s.Pmd.IsNot(PmdHolds.Table), [c.Result.Set(Number(ScanResult.PmdMapped)), .. Drop(s, c)]), Else());
        b.Any(
            "collapse_scan_pmd", "looks at every entry, under the pte lock",
            Goto(release, s.PteLock.IsFree & s.Pmd.Is(PmdHolds.Table), [.. LookAtEntries(s, c, protocol)]),
            Goto(release, s.PteLock.IsFree & s.Pmd.IsNot(PmdHolds.Table),
                [c.Result.Set(Number(ScanResult.NoPteTable)), .. Drop(s, c)]) with
            { Says = "finds no table to lock" },
            Goto(release, s.BusyByChance, [c.Result.Set(Number(ScanResult.PageCount)), .. Drop(s, c)]));
        b.At(release);
        b.As(Mark.MmapReadUnlock).Do(
            "mmap_read_unlock", "drops the mmap lock", Term.True,
            Goto(walk, c.Result.Is(Number(ScanResult.Succeed)), [.. s.Mmap.ReadUnlock.Effects]),
            Goto(end, Term.True, [.. s.Mmap.ReadUnlock.Effects, c.Last.Set(c.Result)]));
    }

    // It is done with these unless it goes on.
    private static IEnumerable<Effect> Drop(SharedState s, Collapser c) =>
        [.. s.Entries.Select(entry => c.Occupied(entry).Set(0)), c.Unmapped.Set(0), c.CapturedPmd.Set(0), c.CapturedSmall.Set(0)];

    // Nothing of the entries can change meanwhile but what hardware sets; folios' locks and counts are only hints here.
    private static IEnumerable<Effect> LookAtEntries(SharedState s, Collapser c, CollapseProtocol protocol)
    {
        Variable none = Scratch("scan_none"), shared = Scratch("scan_shared"), referenced = Scratch("scan_referenced");
        yield return none.Set(0);
        yield return shared.Set(0);
        yield return referenced.Set(0);
        int pages = s.Shape.Pages;
        Term most = c.IsMadvise ? pages : s.MaxPtesNone;
        var maxNone = Term.Choose((Term)c.CapturedPmd & !(Term)c.CapturedSmall, Term.Choose(s.IsArmed, 0, most), pages - 1);
        foreach (var entry in s.Entries)
            yield return Effect.When(
                c.Result.Is(Number(ScanResult.Succeed)),
                Effect.When(
                    entry.IsNoneOrZero,
                    [none.Increase(), Fail(none > maxNone, ScanResult.ExceedNonePte)],
                    [Effect.When(entry.IsPresent, LookAtPage(entry), LookAtAbsent(entry))]));
        if (!c.IsMadvise)
            yield return Effect.When(
                c.Result.Is(Number(ScanResult.Succeed)) & (referenced.Is(0) | (c.Unmapped.IsNot(0) & ((Term)referenced < pages / 2))),
                c.Result.Set(Number(ScanResult.LackReferencedPage)));
        yield return Effect.When(c.Result.IsNot(Number(ScanResult.Succeed)), Drop(s, c));

        Effect Fail(Term when, ScanResult result) => Effect.When(when, c.Result.Set(Number(result)));

        IEnumerable<Effect> LookAtAbsent(EntryState entry) =>
        [
            Fail(protocol.ScanChecksEntry ? entry.Pte.IsNot(Holds.Swap) : Term.False, ScanResult.PteNonPresent),
            Effect.When(
                c.Result.Is(Number(ScanResult.Succeed)), c.Unmapped.Increase(),
                Effect.When((Term)c.Unmapped > c.MaxSwap, [c.Result.Set(Number(ScanResult.ExceedSwapPte))],
                    [Fail(entry.Pte.Is(Holds.WpMarker) | entry.UffdWp, ScanResult.PteUffdWp)])),
        ];

        IEnumerable<Effect> LookAtPage(EntryState entry) =>
        [
            Effect.When(entry.Pte.Is(Holds.Source) & entry.Child, shared.Increase()),
            c.Result.Set(First(
                (entry.UffdWp, ScanResult.PteUffdWp),
                (entry.Pte.Is(Holds.Special), ScanResult.PageNull),
                (c.IsMadvise ? Term.False : entry.LazyFree & !(Term)entry.Dirty, ScanResult.PageLazyFree),
                (entry.Pte.Is(Holds.Source) & entry.Child & ((Term)shared > c.MaxShared), ScanResult.ExceedSharedPte),
                (entry.Pte.Is(Holds.Source) & !entry.InBatch & entry.OnLru.Is(0), ScanResult.PageLru),
                (entry.Pte.Is(Holds.Source) & entry.Locked, ScanResult.PageLock),
                (entry.HasExtraReference, ScanResult.PageCount))),
            Effect.When(c.Result.Is(Number(ScanResult.Succeed)),
                [c.Occupied(entry).Set(1), Effect.When(entry.Young, referenced.Increase())]),
        ];
    }

    private static void Walk(ProgramBuilder b, SharedState s, Collapser c, CollapseProtocol protocol, Location walk, Location end)
    {
        var windows = c.IsMadvise || protocol.PmdOrderOnly ? [.. s.Shape.Windows.Where(window => window.IsPmd)] : s.Shape.Windows;
        Location[] starts = [walk, .. windows.Skip(1).Select(_ => new Location()), end];
        for (int i = 0; i < windows.Length; i++)
        {
            var window = windows[i];
            Location next = starts[i + 1], on = window.IsPmd ? end : next;
            b.Phase = Phases.Walk;
            b.At(starts[i]);
            var occupied = Term.Sum(window.Entries.Select(entry => (Term)c.Occupied(s[entry])));
            if (window.IsPmd)
                occupied += c.Unmapped;
            var maxNone = c.MaxNone(window, protocol.WalkUsesVma);
            Effect[] looks = protocol.WalkUsesVma ? [Effect.Check(s.IsFreed.Is(0), Safety.NoFreedVmaUsed)] : [];
            b.As(Mark.Asks, window.Offset, window.Order).Do(
                "mthp_collapse", $"asks whether {window} is worth a try", Term.True,
                Goto(next, (window.IsPmd ? c.CapturedPmd : c.CapturedSmall).Is(0)),
                Goto(next, (occupied + maxNone) < window.Pages, looks),
                Else([.. looks, c.Result.Set(Number(ScanResult.Succeed))]));
            if (protocol.IsByRounds)
                new RoundWriter(b, s, c, protocol, window).Write();
            else if (protocol.ByPtes && !window.IsPmd)
                new PteLevelWriter(b, s, c, protocol, window).Write();
            else
                new AttemptWriter(b, s, c, protocol, window).Write();
            b.Phase = Phases.Walk;
            b.At(b.Here);
            b.As(Mark.Over, window.Offset, window.Order).Do(
                "mthp_collapse", $"has tried {window}", Term.True,
                Goto(
                    on, IsOne(c.Result, RetryTable.Linux72.Advances),
                    [Effect.Unlocked(Safety.LocksDroppedOnReturn), c.Collapsed.Set(c.Collapsed | c.Result.Is(Number(ScanResult.Succeed))),
                        .. Forget(c, protocol)]),
                Goto(next, IsOne(c.Result, RetryTable.Linux72.Lowers),
                    [Effect.Unlocked(Safety.LocksDroppedOnReturn), c.Last.Set(c.Result), .. Forget(c, protocol)]),
                Goto(end, Term.True, [Effect.Unlocked(Safety.LocksDroppedOnReturn), c.Last.Set(c.Result), .. Forget(c, protocol)]));
        }
    }

    // What an attempt counted means nothing to the next.
    private static IEnumerable<Effect> Forget(Collapser c, CollapseProtocol protocol) =>
    [
        c.NoneCount.Set(0), c.SharedCount.Set(0), c.Referenced.Set(0), c.SwappedIn.Set(0), c.HasTable.Set(0),
        .. protocol.WithoutAnonVma == AnonVmaNeed.TurnedAway ? Array.Empty<Effect>() : [c.LocksAnonVma.Set(0)],
    ];

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
