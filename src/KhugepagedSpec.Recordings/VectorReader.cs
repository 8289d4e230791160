using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Recordings;

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
    /// <summary>What a file of vectors should be, for messages.</summary>
    public const string Expected = "recorded vectors, one JSON object a line";

    /// <summary>Reads a file line by line. A line that cannot be read is reported as such and loses no other.</summary>
    /// <exception cref="FormatException">The file cannot be read.</exception>
    public static IEnumerable<VectorLine> Read(string path, Geometry geometry)
    {
        int number = 0;
        foreach (var line in InputFile.Lines(path, Expected))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line.Text))
                yield return ReadLine(line.Text, number, geometry);
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
                throw new FormatException($"{VectorJson.There(root)}: expected a JSON object");
            if (root.TryGetProperty("meta", out _))
                return new VectorLine(number, null, VectorJson.Text(root, "meta"), null, length);
            return new VectorLine(number, ReadVector(root, geometry), null, null, length);
        }
        catch (JsonException error)
        {
            return new VectorLine(number, null, null,
                $"torn or malformed JSON at byte {(error.BytePositionInLine ?? 0) + 1}: expected one object a line", length);
        }
        catch (InvalidOperationException)
        {
            // What the library says of a name.
            return new VectorLine(number, null, null, "half of a character in a key: expected a recorded vector", length);
        }
        catch (FormatException error)
        {
            return new VectorLine(number, null, null, OneLine.Of(error.Message), length);
        }
    }

    private static RecordedVector ReadVector(JsonElement root, Geometry geometry)
    {
        var input = VectorInput.Parse(VectorJson.Text(root, "in"), geometry);
        geometry = input.Settings.Geometry;
        long pmdKb = VectorJson.Whole(root, "pre_pmd_kb", 0, long.MaxValue);
        var before = ReadTable(root, "pre", pmdKb, geometry);
        ImmutableArray<RecordedPass> passes =
            [.. VectorJson.Items(root, "passes").Select(pass => ReadPass(VectorJson.Object(pass, "passes"), geometry))];
        return new RecordedVector
        {
            Input = input,
            Before = root.TryGetProperty("slots", out _) ? ReadSlots(before, VectorJson.Text(root, "slots"))
                : SlotsLeftOpen.Of(before, passes),
            Passes = passes,
            ProgramSlots = root.TryGetProperty("prog_slots", out _)
                ? ReadArray(root, "prog_slots", text => Slots("prog_slots", text, geometry)) : [],
            ThenSlots = root.TryGetProperty("then_slots", out _) ? Slots("then_slots", VectorJson.Text(root, "then_slots"), geometry)
                : null,
            WrongPages = (int)(VectorJson.WholeIfThere(root, "bad", 0, int.MaxValue) ?? 0),
            ThenAfter = (int)(VectorJson.WholeIfThere(root, "then", 0, int.MaxValue) ?? 0),
        };
    }

    private static RecordedPass ReadPass(JsonElement pass, Geometry geometry)
    {
        long pmdKb = VectorJson.Whole(pass, "pmd_kb", 0, long.MaxValue);
        return new RecordedPass
        {
            Counters = ReadCounters(pass, geometry),
            After = ReadTable(pass, "snap", pmdKb, geometry),
            PmdMappedKb = pmdKb,
            Attempts = ReadArray(pass, "tries", text => ReadAttempt(text, geometry)),
            Scans = ReadArray(pass, "scan", text => ReadScanLine(text, geometry)),
            Trace = pass.TryGetProperty("trace", out _) ? ReadArray(pass, "trace", TraceNormalForm.Checked) : null,
            Return = (int?)VectorJson.WholeIfThere(pass, "ret", int.MinValue, int.MaxValue),
            Errno = (int?)VectorJson.WholeIfThere(pass, "errno", int.MinValue, int.MaxValue),
        };
    }

    private static PassCounters ReadCounters(JsonElement pass, Geometry geometry) => new(
        VectorJson.Whole(pass, "adv", long.MinValue, long.MaxValue),
        VectorJson.Whole(pass, "pc", long.MinValue, long.MaxValue),
        pass.TryGetProperty("stats", out _) ? ReadSizes(pass, "stats", geometry) : null,
        pass.TryGetProperty("events", out _)
            ? [.. VectorJson.Members(pass, "events").Select(one => (one.Name, VectorJson.Whole(one.Value, one.Name)))] : null)
    {
        Gauges = pass.TryGetProperty("gauges", out _) ? ReadSizes(pass, "gauges", geometry) : null,
        WarnedOfMaxPtesNone = VectorJson.FlagIfThere(pass, "warned"),
        CgroupCollapseAllocs = VectorJson.WholeIfThere(pass, "memcg", long.MinValue, long.MaxValue),
    };

    private static ImmutableArray<(string Name, int Order, long Value)> ReadSizes(JsonElement pass, string key, Geometry geometry) =>
        [.. VectorJson.Members(pass, key).Select(size => ReadStatistic(size.Name, VectorJson.Whole(size.Value, size.Name), geometry))];

    private static ImmutableArray<T> ReadArray<T>(JsonElement parent, string name, Func<string, T> read)
    {
        var array = VectorJson.Items(parent, name);
        var items = ImmutableArray.CreateBuilder<T>();
        foreach (var item in array)
            items.Add(read(VectorJson.Text(item, name, "a list of texts")));
        return items.ToImmutable();
    }

    private static PageTable ReadTable(JsonElement parent, string name, long pmdKb, Geometry geometry)
    {
        try
        {
            var table = TableNotation.Parse(VectorJson.Text(parent, name), geometry, padWithNone: false);
            if (table.Pmd is not (PmdState.Table or PmdState.Huge))
                return table;
            bool whole = table.Cells[0] is { Kind: PteKind.Page } first && first.Order == geometry.PmdOrder
                && table.Cells[^1].Kind == PteKind.Page && table.Cells[^1].Order == geometry.PmdOrder && pmdKb > 0;
            return whole ? new PageTable(geometry, table.Cells, PmdState.Huge) : table;
        }
        catch (NotationException error)
        {
            throw new FormatException($"key '{name}': {error.Message}", error);
        }
    }

    private static (string Name, int Order, long Value) ReadStatistic(string key, long value, Geometry geometry)
    {
        int dot = key.LastIndexOf('.');
        if (dot < 1 || !int.TryParse(key.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int order)
            || order > geometry.PmdOrder)
            throw new FormatException($"statistic '{key}': expected <name>.<order>, orders 0 to {geometry.PmdOrder}");
        return (key[..dot], order, value);
    }

    // offset/order:status[:n<none>:r<referenced>][:sw<swapped in>/<result>]
    private static Attempt ReadAttempt(string text, Geometry geometry)
    {
        var rest = text.AsSpan();
        var place = Until(ref rest, '/');

        // From the observed range's first page: the range before it and the one after it are the process's too.
        int offset = WholeNumber.Read(place, -geometry.Pages, 2 * geometry.Pages - 1)
            ?? throw new FormatException(
                $"'{place}' in '{text}': expected {WholeNumber.Expected(place, -geometry.Pages, 2 * geometry.Pages - 1)}");
        int order = Number(Until(ref rest, ':'), text, geometry.PmdOrder);
        var status = ReadResult(Until(ref rest, ':'), text);
        IsolateReport? isolate = null;
        SwapinReport? swapin = null;
        while (!rest.IsEmpty)
        {
            var field = Until(ref rest, ':');
            if (field.StartsWith("sw"))
            {
                var pair = field[2..];
                int swappedIn = Number(Until(ref pair, '/'), text, geometry.Pages);
                int result = Number(pair, text, int.MaxValue);
                swapin = new SwapinReport(swappedIn, Enum.IsDefined((ScanResult)result) ? (ScanResult)result
                    : throw new FormatException(
                    $"unknown result {result} in '{text}': expected 0 to {(int)Enum.GetValues<ScanResult>().Max()}"));
            }
            else if (field.StartsWith("n"))
            {
                isolate = new IsolateReport(Number(field[1..], text, geometry.Pages), isolate?.Referenced ?? 0);
            }
            else if (field.StartsWith("r"))
            {
                isolate = new IsolateReport(isolate?.NoneOrZero ?? 0, Number(field[1..], text, geometry.Pages));
            }
            else
            {
                throw new FormatException($"attempt '{text}': expected offset/order:status:n<none>:r<referenced>:sw<swapped in>/<result>");
            }
        }
        return new Attempt(offset, order, status, isolate, swapin);
    }

    // status ref=R none=N unm=U
    private static ScanLine ReadScanLine(string text, Geometry geometry)
    {
        var rest = text.AsSpan();
        var status = ReadResult(Until(ref rest, ' '), text);
        return new ScanLine(status, Field(ref rest, "ref="), Field(ref rest, "none="), Field(ref rest, "unm="));

        int Field(ref ReadOnlySpan<char> from, string name)
        {
            var field = Until(ref from, ' ');
            return field.StartsWith(name) ? Number(field[name.Length..], text, geometry.Pages)
                : throw new FormatException($"scan line '{text}': expected status ref=R none=N unm=U");
        }
    }

    private static PageTable ReadSlots(PageTable before, string text) => Named("slots", () => TableNotation.ReadSlots(before, text));

    // As it was written, once it is sure that it can be read.
    private static string Slots(string key, string text, Geometry geometry)
    {
        Named(key, () => TableNotation.ReadSlots(text, geometry.Pages));
        return text;
    }

    private static T Named<T>(string key, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (NotationException error)
        {
            throw new FormatException($"key '{key}': {error.Message}", error);
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
        ScanResultNames.TryParseTraceName(name, out var result) ? result
            : throw new FormatException($"unknown result '{name}' in '{text}': expected one as trace lines have it");

    private static int Number(ReadOnlySpan<char> digits, string text, int most) =>
        WholeNumber.Read(digits, 0,
            most) ?? throw new FormatException($"'{digits}' in '{text}': expected {WholeNumber.Expected(digits, 0, most)}");
}
