using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>An attempt, projected on the model's table: what is observed, in order, and the states that it can begin in.</summary>
internal sealed class Projection
{
    private readonly RaceTrace _trace;
    private readonly CollapseAttempt _attempt;

    public Projection(RaceTrace trace, CollapseAttempt attempt)
    {
        (_trace, _attempt) = (trace, attempt);
        // Of one VMA's lock nobody knows but who takes that lock.
        var vma = attempt.Events.Select(i => trace.All[i]).FirstOrDefault(one => one.Name == "vsw")?.Number("vma");
        string? mm = Mm(attempt.First);
        Operations =
        [
            .. attempt.Beside.Where(one => one.Held is { } held && (one.Vma == 0 ? Mm(held) is not { } its || mm is null || Same(its, mm)
                : vma is null || one.Vma == vma)),
        ];
        Events =
        [
            .. Operations.SelectMany(one => one.Events.Where(i => i >= one.Held && i <= attempt.Last)).Concat(attempt.Events).Order(),
        ];
    }

    /// <summary>What runs beside, with its lock held.</summary>
    public ImmutableArray<Operation> Operations { get; }

    /// <summary>What is observed: all of the attempt, and of what runs beside from its lock on.</summary>
    public ImmutableArray<int> Events { get; }

    /// <summary>Why the model cannot take it; null if it can.</summary>
    public string? CannotBe
    {
        get
        {
            if (_attempt.Order != TraceModel.Order)
                return $"order {_attempt.Order}";
            foreach (var one in Operations)
            {
                if (one.Unknown is { } unknown)
                    return $"no actor yet for {unknown}";
                if (one.Kind == OperationKind.DontNeed && one.IsIn(_attempt.Range, CollapseAttempt.PmdSize) && !IsWhole(one)
                    && one.Size > CollapseAttempt.PageSize)
                    return "MADV_DONTNEED of a part of the range";
            }
            if (_attempt.Events.Any(i => _trace.All[i].Name == "dsp"))
                return "swap-in";
            foreach (int i in Events)
                if (_trace.All[i] is { Name: "dwp" } copies && _attempt.PageOf(copies.Number("addr")) is not null
                    && PteValue.Of(copies.Number("pte")) == PteSeen.Page)
                    return "copy on write in the window";
            return null;
        }
    }

    /// <summary>An operation as the model is told it: its kind, whether it is outside the window, its entry (null for all).</summary>
    public (OperationKind Kind, bool IsElsewhere, int? Entry) Told(Operation one)
    {
        if (!one.IsIn(_attempt.Range, CollapseAttempt.PmdSize))
            return (OperationKind.Look, true, TraceModel.ElsewhereWritten);
        int? page = _attempt.PageOf(one.Address);
        return one.Kind switch
        {
            OperationKind.DontNeed => (one.Kind, page is null, IsWhole(one) ? null : page ?? TraceModel.ElsewhereGivenUp),
            OperationKind.WriteFault => (one.Kind, page is null, page ?? TraceModel.ElsewhereWritten),
            OperationKind.ReadFault => (one.Kind, page is null, page ?? TraceModel.ElsewhereRead),
            _ => (OperationKind.Look, true, TraceModel.ElsewhereWritten),
        };
    }

    /// <summary>The states to begin in: what the trace tells first of each entry, and what its end tells of the rest.</summary>
    public ImmutableArray<PackedState> Begin(SharedState s, TraceProgram collapser)
    {
        var state = InitialState.Of(s, string.Concat(Entries().Select(seen => seen switch
        {
            PteSeen.Zero => 'z',
            PteSeen.Page => 'x',
            PteSeen.Absent => 's',
            _ => '.',
        })) + "....");
        s.Layout.Set(ref state, s.Khugepaged.Counter!, collapser.Start);
        s.Layout.Set(ref state, s.Khugepaged.Result, (int)ScanResult.Succeed);
        s.Layout.Set(ref state, s.Khugepaged.CapturedSmall, 1);
        var without = state;
        s.Layout.Set(ref without, s.Pmd, PmdHolds.None);
        return [.. UnlessTold.Of(s, state, _attempt.Status(_trace)), without];
    }

    private bool IsWhole(Operation one) =>
        one.Address <= _attempt.Range && one.Address + one.Size >= _attempt.Range + CollapseAttempt.PmdSize;

    private string? Mm(int i) => _trace.All[i].Value("mm");

    private static bool Same(string a, string b) => a.EndsWith(b.AsSpan(Math.Max(0, b.Length - 16)), StringComparison.Ordinal)
        || b.EndsWith(a.AsSpan(Math.Max(0, a.Length - 16)), StringComparison.Ordinal);

    // The first event that tells decides; what none tells makes no difference.
    private PteSeen[] Entries()
    {
        var seen = new PteSeen?[1 << TraceModel.Order];
        long? first = null;
        foreach (int i in Events)
        {
            var one = _trace.All[i];
            if (one.Name == "iso" && one.Pid == _attempt.Pid)
                first ??= one.Number("ptep");
            if (Tells(one, first) is not var (page, value) || page < 0 || page >= seen.Length)
                continue;
            seen[page] ??= value;
        }
        return [.. seen.Select(each => each ?? PteSeen.None)];
    }

    private (int Page, PteSeen Value)? Tells(TraceEvent one, long? first) => one.Name switch
    {
        "iso" when one.Pid == _attempt.Pid => ((int)((one.Number("ptep") - first!.Value) / 8), PteValue.Of(one.Number("pte"))),
        "poml_r" when one.Pid != _attempt.Pid && one.Number("ptep") != 0 && (one.IsIn("do_anonymous_page") || one.IsIn("do_wp_page")) =>
            (_attempt.PageOf(one.Number("addr")) ?? -1, PteValue.Of(one.Number("pte"))),
        "dwp" => (_attempt.PageOf(one.Number("addr")) ?? -1, PteValue.Of(one.Number("pte"))),
        "rmrm" when one.Pid != _attempt.Pid => (_attempt.PageOf(one.Number("idx") * CollapseAttempt.PageSize) ?? -1, PteSeen.Page),
        _ => null,
    };
}
