using KhugepagedSpec.Collapse;

namespace KhugepagedSpec.Memory;

/// <summary>
/// One tracepoint of the system huge_memory; <see cref="object.ToString"/> is the line the kernel prints. Source: Linux 7.2,
/// <c>include/trace/events/huge_memory.h</c>.
/// </summary>
public abstract record TraceEvent
{
    private TraceEvent()
    {
    }

    /// <summary>Reads a line as the kernel prints it, from the tracepoint's name on.</summary>
    /// <exception cref="FormatException">It is no line of these tracepoints; the message is one line.</exception>
    public static TraceEvent Parse(string line)
    {
        var fields = new TraceFields(line);
        return fields.Name switch
        {
            "mm_khugepaged_scan_pmd" => new ScanPmd(
                fields.Hex("mm"), fields.Hex("scan_pfn"), fields.Number("referenced"), fields.Number("none_or_zero"), fields.Result("status"), fields.Number("unmapped")),
            "mm_collapse_huge_page" => new CollapseHugePage(fields.Hex("mm"), fields.Number("isolated") != 0, fields.Result("status"), fields.Number("order")),
            "mm_collapse_huge_page_isolate" => new Isolate(
                fields.Hex("scan_pfn"), fields.Number("none_or_zero"), fields.Number("referenced"), fields.Result("status"), fields.Number("order")),
            "mm_collapse_huge_page_swapin" => new Swapin(
                fields.Hex("mm"), fields.Number("swapped_in"), fields.Number("referenced"), (ScanResult)fields.Number("ret"), fields.Number("order")),
            "mm_khugepaged_scan" => new KhugepagedScan(fields.Hex("mm"), fields.Number("progress"), fields.Number("full_scan_finished") != 0),
            _ => throw new FormatException($"'{fields.Name}': expected a tracepoint of huge_memory that collapse hits"),
        };
    }

    private static string Mm(int mm) => $"mm={mm:x16}";

    private static string Pfn(int pfn) => $"scan_pfn=0x{(long)pfn:x}";

    /// <summary>mm_khugepaged_scan_pmd: the end of one PMD range, with the walk's result as status.</summary>
    public sealed record ScanPmd(int MmId, int ScanPfn, int Referenced, int NoneOrZero, ScanResult Status, int Unmapped) : TraceEvent
    {
        /// <inheritdoc/>
        public override string ToString() =>
            $"mm_khugepaged_scan_pmd: {Mm(MmId)}, {Pfn(ScanPfn)}, referenced={Referenced}, none_or_zero={NoneOrZero}, status={Status.TraceName()}, unmapped={Unmapped}";
    }

    /// <summary>mm_collapse_huge_page: the end of one attempt.</summary>
    public sealed record CollapseHugePage(int MmId, bool Isolated, ScanResult Status, int Order) : TraceEvent
    {
        /// <inheritdoc/>
        public override string ToString() =>
            $"mm_collapse_huge_page: {Mm(MmId)}, isolated={(Isolated ? 1 : 0)}, status={Status.TraceName()} order={Order}";
    }

    /// <summary>mm_collapse_huge_page_isolate: the end of isolation.</summary>
    public sealed record Isolate(int ScanPfn, int NoneOrZero, int Referenced, ScanResult Status, int Order) : TraceEvent
    {
        /// <inheritdoc/>
        public override string ToString() =>
            $"mm_collapse_huge_page_isolate: {Pfn(ScanPfn)}, none_or_zero={NoneOrZero}, referenced={Referenced}, status={Status.TraceName()} order={Order}";
    }

    /// <summary>mm_collapse_huge_page_swapin: the end of the swap-in step.</summary>
    public sealed record Swapin(int MmId, int SwappedIn, int Referenced, ScanResult Result, int Order) : TraceEvent
    {
        /// <inheritdoc/>
        public override string ToString() =>
            $"mm_collapse_huge_page_swapin: {Mm(MmId)}, swapped_in={SwappedIn}, referenced={Referenced}, ret={(int)Result}, order={Order}";
    }

    /// <summary>mm_khugepaged_scan: the end of one visit of a process.</summary>
    public sealed record KhugepagedScan(int MmId, long Progress, bool FullScanFinished) : TraceEvent
    {
        /// <inheritdoc/>
        public override string ToString() =>
            $"mm_khugepaged_scan: {Mm(MmId)}, progress={Progress}, full_scan_finished={(FullScanFinished ? 1 : 0)}";
    }
}
