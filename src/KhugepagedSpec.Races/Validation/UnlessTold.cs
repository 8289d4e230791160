using System.Collections.Immutable;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// What no event tells: a page's count, its lock, its list, its order; a setting, or a VMA, that somebody changed outside of the trace.
/// How the attempt ended tells which of it can matter; there it may be so, or not.
/// </summary>
internal static class UnlessTold
{
    /// <summary>What may be true of the page at which isolation fails.</summary>
    public static ImmutableArray<(Variable Variable, int Value)> OfPage(SharedState s, EntryState entry, string? status)
    {
        // Some page, and nothing else about it that would end the attempt first.
        (Variable, int)[] source =
        [
            (entry.Pte, Holds.Source), (entry.References.Own, 2), (entry.Mappings.Own, 1), (entry.OnLru.Own, 1), (entry.Locked.Own, 0),
            (entry.InBatch.Own, 0), (entry.InSwapCache.Own, 0), (entry.Child, 0), (entry.Order, 0), (entry.LazyFree, 0),
            (entry.UffdWp, 0),
        ];
        return Result(status) switch
        {
            ScanResult.PteMappedHugepage => [.. source, (entry.References.Own, 1), (entry.Order, 1)],
            ScanResult.PageCount => [.. source],
            ScanResult.PageLock => [.. source, (entry.Locked.Own, 1)],
            ScanResult.DelPageLru => [.. source, (entry.References.Own, 1), (entry.OnLru.Own, 0)],
            ScanResult.PageLazyFree => [.. source, (entry.References.Own, 1), (entry.LazyFree, 1), (entry.Dirty, 0)],
            ScanResult.ExceedSharedPte => [.. source, (entry.Child, 1), (entry.Mappings.Own, 2), (s.MaxPtesShared, 0)],
            ScanResult.PteUffdWp => [.. source, (entry.References.Own, 1), (entry.UffdWp, 1)],
            _ => [],
        };
    }

    /// <summary>What need no more be true of that page from there on: who had it, or its lock, is not in the trace when it lets go
    /// either.</summary>
    public static ImmutableArray<(Variable Variable, int Value)> OfPageLater(EntryState entry, string? status) => Result(status) switch
    {
        ScanResult.PageCount => [(entry.References.Own, 1)],
        ScanResult.PageLock => [(entry.Locked.Own, 0)],
        ScanResult.DelPageLru => [(entry.OnLru.Own, 1)],
        _ => [],
    };

    /// <summary>What a look at the VMA may find.</summary>
    /// <param name="s">The variables.</param>
    /// <param name="status">How the attempt ended.</param>
    /// <param name="mayBeArmed">Somebody registers VMAs with userfaultfd.</param>
    public static ImmutableArray<(Variable Variable, int Value)> OfVma(SharedState s, string? status, bool mayBeArmed) =>
        Result(status) switch
        {
            // MADV_COLLAPSE is forbidden by no setting, but by a VMA that was mapped anew and has no page yet.
            ScanResult.VmaCheck => [(s.SmallEnabled, 0), (s.PmdEnabled, 0), (s.HasAnonVma, 0)],
            ScanResult.AddressRange => [(s.IsSplit, 1)],
            ScanResult.AnyProcess => [(s.ThpOff, 1)],
            ScanResult.ExceedNonePte when mayBeArmed => [(s.IsArmed, 1)],
            _ => [],
        };

    /// <summary>What need no more be true of the VMA once isolation has failed.</summary>
    public static ImmutableArray<(Variable Variable, int Value)> OfVmaLater(SharedState s, string? status) =>
        Result(status) == ScanResult.ExceedNonePte ? [(s.IsArmed, 0)] : [];

    /// <summary>Nobody has used any page of the window for a while.</summary>
    public static bool IsOfReferences(string? status) => Result(status) == ScanResult.LackReferencedPage;

    /// <summary>The attempt may have met a setting, or a VMA, that somebody outside of the trace had changed.</summary>
    public static bool IsOfSettings(string? status) => Result(status) == ScanResult.VmaCheck;

    /// <summary>The scan may have seen something absent.</summary>
    public static bool IsOfSwap(string? status) => Result(status) == ScanResult.ExceedSwapPte;

    /// <summary>There were more empty entries than allowed.</summary>
    public static bool IsOfNone(string? status) => Result(status) == ScanResult.ExceedNonePte;

    /// <summary>The PMD entry may have mapped a huge page.</summary>
    public static bool IsOfHugePage(string? status) => Result(status) == ScanResult.PmdMapped;

    private static ScanResult? Result(string? status) =>
        ScanResultNames.TryParseTraceName(status, out var result) ? result : null;
}
