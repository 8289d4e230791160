using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Kernel.Capture;

/// <summary>
/// A capture as a file: one JSON object a line, each with one of <c>head</c>, <c>range</c>, <c>vma</c> and <c>end</c>. Addresses
/// are hexadecimal, sizes in pages. One without <c>end</c> was cut short.
/// </summary>
public sealed class CaptureFile : ICaptureSink, IDisposable
{
    private readonly StreamWriter _writer;
    private CaptureHead? _head;

    /// <summary>Begins a file.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public CaptureFile(string path) => _writer = new StreamWriter(path);

    /// <inheritdoc/>
    public void Add(CaptureHead head)
    {
        _head = head;
        Write(new CaptureLineJson
        {
            Head = new CaptureHeadJson(
                head.Pid, head.Command, head.Kernel, head.At, head.PageBytes, head.Geometry.PmdOrder, SettingsJson.Of(head.Settings),
                head.Settings.ScanSleepMilliseconds, head.ThpDisable),
        });
    }

    /// <inheritdoc/>
    public void Add(CapturedRange range) => Write(new CaptureLineJson
    {
        Range = new CapturedRangeJson(_head!.Address(range.Start), range.Count, range.Table.ToString(), range.Changed),
    });

    /// <inheritdoc/>
    public void Add(CapturedVma vma) => Write(new CaptureLineJson
    {
        Vma = new CapturedVmaJson(
            _head!.Address(vma.Vma.Start), _head.Address(vma.Vma.End), vma.Permissions, vma.Name, vma.Vma.Flags, vma.Vma.HasAnonVma, vma.Pages, vma.Outside, vma.Smaps,
            vma.Used, vma.Changed, vma.IsWhole),
    });

    /// <inheritdoc/>
    public void Add(CaptureEnd end) => Write(new CaptureLineJson
    {
        End = new CaptureEndJson(end.Ending, end.Vmas, end.Of, [.. end.ChangedVmas.Select(_head!.Address)]),
    });

    /// <summary>Closes the file.</summary>
    public void Dispose() => _writer.Dispose();

    /// <summary>Reads a file. A last line that is torn, or none, makes a capture that was cut short.</summary>
    /// <exception cref="CaptureException">It is not a capture; the message says which line and what was expected.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ProcessCapture Read(string path)
    {
        var builder = new CaptureBuilder();
        CaptureHead? head = null;
        string? problem = null;
        int number = 0;
        foreach (string text in File.ReadLines(path))
        {
            // Only the last line may be torn.
            if (problem is not null)
                throw new CaptureException(problem);
            number++;
            try
            {
                if (!Take(JsonSerializer.Deserialize(text, CaptureJson.Compact.CaptureLineJson) ?? new(), builder, ref head))
                    problem = $"{path}: line {number}: expected {(head is null ? "the head of a capture" : "a range, a vma or an end")}";
            }
            catch (Exception error) when (error is JsonException or FormatException or OverflowException)
            {
                problem = $"{path}: line {number}: {error.Message.ReplaceLineEndings(" ")}";
            }
            if (problem is not null && head is null)
                throw new CaptureException(problem);
        }
        return builder.Capture ?? throw new CaptureException($"{path}: it is empty: expected what khugepaged-spec capture wrote");
    }

    private static bool Take(CaptureLineJson line, CaptureBuilder into, ref CaptureHead? head)
    {
        if (line.Head is { } begin && head is null)
            into.Add(head = Head(begin));
        else if (head is null)
            return false;
        else if (line.Range is { } range)
            into.Add(new CapturedRange(Page(range.At, head), range.Ranges, TableNotation.Parse(range.Table, head.Geometry, padWithNone: false), range.Changed));
        else if (line.Vma is { } vma)
            into.Add(new CapturedVma(
                new Vma(Page(vma.Start, head), Page(vma.End, head), vma.Flags, vma.HasAnonVma), vma.Permissions, vma.Name, [], vma.Pages, vma.Outside, vma.Smaps, vma.Used, vma.Changed, vma.IsWhole));
        else if (line.End is { } end)
            into.Add(new CaptureEnd(end.Ending, end.Vmas, end.Of, [.. ChangedPages(end, head)]));
        else
            return false;
        return true;
    }

    private static IEnumerable<long> ChangedPages(CaptureEndJson end, CaptureHead head) => end.ChangedVmas.Select(address => Page(address, head));

    private static CaptureHead Head(CaptureHeadJson head)
    {
        if (head.PmdOrder is < Geometry.MinOrder or > Geometry.MaxPmdOrder)
            throw new FormatException($"pmdOrder {head.PmdOrder}: expected {Geometry.MinOrder} to {Geometry.MaxPmdOrder}");
        return new CaptureHead(
            head.Pid, head.Command, head.Kernel, head.At, head.PageBytes,
            head.Settings.ToSettings(new Geometry(head.PmdOrder)) with { ScanSleepMilliseconds = head.ScanSleepMilliseconds }, head.ThpDisable);
    }

    private static long Page(string address, CaptureHead head) =>
        (long)(ulong.Parse(address, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) / (ulong)head.PageBytes);

    // Each line is a whole one as soon as it is there, so that a kill costs the rest and nothing else.
    private void Write(CaptureLineJson line)
    {
        _writer.WriteLine(JsonSerializer.Serialize(line, CaptureJson.Compact.CaptureLineJson));
        if (line.Range is null)
            _writer.Flush();
    }
}

internal sealed record CaptureLineJson
{
    public CaptureHeadJson? Head { get; init; }

    public CapturedRangeJson? Range { get; init; }

    public CapturedVmaJson? Vma { get; init; }

    public CaptureEndJson? End { get; init; }
}

internal sealed record CaptureHeadJson(
    int Pid, string Command, string Kernel, DateTimeOffset At, int PageBytes, int PmdOrder, SettingsJson Settings, long ScanSleepMilliseconds, ThpDisable ThpDisable);

internal sealed record CapturedRangeJson(string At, long Ranges, string Table, bool Changed);

internal sealed record CapturedVmaJson(
    string Start, string End, string Permissions, string Name, VmaFlags Flags, bool HasAnonVma, PageCounts Pages, PageCounts Outside, PageCounts Smaps, UsedPages Used, bool Changed,
    bool IsWhole);

internal sealed record CaptureEndJson(CaptureEnding Ending, int Vmas, int Of, ImmutableArray<string> ChangedVmas);

[JsonSerializable(typeof(CaptureLineJson))]
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class CaptureJson : JsonSerializerContext
{
    public static CaptureJson Compact => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
