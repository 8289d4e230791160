using KhugepagedSpec.Results;

namespace KhugepagedSpec.Policies;

/// <summary>What the walk does after an attempt.</summary>
public enum WalkVerdict
{
    /// <summary>Done with this window: go on after it.</summary>
    Advance,

    /// <summary>Try the next lower order at the same place.</summary>
    Lower,

    /// <summary>Give up on the rest of the PMD range.</summary>
    Stop,
}

/// <summary>A set of results.</summary>
/// <param name="Bits">Bit n set: the result numbered n is in the set.</param>
public readonly record struct ResultSet(ulong Bits)
{
    /// <summary>Makes the set of <paramref name="results"/>.</summary>
    public static ResultSet Of(params ReadOnlySpan<ScanResult> results)
    {
        ulong bits = 0;
        foreach (var result in results)
            bits |= 1ul << (int)result;
        return new ResultSet(bits);
    }

    /// <summary>Results in either set.</summary>
    public static ResultSet operator |(ResultSet a, ResultSet b) => new(a.Bits | b.Bits);

    /// <summary>Results in the first set and not in the second.</summary>
    public static ResultSet operator -(ResultSet a, ResultSet b) => new(a.Bits & ~b.Bits);

    /// <summary>True if <paramref name="result"/> is in the set.</summary>
    public bool Contains(ScanResult result) => (Bits >> (int)result & 1) != 0;
}

/// <summary>
/// What each result of an attempt means for the walk. Source: Linux 7.2, <c>mm/khugepaged.c:mthp_collapse</c>.
/// </summary>
/// <param name="Name">A short name for listings.</param>
/// <param name="Advances">Results after which the window is done.</param>
/// <param name="Lowers">Results after which a lower order is tried; any result in neither set ends the walk.</param>
public sealed record RetryTable(string Name, ResultSet Advances, ResultSet Lowers)
{
    /// <summary>Linux 7.2, as in v19.</summary>
    public static RetryTable Linux72 { get; } = new(
        "v19",
        ResultSet.Of(ScanResult.Succeed, ScanResult.PteMappedHugepage),
        ResultSet.Of(
            ScanResult.AllocHugePageFail, ScanResult.LackReferencedPage, ScanResult.ExceedNonePte, ScanResult.ExceedSwapPte,
            ScanResult.ExceedSharedPte, ScanResult.PageLock, ScanResult.PageCount, ScanResult.PageNull, ScanResult.DelPageLru,
            ScanResult.PteNonPresent, ScanResult.PteUffdWp, ScanResult.PageLazyFree));

    /// <summary>Up to v12: success is done with, everything else descends.</summary>
    public static RetryTable AllFailuresLower { get; } = new(
        "all failures lower", ResultSet.Of(ScanResult.Succeed), new ResultSet(uint.MaxValue) - ResultSet.Of(ScanResult.Succeed));

    /// <summary>The table with one result given another verdict.</summary>
    public RetryTable Moving(ScanResult result, WalkVerdict verdict)
    {
        var one = ResultSet.Of(result);
        return new RetryTable(
            $"{Name}, {result.KernelName()} {verdict.ToString().ToLowerInvariant()}",
            verdict == WalkVerdict.Advance ? Advances | one : Advances - one,
            verdict == WalkVerdict.Lower ? Lowers | one : Lowers - one);
    }

    /// <summary>The verdict on <paramref name="result"/>.</summary>
    public WalkVerdict For(ScanResult result) =>
        Advances.Contains(result) ? WalkVerdict.Advance
        : Lowers.Contains(result) ? WalkVerdict.Lower
        : WalkVerdict.Stop;
}
