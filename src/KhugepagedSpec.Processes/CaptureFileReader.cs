using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Processes;

/// <summary>Reads what <see cref="CaptureFile"/> wrote, line by line.</summary>
/// <param name="path">The file, or <c>-</c> for standard input.</param>
/// <param name="builder">Where the captures go.</param>
/// <param name="tables">Tables that were read before, by their text.</param>
internal sealed class CaptureFileReader(string path, MachineBuilder builder, Dictionary<(string Text, int Order), PageTable> tables)
{
    private const string Expected = "what khugepaged-spec capture wrote";

    private CaptureChecks _checks = new();
    private MachineHead? _machine;
    private CaptureHead? _head;
    private bool _isEnded;

    /// <summary>Reads all captures in it.</summary>
    /// <exception cref="CaptureException">It is not a capture; the message says which line and key and what was expected.</exception>
    public void Read()
    {
        int before = builder.Captures.Length;
        int number = 0;
        try
        {
            foreach (var line in InputFile.Lines(path, Expected))
            {
                number++;
                try
                {
                    Take(JsonShape.Read(line.Text, CaptureJson.Compact.CaptureLineJson));
                }
                catch (JsonShapeException) when (!line.IsWhole && number > 1)
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
        builder.Finish();
        var captures = builder.Captures;
        if (captures.Length == before)
            throw new CaptureException($"{InputFile.NameOf(path)}: it is empty: expected {Expected}");
        if (captures.Skip(before).Any(capture => capture.Processes.IsEmpty))
            throw new CaptureException($"{InputFile.NameOf(path)}: no process in it: expected {Expected}");
    }

    private void Take(CaptureLineJson line)
    {
        object?[] parts = [line.Machine, line.MachineEnd, line.Skipped, line.Head, line.Range, line.Vma, line.End];
        bool isInside = _head is not null && !_isEnded, isPartOfProcess = line.Range is not null || line.Vma is not null
            || line.End is not null;
        if (parts.Count(part => part is not null) != 1 || (_head is null && isPartOfProcess)
            || (isInside && !isPartOfProcess && line.Machine is null)
            || (_machine is null && (line.MachineEnd is not null || line.Skipped is not null)))
            throw new FormatException(isInside ? "expected a range, a vma or an end"
                : _machine is null ? "expected the head of a capture"
                : "expected the head of a process, one that was skipped or machineEnd");
        if (line.Machine is { } machine)
            Add(machine);
        else if (line.MachineEnd is { } last)
        {
            CaptureChecks.Cgroups(last.Cgroups);
            builder.End(last.Ending, [.. last.Cgroups.Select(cgroup => cgroup.ToFigures())]);
            _machine = null;
        }
        else if (line.Skipped is { } skipped)
            builder.Add(new SkippedProcess(skipped.Pid, skipped.Why));
        else if (line.Head is { } begin)
            Add(begin);
        else if (line.Range is { } range)
        {
            var captured = new CapturedRange(CaptureChecks.Page("range.at", range.At, _head!.PageBytes), range.Ranges,
                Table(range.Table, _head.Geometry), range.Changed);
            _checks.Add(captured);
            builder.Add(captured);
        }
        else if (line.Vma is { } vma)
            Add(vma, _head!.PageBytes);
        else if (line.End is { } end)
            Add(end, _head!.PageBytes);
    }

    private void Add(MachineHeadJson machine)
    {
        CaptureChecks.Machine(machine);
        _machine = new MachineHead(machine.Kernel, machine.At, machine.Asked, machine.Processes, machine.FreeBlocks);
        builder.Add(_machine);
        (_head, _isEnded) = (null, false);
    }

    private void Add(CaptureHeadJson head)
    {
        CaptureChecks.Sizes(head.PageBytes, head.PmdOrder);
        var before = _head;
        _head = new CaptureHead(
            head.Pid, head.Command, head.Kernel, head.At, head.PageBytes,
            head.Settings.ToSettings(new Geometry(head.PmdOrder)) with { ScanSleepMilliseconds = head.ScanSleepMilliseconds },
            head.ThpDisable)
        {
            Cgroup = head.Cgroup ?? "",
            Shared = head.Shared,
            Started = head.Started,
        };
        _checks = new CaptureChecks();
        _checks.Add(_head);
        if (_machine is not null && before is not null && before.PageBytes != _head.PageBytes)
            throw CaptureChecks.Wrong("head.pageBytes", $"{head.PageBytes}", $"{before.PageBytes}, as before: it is one machine");
        _isEnded = false;
        builder.Add(_head);
    }

    private void Add(CapturedVmaJson vma, int pageBytes)
    {
        var extent = new Vma(CaptureChecks.Page("vma.start", vma.Start, pageBytes), CaptureChecks.Page("vma.end", vma.End, pageBytes),
            vma.Flags, vma.HasAnonVma);
        var captured = new CapturedVma(extent, vma.Permissions, vma.Name, [], vma.Pages, vma.Outside, vma.Smaps, vma.Used, vma.Changed,
            vma.IsWhole);
        _checks.Add(captured);
        builder.Add(captured);
    }

    private void Add(CaptureEndJson end, int pageBytes)
    {
        var ended = new CaptureEnd(end.Ending, end.Vmas, end.Of,
            [.. end.ChangedVmas.Select(address => CaptureChecks.Page("end.changedVmas", address, pageBytes))])
        {
            Rollup = end.Rollup,
        };
        _checks.Add(ended);
        builder.Add(ended);
        _isEnded = true;
    }

    // A large process has the same tables again and again.
    private PageTable Table(string text, Geometry geometry)
    {
        if (tables.TryGetValue((text, geometry.PmdOrder), out var table))
            return table;
        try
        {
            return tables[(text, geometry.PmdOrder)] = TableNotation.Parse(text, geometry, padWithNone: false);
        }
        catch (NotationException error)
        {
            throw new FormatException($"key 'range.table': {error.Message}", error);
        }
    }
}
