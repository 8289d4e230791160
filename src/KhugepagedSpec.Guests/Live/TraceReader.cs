using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What the tracepoints told of one PMD range: its attempts, and its scan line.</summary>
/// <param name="Address">The range's first byte.</param>
/// <param name="Attempts">The calls of collapse_huge_page, offsets from the range's first page.</param>
/// <param name="Scan">The mm_khugepaged_scan_pmd line; null if the visit hit none.</param>
/// <param name="Lines">The tracepoints' lines, as the kernel printed them.</param>
internal sealed record TracedRange(long Address, List<Attempt> Attempts, ScanLine? Scan, List<string> Lines)
{
    /// <summary>For the first range of its process: what all mm_khugepaged_scan lines say of the process, together, was counted towards
    /// pages_to_scan; null for another, and where there is no such line.</summary>
    public int? Progress { get; init; }
}

/// <summary>
/// Reads the events of <c>huge_memory</c> and of two kprobes, one line each: <c>range</c> where a PMD range is visited,
/// <c>attempt</c> where collapse_huge_page is called, neither of which a tracepoint tells.
/// </summary>
internal static class TraceReader
{
    /// <summary>The name of the probe on a visit to a PMD range; its field is <c>addr</c>.</summary>
    public const string RangeProbe = "khs_range";

    /// <summary>The name of the probe on collapse_huge_page; its fields are <c>addr</c> and, from 7.2 on, <c>order</c>.</summary>
    public const string AttemptProbe = "khs_attempt";

    /// <summary>Reads the lines of one pass.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="machine">The machine that the guest is; the order of attempts whose probe does not tell it is its PMD's.</param>
    /// <param name="words">What the kernel calls its results.</param>
    /// <param name="probesAttempts">
    /// An attempt begins at its probe; false: at the first event behind the one that ended the attempt before, at an offset that nothing
    /// tells.
    /// </param>
    /// <exception cref="FormatException">A line has a result that nothing is known of, or lacks a field; the message is one
    /// line.</exception>
    public static List<TracedRange> Read(string text, MachineType machine, TraceText words, bool probesAttempts = true)
    {
        int pmdOrder = machine.Geometry.PmdOrder;
        bool isUnderWay = false;
        var ranges = new List<TracedRange>();
        var visits = new ProcessVisits();
        foreach (string line in text.Split('\n'))
        {
            var (name, fields) = Split(line);
            var range = ranges.Count > 0 ? ranges[^1] : null;
            if (name is "mm_collapse_huge_page_swapin" or "mm_collapse_huge_page_isolate" or "mm_collapse_huge_page" or "mm_khugepaged_scan_pmd")
                range?.Lines.Add(line.Trim());
            if (!probesAttempts && !isUnderWay
                && name is "mm_collapse_huge_page_swapin" or "mm_collapse_huge_page_isolate" or "mm_collapse_huge_page")
                range?.Attempts.Add(new Attempt(Attempt.UnknownOffset, fields.TryGetValue("order", out string? its) ? Number(its)
                    : pmdOrder, ScanResult.Fail, null, null));
            isUnderWay = name is "mm_collapse_huge_page_swapin" or "mm_collapse_huge_page_isolate"
                || (isUnderWay && name != "mm_collapse_huge_page");
            switch (name)
            {
                case RangeProbe:
                    ranges.Add(new TracedRange(Hex(Of(fields, "addr")), [], null, []));
                    break;
                case AttemptProbe:
                    int order = fields.TryGetValue("order", out string? some) ? Number(some) : pmdOrder;
                    range?.Attempts.Add(new Attempt((int)((Hex(Of(fields, "addr")) - range.Address) / machine.PageBytes), order,
                        ScanResult.Fail, null, null));
                    break;
                case "mm_collapse_huge_page_swapin":
                    Last(range, attempt => attempt with
                    {
                        Swapin = new SwapinReport(Number(Of(fields, "swapped_in")),
                        words.ResultOf(Number(Of(fields, "ret"))))
                    });
                    break;
                case "mm_collapse_huge_page_isolate":
                    Last(range, attempt => attempt with
                    {
                        Isolate = new IsolateReport(Number(Of(fields, "none_or_zero")),
                        Number(Of(fields, "referenced")))
                    });
                    break;
                case "mm_collapse_huge_page":
                    Last(range, attempt => attempt with { Status = Result(Of(fields, "status"), words) });
                    break;
                case "mm_khugepaged_scan_pmd":
                    if (range is { Scan: null })
                        ranges[^1] = range with
                        {
                            Scan = new ScanLine(
                                Result(Of(fields, "status"), words), Number(Of(fields, "referenced")), Number(Of(fields, "none_or_zero")),
                                    Number(Of(fields, "unmapped"))),
                        };
                    break;
                case "mm_khugepaged_scan":
                    visits.Add(Of(fields, "mm"), Number(Of(fields, "progress")), ranges.Count);
                    break;
            }
        }
        visits.AddTo(ranges);
        return ranges;
    }

    // A visit to a process ends with the line that names it. Of the ranges since the one before, all are its own.
    private sealed class ProcessVisits
    {
        private readonly Dictionary<string, (int? FirstRange, int Progress)> _processes = new(StringComparer.Ordinal);
        private int _ranges;

        public void Add(string mm, int progress, int ranges)
        {
            var (first, before) = _processes.GetValueOrDefault(mm);
            _processes[mm] = (first ?? (_ranges < ranges ? _ranges : null), before + progress);
            _ranges = ranges;
        }

        public void AddTo(List<TracedRange> ranges)
        {
            foreach (var (first, progress) in _processes.Values)
                if (first is { } range)
                    ranges[range] = ranges[range] with { Progress = progress };
        }
    }

    private static void Last(TracedRange? range, Func<Attempt, Attempt> change)
    {
        if (range is { Attempts.Count: > 0 })
            range.Attempts[^1] = change(range.Attempts[^1]);
    }

    // name: key=value, key=value key=value; a probe's own text stands before its fields.
    private static (string Name, Dictionary<string, string> Fields) Split(string line)
    {
        int colon = line.IndexOf(':');
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        if (colon < 0)
            return ("", fields);
        foreach (string word in line[(colon + 1)..].Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
            if (word.IndexOf('=') is var equals and > 0)
                fields[word[..equals]] = word[(equals + 1)..];
        return (line[..colon].Trim(), fields);
    }

    private static string Of(Dictionary<string, string> fields, string name) =>
        fields.GetValueOrDefault(name) ?? throw new FormatException($"no {name}= in a trace line");

    private static ScanResult Result(string name, TraceText words) =>
        words.TryParseTraceName(name, out var result) ? result : throw new FormatException($"unknown result '{name}' in a trace line");

    private static int Number(string digits) => int.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static long Hex(string digits) => long.Parse(digits.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
