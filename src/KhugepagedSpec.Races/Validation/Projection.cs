using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Races.Validation;

/// <summary>What of an attempt is observed, in order, and which pages of its window matter.</summary>
internal sealed class Projection
{
    private readonly RaceTrace _trace;
    private readonly CollapseAttempt _attempt;
    private readonly HashSet<int> _taken = [];
    private readonly long? _vma;

    public Projection(RaceTrace trace, CollapseAttempt attempt)
    {
        (_trace, _attempt) = (trace, attempt);
        _vma = attempt.Events.Select(i => trace.All[i]).FirstOrDefault(one => one.Name == "vsw")?.Number("vma");
        Operations =
        [
            .. attempt.Beside.Where(one => one.IsOf(attempt.Mm) && (one.Held is not null
                || one.IsIn(attempt.PmdRange))),
        ];
        IsForked = Operations.Any(one => one.Kind == OperationKind.Fork);
        HasHugePage = Operations.Any(MapsHuge);
        Events =
        [
            .. Operations.SelectMany(one => one.Events.Where(i => i >= (one.Held ?? one.First) && i <= attempt.Last))
                .Concat(attempt.Events).Concat(IsForked ? OfChildren() : []).Order(),
        ];
        (Seen, Failing) = Look();
    }

    /// <summary>What runs beside, with its lock held, or without one.</summary>
    public ImmutableArray<Operation> Operations { get; }

    /// <summary>The operation that an event is of; null if it is of none.</summary>
    public Operation? OperationAt(int i) => Operations.FirstOrDefault(each => each.Pid == _trace.All[i].Pid && each.First <= i
        && i <= each.Last);

    /// <summary>What is observed: all of the attempt, and of what runs beside from its lock on.</summary>
    public ImmutableArray<int> Events { get; }

    /// <summary>
    /// An operation has the lock of another VMA than the attempt's, as there are before VMAs merge: of one VMA's lock nobody knows but who
    /// takes that lock.
    /// </summary>
    public bool IsUnderOtherVma(Operation one) => one.Vma != 0 && one.Vma != _vma;

    /// <summary>The process forks meanwhile: a child shares its pages, and lets them go.</summary>
    public bool IsForked { get; }

    /// <summary>What isolation saw at each page that it came to.</summary>
    public IReadOnlyDictionary<int, PteSeen> Seen { get; }

    /// <summary>A page's folio was isolated with an earlier page of it.</summary>
    public bool IsOfTakenFolio(int page) => page != Failing && Seen[page] == PteSeen.Page && !_taken.Contains(page);

    /// <summary>The page at which isolation failed; null if it did not.</summary>
    public int? Failing { get; }

    public bool IsPmd => _attempt.Order == CollapseAttempt.PmdOrder;

    /// <summary>An operation maps a huge page.</summary>
    public bool MapsHuge(Operation one) => one.Events.Any(i => _trace.All[i].Name == "mappmd");

    /// <summary>Somebody beside the attempt, or before it, maps a huge page.</summary>
    public bool HasHugePage { get; }

    /// <summary>Why the model cannot take it; null if it can.</summary>
    public string? CannotBe => _attempt.Order < Shape.Eight.SmallOrder ? $"order {_attempt.Order}"
        : _attempt.HasEndlessPast ? "others were in the middle of something, one met by the next, since long before"
        : ScanResultNames.TryParseTraceName(_attempt.Status(_trace), out var result)
            && result is ScanResult.AllocHugePageFail or ScanResult.CgroupChargeFail ? "no memory for a folio: the model always has it"
        : Operations.Any(one => one.Zaps.Length > Part.MostZaps) ? $"more than {Part.MostZaps} VMAs given up one by one"
        : IsForked && CopiesWhatCame() ? "a page that came meanwhile is shared, and copied"
        : null;

    // In the model a page that came later is this process's alone, those of the window's new folio too.
    private bool CopiesWhatCame()
    {
        var came = new HashSet<int>();
        foreach (int i in Events)
            if (_trace.All[i] is { Name: "newrm" } one && _attempt.PageOf(one.Number("addr")) is { } page)
            {
                if (one.Pid == _attempt.Pid)
                    came.UnionWith(Enumerable.Range(0, 1 << _attempt.Order));
                else if (!came.Add(page) && IsCopy(i))
                    return true;
            }
        return false;
    }

    /// <summary>A fault that meets a page, and maps another, is what this event is of.</summary>
    public bool IsCopy(int i) => OperationAt(i) is { Kind: OperationKind.WriteFault } fault && fault.Events.Any(each =>
        _trace.All[each] is { Name: "dwp" } copies && PteValue.Of(copies.Number("pte")) == PteSeen.Page);

    /// <summary>
    /// The pages to be told, a group at a time: each page that somebody touches is in one, with those that stand for the rest. What
    /// is true of an attempt is true of each group.
    /// </summary>
    /// <param name="most">Pages touched that are told at once.</param>
    public IEnumerable<ImmutableArray<int>> Groups(int most)
    {
        int pages = 1 << _attempt.Order, room = TraceModel.Pages(IsPmd);
        if (pages <= room && most >= room)
        {
            yield return [.. Enumerable.Range(0, pages)];
            yield break;
        }
        var touched = Operations.SelectMany(Touched).Distinct().Order().ToList();
        // Somebody's page, so that never all of those told are empty; and where isolation ended.
        int[] always = [.. new[] { Failing ?? -1, Seen.FirstOrDefault(pair => pair.Value == PteSeen.Page && !touched.Contains(pair.Key),
            Seen.FirstOrDefault(pair => pair.Value == PteSeen.Page, new(-1, PteSeen.None))).Key }.Where(page => page >= 0).Distinct()];
        var parts = touched.Except(always).Chunk(Math.Max(1, Math.Min(most, room - always.Length))).DefaultIfEmpty([]);
        foreach (int[] part in parts)
        {
            int[] group = [.. always, .. part];
            yield return [.. group.Concat(Enumerable.Range(0, pages).Except(group).Except(touched))
                .Concat(Enumerable.Range(0, pages)).Distinct().Take(room).Order()];
        }
    }

    private IEnumerable<int> Touched(Operation one)
    {
        int pages = 1 << _attempt.Order;
        var ranges = one.ByMappings.Select(page => page.Range);
        if (one.Kind is not (OperationKind.Look or OperationKind.Exclusive or OperationKind.Fork) && !IsWhole(one))
            ranges = ranges.Append(one.Range);
        foreach (var range in ranges)
            for (int page = 0; page < pages; page++)
                if (range.Contains(_attempt.AddressOf(page)))
                    yield return page;
    }

    /// <summary>An operation is about all of the PMD range, at once.</summary>
    public bool IsWhole(Operation one) => one.Zaps.Length < 2 && one.Range.Contains(_attempt.PmdRange);

    // What isolation came to; it looks at a window from its beginning on.
    private (Dictionary<int, PteSeen>, int?) Look()
    {
        var seen = new Dictionary<int, PteSeen>();
        long? first = null;
        int? last = null, brought = null;
        string? said = null;
        foreach (int i in _attempt.Events)
        {
            var one = _trace.All[i];
            if (one.Name == "iso")
            {
                first ??= one.Number("ptep");
                last = (int)((one.Number("ptep") - first.Value) / sizeof(ulong));
                seen[last.Value] = PteValue.Of(one.Number("pte"));
            }
            else if (one.Name == "isol" && last is { } page)
                _taken.Add(page);
            else if (one.Name == "dsp")
                brought = _attempt.PageOf(one.Number("addr"));
            said ??= one.Name == "mm_collapse_huge_page_isolate" ? one.Value("status") : null;
        }
        // That too few were referenced is told behind the last page, and of no page.
        bool isOfPage = said is not null && said != "succeeded" && !UnlessTold.IsOfReferences(said);
        return (seen, isOfPage ? last : last is null ? brought : null);
    }

    private IEnumerable<int> OfChildren() => Enumerable.Range(_attempt.First, _attempt.Last - _attempt.First)
        .Where(i => IsOfChild(_trace.All[i]));

    /// <summary>A mapping is removed in other tables than the attempt's.</summary>
    public bool IsOfChild(TraceEvent one) => one.Name == "rmrm" && one.Pid != _attempt.Pid
        && _trace.Spaces.Of(one.Pid) is { } mm && _attempt.Mm is { } its && mm != its;
}
