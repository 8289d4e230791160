using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>An attempt as the model is told it: some pages of its window by an entry each, the rest left out.</summary>
internal sealed class Group(RaceTrace trace, CollapseAttempt attempt, Projection projection, ImmutableArray<int> pages)
{
    private const string OrdersSetting = "orders", NoneSetting = "max_ptes_none",
        SwappedIn = "mm_collapse_huge_page_swapin", Pins = "grab";

    // Where the table that is locked may be another process's, or the one that entries move to.
    private static readonly string[] OfOtherTables = ["page_vma_mapped_walk", "copy_page_range", "move_page_tables"];

    /// <summary>Entries that stand for pages of the window.</summary>
    public int Window => TraceModel.Pages(projection.IsPmd);

    /// <summary>It tells all of the window.</summary>
    public bool IsAll => pages.Length == 1 << attempt.Order;

    /// <summary>The entry of a page; null if it is left out.</summary>
    public int? EntryOf(int? page) => page is { } some && pages.IndexOf(some) is >= 0 and var at ? at : null;

    /// <summary>The page of the window that an entry stands for.</summary>
    public int PageOf(int entry) => pages[entry];

    /// <summary>Pages of the window that are told, in order.</summary>
    public ImmutableArray<int> Pages => pages;

    /// <summary>The entry of an address; null if it is left out, or not in the window.</summary>
    public int? EntryAt(long address) => EntryOf(attempt.PageOf(address));

    /// <summary>The processes that an operation takes.</summary>
    public IEnumerable<Part> Parts(Operation one)
    {
        if (one.Held is not null)
            yield return Main(one);
        if (projection.HasHugePage && one.ByMappings.Any(page => page.Kind == RmapKind.Migrate && attempt.PmdRange.Contains(page.Address)))
            yield return new Part(PartKind.Split);
        for (int entry = 0; entry < pages.Length; entry++)
        {
            long address = attempt.AddressOf(pages[entry]);
            if (one.ByMappings.Any(page => page.Range.Contains(address)))
                yield return new Part(PartKind.Rmap, entry) { Poisons = one.Poisons };
            if (one.Kind == OperationKind.Gup && one.Range.Contains(address))
                yield return new Part(one.Writes ? PartKind.GupWrite : PartKind.GupRead, entry);
        }
    }

    private Part Main(Operation one)
    {
        if (one.Kind is OperationKind.Exclusive or OperationKind.Collapse)
            return new Part(PartKind.Exclusive) { IsHuge = projection.MapsHuge(one) };
        if (one.Kind == OperationKind.Fork)
            return new Part(PartKind.Fork);
        if (!one.Range.Overlaps(attempt.PmdRange))
            return new Part(PartKind.Look, TraceModel.ElsewhereWritten);
        int set = EntriesIn(one.Range);
        return one.Kind switch
        {
            OperationKind.DontNeed when projection.IsWhole(one) =>
                new Part(PartKind.DontNeed, 0, (1 << Shape.Eight.Pages) - 1) { IsWhole = true },
            OperationKind.DontNeed => DontNeed([.. one.Zaps.Select(Zapped).Where(entries => entries != 0)]),
            OperationKind.MadvFree => Some(PartKind.MadvFree, set),
            // It fills an empty PMD entry for a page outside of the window too.
            OperationKind.Userfaultfd => Some(PartKind.Userfaultfd, set != 0 || projection.IsPmd ? set : 1 << TraceModel.ElsewhereWritten),
            OperationKind.WriteFault or OperationKind.ReadFault => Fault(one, set),
            _ => new Part(PartKind.Look, TraceModel.ElsewhereWritten),
        };
    }

    /// <summary>The entries that a VMA's part of a range that is given up is about.</summary>
    public int Zapped(AddressRange zap) => EntriesIn(zap)
        | (projection.IsPmd || attempt.Window.Contains(zap) || !attempt.PmdRange.Overlaps(zap) ? 0 : 1 << TraceModel.ElsewhereGivenUp);

    private static Part DontNeed(ImmutableArray<int> zaps) =>
        Some(PartKind.DontNeed, zaps.Aggregate(0, (all, entries) => all | entries)) with { Zaps = Part.Packed(zaps) };

    private static Part Some(PartKind kind, int set) => set == 0 ? new Part(PartKind.Look, TraceModel.ElsewhereWritten)
        : new Part(kind, int.TrailingZeroCount(set), set);

    private int EntriesIn(AddressRange range) => Enumerable.Range(0, pages.Length)
        .Where(entry => range.Contains(attempt.AddressOf(pages[entry]))).Aggregate(0, (set, entry) => set | 1 << entry);

    private Part Fault(Operation one, int set)
    {
        if (projection.MapsHuge(one))
            return new Part(PartKind.Touch, projection.IsPmd ? Shape.Eight.Pages - 1 : TraceModel.ElsewhereWritten) { IsHuge = true };
        bool writes = one.Kind == OperationKind.WriteFault, isSwap = one.Events.Any(i => trace.All[i].Name == "dsp");
        // Of a folio that a fault maps nothing tells the order: any that is enabled, and whose first page this is.
        var maps = writes ? one.Events.Select(i => trace.All[i]).FirstOrDefault(each => each.Name == "mappte") : null;
        if (maps is not null)
        {
            long address = maps.Number("addr");
            int[] sets = [.. OrdersAt(address).Select(order => new AddressRange(address, CollapseAttempt.PageSize << order))
                .Select(folio => EntriesIn(folio) & ~set).Distinct().Where(more => more != 0).Take(2)];
            if (sets.Length > 0)
            {
                int entry = int.TrailingZeroCount(set | sets[^1]);
                bool isSmall = address == one.Address;
                return isSmall ? new Part(PartKind.Touch, entry, set, sets[0]) { More = sets[^1] }
                    : new Part(PartKind.Touch, entry, set | sets[0], sets[^1] & ~sets[0]);
            }
        }
        if (set == 0)
            return projection.IsPmd ? new Part(PartKind.Touch, Shape.Eight.Pages - 1)
                : writes ? new Part(PartKind.Touch, TraceModel.ElsewhereWritten, 1 << TraceModel.ElsewhereWritten)
                : new Part(PartKind.Touch, TraceModel.ElsewhereRead, 1 << TraceModel.ElsewhereRead) { IsZero = true };
        int only = int.TrailingZeroCount(set);
        return writes || isSwap ? new Part(PartKind.Fault, only) : new Part(PartKind.Touch, only, set) { IsZero = true };
    }

    private IEnumerable<int> OrdersAt(long address) => (trace.Setting(OrdersSetting)?.Split(' ') ?? ["2", "4"])
        .Select(word => int.TryParse(word, out int order) ? order : 0)
        .Where(order => order is > 0 and < CollapseAttempt.PmdOrder && address % (CollapseAttempt.PageSize << order) == 0);

    /// <summary>The states to begin in: what the trace tells first of each entry, and both ways of what it never tells.</summary>
    public IEnumerable<PackedState> Begin(SharedState s, TraceCollapser collapser)
    {
        var first = FirstOfEach();
        string table = string.Concat(Enumerable.Range(0, Shape.Eight.Pages).Select(entry => first.GetValueOrDefault(entry).Seen switch
        {
            PteSeen.Zero => 'z',
            PteSeen.Page => 'x',
            PteSeen.Absent => 's',
            _ => '.',
        }));
        List<PackedState> states = [.. Tables(table, first).Select(each => With(InitialState.Of(s, each),
            (collapser.Program.Source.Counter, collapser.Program.Start), (collapser.Own.Result, (int)ScanResult.Succeed),
            (projection.IsPmd ? collapser.Own.CapturedPmd : collapser.Own.CapturedSmall, 1)))];
        foreach (var (entry, (seen, value, _, _)) in first.Where(pair => pair.Value.Seen == PteSeen.Page))
            if (!PteValue.IsWritable(value))
                Vary(states, (s[entry].Writable, 0), (s[entry].Exclusive, 0));
        // Who takes a reference to a page does not say whether it may be written.
        foreach (var (entry, _) in first.Where(pair => pair.Value.IsPinned))
            Both(states, (s[entry].Writable, 0), (s[entry].Exclusive, 0));
        foreach (var (entry, _) in first.Where(pair => pair.Value.IsCopied))
            Both(states, (s[entry].Child, 1), (s[entry].Mappings.Own, 2), (s[entry].References.Own, 2));
        foreach (var (entry, _) in first.Where(pair => pair.Value.Seen == PteSeen.Page && PteValue.IsUffdWp(pair.Value.Value)))
            Vary(states, (s[entry].UffdWp, 1));
        if (trace.HasRole(Roles.HwPoison))
            foreach (var (entry, _) in first.Where(pair => pair.Value.Seen == PteSeen.Absent))
                Both(states, (s[entry].Pte, Holds.HwPoison));
        if (trace.Setting(NoneSetting) == "0")
            Vary(states, (s.MaxPtesNone, 0));
        if (trace.Setting(NoneSetting) == "0" && trace.HasRole(Roles.Settings))
            Both(states, (s.MaxPtesNone, s.MaxPtesNone.Max));
        if (first.Values.Any(one => one.Seen == PteSeen.Absent) || attempt.Events.Any(i => trace.All[i].Name == SwappedIn))
            Both(states, (collapser.Own.Unmapped, 1));
        return [.. states, .. states.Select(each => With(each, (s.Pmd, PmdHolds.None))),
            .. UnlessTold.IsOfHugePage(attempt.Status(trace)) ? states.Select(each => With(each, (s.Pmd, PmdHolds.Huge))) : []];

        PackedState With(PackedState from, params ReadOnlySpan<(Variable Variable, int Value)> values)
        {
            foreach (var (variable, value) in values)
                s.Layout.Set(ref from, variable, value);
            return from;
        }

        void Vary(List<PackedState> all, params (Variable Variable, int Value)[] values)
        {
            for (int i = 0; i < all.Count; i++)
                all[i] = With(all[i], values);
        }

        void Both(List<PackedState> all, params (Variable Variable, int Value)[] values) =>
            all.AddRange([.. all.Select(each => With(each, values))]);
    }

    // Which entry it was that a swap-in came to, and no more of them, nothing tells: one that nothing else is told of.
    private IEnumerable<string> Tables(string table, Dictionary<int, Told> first)
    {
        yield return table;
        for (int entry = 0; entry < Window && UnlessTold.IsOfSwap(attempt.Status(trace)); entry++)
            if (!first.ContainsKey(entry))
                yield return $"{table[..entry]}s{table[(entry + 1)..]}";
    }

    private readonly record struct Told(PteSeen Seen, long Value, bool IsCopied, bool IsPinned);

    // The first event that tells decides; what none tells makes no difference.
    private Dictionary<int, Told> FirstOfEach()
    {
        var found = new Dictionary<int, Told>();
        long? first = null;
        foreach (int i in projection.Events)
        {
            var one = trace.All[i];
            if (one.Name == "iso" && one.Pid == attempt.Pid)
                first ??= one.Number("ptep");
            if (Tells(one, i, first) is var (page, value) && EntryOf(page) is { } entry && !found.ContainsKey(entry))
                found[entry] = new Told(PteValue.Of(value), value, false, one.Name == Pins);
            // Whose folio begins before the page that a fault was for: there was nothing in its way up to there.
            if (one.Name == "mappte" && projection.OperationAt(i) is { Kind: OperationKind.WriteFault } maps)
                for (long address = one.Number("addr"); address <= maps.Address; address += CollapseAttempt.PageSize)
                    if (EntryAt(address) is { } empty)
                        found.TryAdd(empty, default);
            if (one.Name == "newrm" && CopiedBy(i) is { } copied && EntryOf(copied) is { } of && found.TryGetValue(of, out var told))
                found[of] = told with { IsCopied = true };
        }
        return found;
    }

    private int? CopiedBy(int i) => projection.IsCopy(i) ? attempt.PageOf(projection.OperationAt(i)!.Address) : null;

    private (int? Page, long Value)? Tells(TraceEvent one, int i, long? first) => one.Name switch
    {
        "iso" when one.Pid == attempt.Pid => ((int)((one.Number("ptep") - first!.Value) / sizeof(ulong)), one.Number("pte")),
        "poml_r" when one.Pid != attempt.Pid && one.Number("ptep") != 0 && !OfOtherTables.Any(one.IsIn) =>
            (attempt.PageOf(one.Number("addr")), one.Number("pte")),
        Pins when projection.OperationAt(i) is { } walk => (attempt.PageOf(walk.Address), PteValue.Of(PteSeen.Page)),
        // A fault that came to nothing: the page was there, and could be written.
        "hmf_r" when one.Number("ret") == 0 && projection.OperationAt(i) is { Kind: OperationKind.WriteFault } fault
            && !fault.Events.Any(each => trace.All[each].Name is "dap" or "dwp" or "dsp" or "mappmd") =>
            (attempt.PageOf(fault.Address), PteValue.Of(PteSeen.Page)),
        "dwp" or "dsp" => (attempt.PageOf(one.Number("addr")), one.Number("pte")),
        _ => null,
    };
}
