using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Processes;

/// <summary>
/// A capture as a file: one JSON object a line, each with one of <c>head</c>, <c>range</c>, <c>vma</c> and <c>end</c>. Addresses
/// are hexadecimal, sizes in pages. One without <c>end</c> was cut short.
/// </summary>
public sealed class CaptureFile : ICaptureSink, IDisposable
{
    private const string Expected = "what khugepaged-spec capture wrote";

    private readonly TextWriter _writer;
    private CaptureHead? _head;

    /// <summary>Begins a file; closed with this.</summary>
    public CaptureFile(TextWriter writer) => _writer = writer;

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
            _head!.Address(vma.Vma.Start), _head.Address(vma.Vma.End), vma.Permissions, vma.Name, vma.Vma.Flags, vma.Vma.HasAnonVma,
                vma.Pages, vma.Outside, vma.Smaps,
            vma.Used, vma.Changed, vma.IsWhole),
    });

    /// <inheritdoc/>
    public void Add(CaptureEnd end) => Write(new CaptureLineJson
    {
        End = new CaptureEndJson(end.Ending, end.Vmas, end.Of, [.. end.ChangedVmas.Select(_head!.Address)]),
    });

    /// <summary>Closes the file.</summary>
    public void Dispose() => _writer.Dispose();

    /// <summary>Reads a file, or standard input. A last line that is torn, or none, makes a capture that was cut short.</summary>
    /// <exception cref="CaptureException">It is not a capture; the message says which line and key and what was expected.</exception>
    public static ProcessCapture Read(string path)
    {
        var (builder, checks) = (new CaptureBuilder(), new CaptureChecks());
        CaptureHead? head = null;
        int number = 0;
        try
        {
            foreach (var line in InputFile.Lines(path, Expected))
            {
                number++;
                try
                {
                    Take(JsonShape.Read(line.Text, CaptureJson.Compact.CaptureLineJson), builder, checks, ref head);
                }
                catch (JsonShapeException) when (!line.IsWhole && head is not null)
                {
                    // Torn: the capture ends before it.
                }
                catch (FormatException error)
                {
                    throw new CaptureException($"{InputFile.NameOf(path)}: line {number}: {OneLine.Of(error.Message)}");
                }
            }
        }
        catch (FormatException error)
        {
            throw new CaptureException(error.Message);
        }
        return builder.Capture ?? throw new CaptureException($"{InputFile.NameOf(path)}: it is empty: expected {Expected}");
    }

    private static void Take(CaptureLineJson line, CaptureBuilder into, CaptureChecks checks, ref CaptureHead? head)
    {
        if (new object?[] { line.Head, line.Range, line.Vma, line.End }.Count(part => part is not null) != 1
            || (line.Head is null) != (head is not null))
            throw new FormatException($"expected {(head is null ? "the head of a capture" : "a range, a vma or an end")}");
        if (line.Head is { } begin)
        {
            checks.Add(head = Head(begin));
            into.Add(head);
        }
        else if (line.Range is { } range)
        {
            var captured = new CapturedRange(CaptureChecks.Page("range.at", range.At, head!.PageBytes), range.Ranges,
                Table(range.Table, head.Geometry), range.Changed);
            checks.Add(captured);
            into.Add(captured);
        }
        else if (line.Vma is { } vma)
        {
            var extent = new Vma(CaptureChecks.Page("vma.start", vma.Start, head!.PageBytes),
                CaptureChecks.Page("vma.end", vma.End, head.PageBytes), vma.Flags, vma.HasAnonVma);
            var captured = new CapturedVma(extent, vma.Permissions, vma.Name, [], vma.Pages, vma.Outside, vma.Smaps, vma.Used, vma.Changed,
                vma.IsWhole);
            checks.Add(captured);
            into.Add(captured);
        }
        else if (line.End is { } end)
        {
            int pageBytes = head!.PageBytes;
            var ended = new CaptureEnd(end.Ending, end.Vmas, end.Of,
                [.. end.ChangedVmas.Select(address => CaptureChecks.Page("end.changedVmas", address, pageBytes))]);
            checks.Add(ended);
            into.Add(ended);
        }
    }

    private static PageTable Table(string text, Geometry geometry)
    {
        try
        {
            return TableNotation.Parse(text, geometry, padWithNone: false);
        }
        catch (NotationException error)
        {
            throw new FormatException($"key 'range.table': {error.Message}", error);
        }
    }

    private static CaptureHead Head(CaptureHeadJson head)
    {
        CaptureChecks.Sizes(head.PageBytes, head.PmdOrder);
        return new CaptureHead(
            head.Pid, head.Command, head.Kernel, head.At, head.PageBytes,
            head.Settings.ToSettings(new Geometry(head.PmdOrder)) with { ScanSleepMilliseconds = head.ScanSleepMilliseconds },
                head.ThpDisable);
    }

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
    int Pid, string Command, string Kernel, DateTimeOffset At, int PageBytes, int PmdOrder, SettingsJson Settings,
        long ScanSleepMilliseconds, ThpDisable ThpDisable);

internal sealed record CapturedRangeJson(string At, long Ranges, string Table, bool Changed);

internal sealed record CapturedVmaJson(
    string Start, string End, string Permissions, string Name, VmaFlags Flags, bool HasAnonVma, PageCounts Pages, PageCounts Outside,
        PageCounts Smaps, UsedPages Used, bool Changed,
    bool IsWhole);

internal sealed record CaptureEndJson(CaptureEnding Ending, int Vmas, int Of, ImmutableArray<string> ChangedVmas);

[JsonSerializable(typeof(CaptureLineJson))]
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class CaptureJson : JsonSerializerContext
{
    public static CaptureJson Compact => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
