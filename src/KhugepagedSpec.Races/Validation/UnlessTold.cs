using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// What no event tells of the first state: a page's count, its lock, its list, its order. How the attempt ended tells which of it can
/// matter; it is then tried both ways, entry by entry.
/// </summary>
internal static class UnlessTold
{
    /// <summary>The first states, given how the attempt ended, as the tracepoint names it.</summary>
    public static IEnumerable<PackedState> Of(SharedState s, PackedState state, string? status)
    {
        yield return state;
        if (Result(status) is not { } result)
            yield break;
        foreach (var entry in s.Entries.Take(1 << TraceModel.Order).Where(entry => s.Layout.Get(state, entry.Pte) == Holds.Source))
            if (OfPage(entry, result) is { Length: > 0 } values)
                yield return With(s, state, values);
        if (result == ScanResult.LackReferencedPage)
            yield return With(s, state, [.. s.Entries.Select(entry => (entry.Young, 0))]);
    }

    /// <summary>The attempt may have met a setting, or a VMA, that somebody outside of the trace had changed.</summary>
    public static bool IsOfSettings(string? status) => Result(status) == ScanResult.VmaCheck;

    private static ScanResult? Result(string? status) =>
        ScanResultNames.TryParseTraceName(status, out var result) ? result : null;

    private static PackedState With(SharedState s, PackedState state, ReadOnlySpan<(Variable Variable, int Value)> values)
    {
        foreach (var (variable, value) in values)
            s.Layout.Set(ref state, variable, value);
        return state;
    }

    private static (Variable Variable, int Value)[] OfPage(EntryState entry, ScanResult result) => result switch
    {
        ScanResult.PteMappedHugepage => [(entry.Order, 1)],
        ScanResult.PageCount => [(entry.References.Own, 2)],
        ScanResult.PageLock => [(entry.Locked.Own, 1)],
        ScanResult.DelPageLru => [(entry.OnLru.Own, 0)],
        ScanResult.PageLazyFree => [(entry.LazyFree, 1), (entry.Dirty, 0)],
        ScanResult.ExceedSharedPte =>
            [(entry.Child, 1), (entry.Mappings.Own, 2), (entry.References.Own, 2), (entry.Exclusive, 0), (entry.Writable, 0)],
        _ => [],
    };
}
