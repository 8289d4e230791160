using System.Collections.Immutable;

namespace KhugepagedSpec.Results;

/// <summary>
/// What a version's tracepoints print, to the byte, and how it names and numbers its results. Read from
/// <c>/sys/kernel/tracing/events/huge_memory/*/format</c> of the kernels themselves.
/// </summary>
/// <param name="Name">A short name for listings.</param>
public sealed record TraceText(string Name)
{
    // By number; Debian's 7.1.13, 7.2.6, 7.2.13, 7.3-rc7 and 7.3.4.
    private static readonly ImmutableArray<ScanResult> WithLazyFree =
        [.. Enum.GetValues<ScanResult>().Where(result => result != ScanResult.PageRo)];

    private static readonly ImmutableArray<ScanResult> WithoutLazyFree = WithLazyFree.Remove(ScanResult.PageLazyFree);

    // SCAN_PMD_NULL and SCAN_PMD_NONE, which are one result from 6.19 on.
    private static readonly ImmutableArray<ScanResult> WithTwoForNoTable =
        WithoutLazyFree.Insert((int)ScanResult.NoPteTable, ScanResult.NoPteTable);

    private static readonly ImmutableArray<ScanResult> WithReadOnly =
        WithTwoForNoTable.Insert(WithTwoForNoTable.IndexOf(ScanResult.PteMappedHugepage) + 1, ScanResult.PageRo);

    /// <summary>Linux 7.2, and the release candidates of 7.3.</summary>
    public static TraceText Linux72 { get; } = new("order");

    /// <summary>Linux 7.3: a scan line names a page only if that ended the scan.</summary>
    public static TraceText Linux73 { get; } =
        Linux72 with { Name = "order, ending page", ScanNamesEndingPageOnly = true, UffdResult = "SCAN_PTE_UFFD" };

    /// <summary>Linux 7.3's release candidates: the result has its new name, the scan line is 7.2's.</summary>
    public static TraceText Linux73Rc { get; } = Linux72 with { UffdResult = Linux73.UffdResult };

    /// <summary>Linux 7.1.</summary>
    public static TraceText Linux71 { get; } = new("no order") { HasOrder = false };

    /// <summary>Linux 6.19 and 7.0: no result for lazyfree pages.</summary>
    public static TraceText Linux70 { get; } = Linux71 with { Results = WithoutLazyFree };

    /// <summary>Linux 6.18: two results where no table is.</summary>
    public static TraceText Linux618 { get; } =
        Linux70 with { Name = "no order, pmd_none", Results = WithTwoForNoTable, NoTable = "pmd_none" };

    /// <summary>Linux 6.12 to 6.17: scan and isolation tell whether a PTE was writable.</summary>
    public static TraceText Linux617 { get; } = Linux618 with { Name = "writable, pmd_none", Results = WithReadOnly, HasWritable = true };

    /// <summary>Attempts, isolation and swap-in end in <c>order=</c> (from 7.2 on).</summary>
    public bool HasOrder { get; init; } = true;

    /// <summary>Scan and isolation have <c>writable=</c> (up to 6.17).</summary>
    public bool HasWritable { get; init; }

    /// <summary>
    /// A scan line names the page that ended the scan, and none if no page did; false: the last page looked at. From 7.3 on: by the
    /// time the line is written the page may be gone.
    /// </summary>
    public bool ScanNamesEndingPageOnly { get; init; }

    /// <summary>The results by number; the line of swap-in prints the number.</summary>
    public ImmutableArray<ScanResult> Results { get; init; } = WithLazyFree;

    /// <summary>What is printed where there is no PTE table.</summary>
    public string NoTable { get; init; } = ScanResult.NoPteTable.TraceName();

    /// <summary>The enumerator behind <c>pte_uffd_wp</c>, which is what is printed under either name.</summary>
    public string UffdResult { get; init; } = "SCAN_PTE_UFFD_WP";

    /// <summary>What a line prints for a result.</summary>
    public string TraceNameOf(ScanResult result) => result == ScanResult.NoPteTable ? NoTable : result.TraceName();

    /// <summary>Reads what a line prints for a result; SCAN_PMD_NULL is what <see cref="NoTable"/> is.</summary>
    /// <returns>False if no result of this version is called that.</returns>
    public bool TryParseTraceName(ReadOnlySpan<char> name, out ScanResult result)
    {
        if (name.SequenceEqual(NoTable) || (NoTable == "pmd_none" && name is "pmd_null"))
        {
            result = ScanResult.NoPteTable;
            return true;
        }
        return ScanResultNames.TryParseTraceName(name, out result) && Results.Contains(result)
            && TraceNameOf(result).AsSpan().SequenceEqual(name);
    }

    /// <summary>The enumerator of a result.</summary>
    public string KernelNameOf(ScanResult result) => result == ScanResult.PteUffdWp ? UffdResult : result.KernelName();

    /// <summary>The number of a result; -1 if this version has none such. Of two numbers the higher, SCAN_PMD_NONE.</summary>
    public int NumberOf(ScanResult result) => Results.LastIndexOf(result);

    /// <summary>The result of that number.</summary>
    /// <exception cref="FormatException">There is none; the message is one line.</exception>
    public ScanResult ResultOf(int number) =>
        number >= 0 && number < Results.Length ? Results[number]
            : throw new FormatException($"result {number}: expected 0 to {Results.Length - 1}");
}
