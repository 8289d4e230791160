using KhugepagedSpec.Results;

namespace KhugepagedSpec.Machines;

/// <summary>
/// One tracepoint of the system huge_memory, and the line that a kernel prints for it, from the tracepoint's name on. Source: Linux
/// 7.2, <c>include/trace/events/huge_memory.h</c>, and what the kernels' own <c>format</c> files say (<see cref="TraceText"/>).
/// </summary>
public abstract record TraceEvent
{
    private TraceEvent()
    {
    }

    /// <summary>Reads a line as a kernel prints it, from the tracepoint's name on.</summary>
    /// <param name="line">The line.</param>
    /// <param name="text">The kernel's text.</param>
    /// <param name="pmdOrder">The order where the kernel prints none.</param>
    /// <exception cref="FormatException">It is no line of these tracepoints; the message is one line.</exception>
    public static TraceEvent Parse(string line, TraceText text, int pmdOrder)
    {
        var fields = new TraceFields(line);
        return fields.Name switch
        {
            "mm_khugepaged_scan_pmd" => new ScanPmd(
                fields.Hex("mm"), fields.Hex("scan_pfn"), fields.Number("referenced"), fields.Number("none_or_zero"),
                    fields.Result("status", text),
                fields.Number("unmapped"), IsWritable()),
            "mm_collapse_huge_page" => new CollapseHugePage(
                fields.Hex("mm"), fields.Number("isolated") != 0, fields.Result("status", text), Order()),
            "mm_collapse_huge_page_isolate" => new Isolate(
                fields.Hex("scan_pfn"), fields.Number("none_or_zero"), fields.Number("referenced"), fields.Result("status", text), Order(),
                IsWritable()),
            "mm_collapse_huge_page_swapin" => new Swapin(
                fields.Hex("mm"), fields.Number("swapped_in"), fields.Number("referenced"), text.ResultOf(fields.Number("ret")), Order()),
            "mm_khugepaged_scan" => new KhugepagedScan(fields.Hex("mm"), fields.Number("progress"),
                fields.Number("full_scan_finished") != 0),
            _ => throw new FormatException($"'{fields.Name}': expected a tracepoint of huge_memory that collapse hits"),
        };

        int Order() => text.HasOrder ? fields.Number("order") : pmdOrder;

        bool IsWritable() => text.HasWritable && fields.Number("writable") != 0;
    }

    /// <summary>The line that a kernel with this text prints.</summary>
    public abstract string Line(TraceText text);

    /// <summary>The line that Linux 7.2 prints.</summary>
    public sealed override string ToString() => Line(TraceText.Linux72);

    private static string Mm(int mm) => $"mm={mm:x16}";

    private static string Pfn(int pfn) => $"scan_pfn=0x{(long)pfn:x}";

    private static string Writable(TraceText text, bool isWritable) => text.HasWritable ? $"writable={(isWritable ? 1 : 0)}, " : "";

    private static string OrderField(TraceText text, int order) => text.HasOrder ? $", order={order}" : "";

    /// <summary>mm_khugepaged_scan_pmd: the end of one PMD range, with the walk's result as status.</summary>
    public sealed record ScanPmd(
        int MmId, int ScanPfn, int Referenced, int NoneOrZero, ScanResult Status, int Unmapped, bool IsWritable = false) : TraceEvent
    {
        /// <inheritdoc/>
        public override string Line(TraceText text) =>
            $"mm_khugepaged_scan_pmd: {Mm(MmId)}, {Pfn(ScanPfn)}, {Writable(text, IsWritable)}referenced={Referenced}, none_or_zero={NoneOrZero}, "
            + $"status={text.TraceNameOf(Status)}, unmapped={Unmapped}";
    }

    /// <summary>mm_collapse_huge_page: the end of one attempt.</summary>
    public sealed record CollapseHugePage(int MmId, bool Isolated, ScanResult Status, int Order) : TraceEvent
    {
        /// <inheritdoc/>
        public override string Line(TraceText text) =>
            $"mm_collapse_huge_page: {Mm(MmId)}, isolated={(Isolated ? 1 : 0)}, status={text.TraceNameOf(Status)}{OrderField(text, Order)}";
    }

    /// <summary>mm_collapse_huge_page_isolate: the end of isolation.</summary>
    public sealed record Isolate(
        int ScanPfn, int NoneOrZero, int Referenced, ScanResult Status, int Order, bool IsWritable = false) : TraceEvent
    {
        /// <inheritdoc/>
        public override string Line(TraceText text) =>
            $"mm_collapse_huge_page_isolate: {Pfn(ScanPfn)}, none_or_zero={NoneOrZero}, referenced={Referenced}, "
            + $"{Writable(text, IsWritable)}status={text.TraceNameOf(Status)}{OrderField(text, Order)}";
    }

    /// <summary>mm_collapse_huge_page_swapin: the end of the swap-in step.</summary>
    public sealed record Swapin(int MmId, int SwappedIn, int Referenced, ScanResult Result, int Order) : TraceEvent
    {
        /// <inheritdoc/>
        public override string Line(TraceText text) =>
            $"mm_collapse_huge_page_swapin: {Mm(MmId)}, swapped_in={SwappedIn}, referenced={Referenced}, ret={text.NumberOf(Result)}"
            + OrderField(text, Order);
    }

    /// <summary>mm_khugepaged_scan: the end of one visit of a process. From 7.0 on.</summary>
    public sealed record KhugepagedScan(int MmId, long Progress, bool FullScanFinished) : TraceEvent
    {
        /// <inheritdoc/>
        public override string Line(TraceText text) =>
            $"mm_khugepaged_scan: {Mm(MmId)}, progress={Progress}, full_scan_finished={(FullScanFinished ? 1 : 0)}";
    }
}
