using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Processes;

/// <summary>
/// A capture as a file: one JSON object a line. <c>machine</c> begins one of several processes, and <c>machineEnd</c> ends it; between
/// them stands a process after the other, each a <c>head</c>, for each VMA its <c>range</c>s and then the <c>vma</c>, and an <c>end</c>;
/// or <c>skipped</c> for one that could not be read. A process may stand alone, as it did before there were several. Several captures
/// may follow each other. Addresses are hexadecimal, sizes in pages. What has no end was cut short.
/// </summary>
public sealed class CaptureFile : IMachineSink, IDisposable
{
    private readonly TextWriter _writer;
    private CaptureHead? _head;

    /// <summary>Begins a file; closed with this.</summary>
    public CaptureFile(TextWriter writer) => _writer = writer;

    /// <inheritdoc/>
    public void Add(MachineHead head) =>
        Write(new CaptureLineJson { Machine = new MachineHeadJson(head.Kernel, head.At, head.Asked, head.Count, head.FreeBlocks) });

    /// <inheritdoc/>
    public void Add(SkippedProcess skipped) => Write(new CaptureLineJson { Skipped = new SkippedJson(skipped.Pid, skipped.Why) });

    /// <inheritdoc/>
    public void End(CaptureEnding ending, ImmutableArray<CgroupFigures> cgroups) => Write(new CaptureLineJson
    {
        MachineEnd = new MachineEndJson(ending, [.. cgroups.Select(CgroupJson.Of)]),
    });

    /// <inheritdoc/>
    public void Add(CaptureHead head)
    {
        _head = head;
        Write(new CaptureLineJson
        {
            Head = new CaptureHeadJson(
                head.Pid, head.Command, head.Kernel, head.At, head.PageBytes, head.Geometry.PmdOrder, SettingsJson.Of(head.Settings),
                head.Settings.ScanSleepMilliseconds, head.ThpDisable, head.Cgroup, head.Shared, head.Started),
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
        End = new CaptureEndJson(end.Ending, end.Vmas, end.Of, [.. end.ChangedVmas.Select(_head!.Address)], end.Rollup),
    });

    /// <summary>The one process of a file, or of standard input.</summary>
    /// <exception cref="CaptureException">It is not a capture, or one of several processes; the message is one line.</exception>
    public static ProcessCapture Read(string path) => ReadAll(path) is [{ Processes: [var one] }] ? one
        : throw new CaptureException($"{InputFile.NameOf(path)}: it has several processes: expected a capture of one");

    /// <summary>All captures of a file, or of standard input, in its order. A last line that is torn, or none, makes a capture that was
    /// cut short.</summary>
    /// <exception cref="CaptureException">It is not a capture; the message says which line and key and what was expected.</exception>
    public static ImmutableArray<MachineCapture> ReadAll(string path) => ReadAll([path]);

    /// <summary>All captures of several files, in time.</summary>
    /// <exception cref="CaptureException">One is not a capture, or captures have pages of different sizes.</exception>
    public static ImmutableArray<MachineCapture> ReadAll(IReadOnlyList<string> paths)
    {
        var (builder, tables) = (new MachineBuilder(), new Dictionary<(string Text, int Order), PageTable>());
        foreach (string path in paths)
            new CaptureFileReader(path, builder, tables).Read();
        ImmutableArray<MachineCapture> all = [.. builder.Captures.OrderBy(capture => capture.Head.At)];
        var head = all[0].Processes[0].Head;
        return all.All(capture => capture.Processes[0].Head.PageBytes == head.PageBytes) ? all
            : throw new CaptureException(
                $"{string.Join(", ", paths.Select(InputFile.NameOf))}: pages of different sizes: expected captures of one machine");
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _writer.Dispose();

    // Each line is a whole one as soon as it is there, so that a kill costs the rest and nothing else.
    private void Write(CaptureLineJson line)
    {
        _writer.WriteLine(JsonSerializer.Serialize(line, CaptureJson.Compact.CaptureLineJson));
        if (line.Range is null)
            _writer.Flush();
    }
}
