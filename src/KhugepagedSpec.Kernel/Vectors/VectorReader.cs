using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Kernel.Vectors;

/// <summary>One line of a vector file: a vector, the file's description, or why it is neither.</summary>
/// <param name="Number">The line's number, from 1.</param>
/// <param name="Vector">The vector, if it is one.</param>
/// <param name="Meta">The kernel's description, if it is that.</param>
/// <param name="Error">What is wrong with it, one line; null if nothing.</param>
/// <param name="Length">Characters of the line, its end included.</param>
public readonly record struct VectorLine(int Number, RecordedVector? Vector, string? Meta, string? Error, int Length);

/// <summary>
/// Reads files of recorded vectors: one JSON object a line, the first describes the kernel. A pass may have <c>trace</c>, the kernel's
/// trace lines in their normal form (<see cref="TraceNormalForm"/>), which are compared whole; a pass without it is compared in all else.
/// </summary>
public static class VectorReader
{
    /// <summary>Reads a file line by line. A line that cannot be read is reported as such and loses no other.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IEnumerable<VectorLine> Read(string path, Geometry geometry)
    {
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
                yield return ReadLine(line, number, geometry);
        }
    }

    /// <summary>Reads one line.</summary>
    public static VectorLine ReadLine(string line, int number, Geometry geometry)
    {
        int length = line.Length + 1;
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new FormatException("expected a JSON object");
            if (root.TryGetProperty("meta", out var meta))
                return new VectorLine(number, null, meta.GetString(), null, length);
            return new VectorLine(number, ReadVector(root, geometry), null, null, length);
        }
        catch (JsonException error)
        {
            return new VectorLine(number, null, null, $"torn or malformed JSON at byte {(error.BytePositionInLine ?? 0) + 1}: expected one object a line", length);
        }
        catch (Exception error) when (error is FormatException or InvalidOperationException or KeyNotFoundException or OverflowException)
        {
            return new VectorLine(number, null, null, error.Message.ReplaceLineEndings(" "), length);
        }
    }

    private static RecordedVector ReadVector(JsonElement root, Geometry geometry)
    {
        var input = VectorInput.Parse(Text(root, "in"), geometry);
        long pmdKb = Member(root, "pre_pmd_kb").GetInt64();
        var before = ReadTable(root, "pre", pmdKb, geometry);
        ImmutableArray<RecordedPass> passes = [.. Member(root, "passes").EnumerateArray().Select(pass => ReadPass(pass, geometry))];
        return new RecordedVector
        {
            Input = input,
            Before = root.TryGetProperty("slots", out _) ? TableNotation.ReadSlots(before, Text(root, "slots")) : SlotsLeftOpen.Of(before, passes),
            Passes = passes,
            ProgramSlots = root.TryGetProperty("prog_slots", out _) ? ReadArray(root, "prog_slots", text => text) : [],
            ThenSlots = root.TryGetProperty("then_slots", out _) ? Text(root, "then_slots") : null,
            WrongPages = root.TryGetProperty("bad", out var bad) ? bad.GetInt32() : 0,
            ThenAfter = root.TryGetProperty("then", out var then) ? then.GetInt32() : 0,
        };
    }

    private static RecordedPass ReadPass(JsonElement pass, Geometry geometry)
    {
        long pmdKb = Member(pass, "pmd_kb").GetInt64();
        return new RecordedPass
        {
            Counters = ReadCounters(pass, geometry),
            After = ReadTable(pass, "snap", pmdKb, geometry),
            PmdMappedKb = pmdKb,
            Attempts = ReadArray(pass, "tries", ReadAttempt),
            Scans = ReadArray(pass, "scan", ReadScanLine),
            Trace = pass.TryGetProperty("trace", out _) ? ReadArray(pass, "trace", TraceNormalForm.Checked) : null,
            Return = pass.TryGetProperty("ret", out var ret) ? ret.GetInt32() : null,
            Errno = pass.TryGetProperty("errno", out var errno) ? errno.GetInt32() : null,
        };
    }

    private static PassCounters ReadCounters(JsonElement pass, Geometry geometry) => new(
        Member(pass, "adv").GetInt64(),
        Member(pass, "pc").GetInt64(),
        pass.TryGetProperty("stats", out var sizes) ? ReadSizes(sizes, geometry) : null,
        pass.TryGetProperty("events", out var events) ? [.. events.EnumerateObject().Select(one => (one.Name, one.Value.GetInt64()))] : null)
    {
        Gauges = pass.TryGetProperty("gauges", out var gauges) ? ReadSizes(gauges, geometry) : null,
        WarnedOfMaxPtesNone = pass.TryGetProperty("warned", out var warned) ? warned.GetBoolean() : null,
        CgroupCollapseAllocs = pass.TryGetProperty("memcg", out var charged) ? charged.GetInt64() : null,
    };

    private static ImmutableArray<(string Name, int Order, long Value)> ReadSizes(JsonElement sizes, Geometry geometry) =>
        [.. sizes.EnumerateObject().Select(size => ReadStatistic(size.Name, size.Value.GetInt64(), geometry))];

    private static ImmutableArray<T> ReadArray<T>(JsonElement parent, string name, Func<string, T> read)
    {
        var array = Member(parent, name);
        var items = ImmutableArray.CreateBuilder<T>(array.GetArrayLength());
        foreach (var item in array.EnumerateArray())
            items.Add(read(item.GetString() ?? throw new FormatException($"null in '{name}': expected text")));
        return items.MoveToImmutable();
    }

    private static PageTable ReadTable(JsonElement parent, string name, long pmdKb, Geometry geometry)
    {
        try
        {
            var table = TableNotation.Parse(Text(parent, name), geometry, padWithNone: false);
            if (table.Pmd is not (PmdState.Table or PmdState.Huge))
                return table;
            bool whole = table.Cells[0] is { Kind: PteKind.Page } first && first.Order == geometry.PmdOrder
                && table.Cells[^1].Kind == PteKind.Page && table.Cells[^1].Order == geometry.PmdOrder && pmdKb > 0;
            return whole ? new PageTable(geometry, table.Cells, PmdState.Huge) : table;
        }
        catch (NotationException error)
        {
            throw new FormatException($"'{name}': {error.Message}", error);
        }
    }

    private static (string Name, int Order, long Value) ReadStatistic(string key, long value, Geometry geometry)
    {
        int dot = key.LastIndexOf('.');
        if (dot < 1 || !int.TryParse(key.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int order) || order > geometry.PmdOrder)
            throw new FormatException($"statistic '{key}': expected <name>.<order>, orders 0 to {geometry.PmdOrder}");
        return (key[..dot], order, value);
    }

    // offset/order:status[:n<none>:r<referenced>][:sw<swapped in>/<result>]
    private static Attempt ReadAttempt(string text)
    {
        var rest = text.AsSpan();
        int offset = Number(Until(ref rest, '/'), text);
        int order = Number(Until(ref rest, ':'), text);
        var status = ReadResult(Until(ref rest, ':'), text);
        IsolateReport? isolate = null;
        SwapinReport? swapin = null;
        while (!rest.IsEmpty)
        {
            var field = Until(ref rest, ':');
            if (field.StartsWith("sw"))
            {
                var pair = field[2..];
                swapin = new SwapinReport(Number(Until(ref pair, '/'), text), (ScanResult)Number(pair, text));
            }
            else if (field.StartsWith("n"))
            {
                isolate = new IsolateReport(Number(field[1..], text), isolate?.Referenced ?? 0);
            }
            else if (field.StartsWith("r"))
            {
                isolate = new IsolateReport(isolate?.NoneOrZero ?? 0, Number(field[1..], text));
            }
            else
            {
                throw new FormatException($"attempt '{text}': expected offset/order:status:n<none>:r<referenced>:sw<swapped in>/<result>");
            }
        }
        return new Attempt(offset, order, status, isolate, swapin);
    }

    // status ref=R none=N unm=U
    private static ScanLine ReadScanLine(string text)
    {
        var rest = text.AsSpan();
        var status = ReadResult(Until(ref rest, ' '), text);
        return new ScanLine(status, Field(ref rest, "ref="), Field(ref rest, "none="), Field(ref rest, "unm="));

        int Field(ref ReadOnlySpan<char> from, string name)
        {
            var field = Until(ref from, ' ');
            return field.StartsWith(name) ? Number(field[name.Length..], text) : throw new FormatException($"scan line '{text}': expected status ref=R none=N unm=U");
        }
    }

    private static ReadOnlySpan<char> Until(ref ReadOnlySpan<char> rest, char end)
    {
        int at = rest.IndexOf(end);
        var head = at < 0 ? rest : rest[..at];
        rest = at < 0 ? [] : rest[(at + 1)..];
        return head;
    }

    private static ScanResult ReadResult(ReadOnlySpan<char> name, string text) =>
        ScanResultNames.TryParseTraceName(name, out var result) ? result : throw new FormatException($"unknown result '{name}' in '{text}'");

    private static int Number(ReadOnlySpan<char> digits, string text) =>
        int.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw new FormatException($"'{digits}' in '{text}': expected a number");

    private static string Text(JsonElement parent, string name) =>
        Member(parent, name).GetString() ?? throw new FormatException($"'{name}' is null: expected text");

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var member) ? member : throw new FormatException($"no '{name}': expected a recorded vector");
}
