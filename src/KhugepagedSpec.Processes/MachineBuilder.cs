using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>Where captures of several processes go: the machine, then process by process, the end.</summary>
public interface IMachineSink : ICaptureSink
{
    /// <summary>A machine; its processes come next.</summary>
    void Add(MachineHead head);

    /// <summary>A process that cannot be read; between two others.</summary>
    void Add(SkippedProcess skipped);

    /// <summary>Nothing more comes of this machine.</summary>
    void End(CaptureEnding ending, ImmutableArray<CgroupFigures> cgroups);
}

/// <summary>Captures of machines in memory, made of their parts.</summary>
/// <param name="isSummary">Only what can be counted is kept: every table is an empty one.</param>
public sealed class MachineBuilder(bool isSummary = false) : IMachineSink
{
    private readonly AlikeTables _tables = new();
    private readonly Dictionary<PmdState, PageTable> _empty = [];
    private readonly List<MachineCapture> _done = [];
    private readonly List<ProcessCapture> _processes = [];
    private readonly List<SkippedProcess> _skipped = [];
    private CaptureBuilder? _process;
    private MachineHead? _head;

    /// <summary>What was ended so far, and what was not and is finished.</summary>
    public ImmutableArray<MachineCapture> Captures => [.. _done];

    /// <summary>Nothing more comes: what was not ended was cut short.</summary>
    public void Finish()
    {
        Close();
        if (_head is not null)
            End(CaptureEnding.CutShort, []);
    }

    /// <inheritdoc/>
    public void Add(MachineHead head)
    {
        Finish();
        _head = head;
    }

    /// <inheritdoc/>
    public void Add(SkippedProcess skipped) => _skipped.Add(skipped);

    /// <inheritdoc/>
    public void Add(CaptureHead head)
    {
        Close();
        _process = new CaptureBuilder(_tables);
        _process.Add(head);
    }

    /// <inheritdoc/>
    public void Add(CapturedRange range) => _process!.Add(isSummary ? range with { Table = EmptyLike(range.Table) } : range);

    /// <inheritdoc/>
    public void Add(CapturedVma vma) => _process!.Add(vma);

    /// <inheritdoc/>
    public void Add(CaptureEnd end)
    {
        _process!.Add(end);
        Close();
    }

    /// <inheritdoc/>
    public void End(CaptureEnding ending, ImmutableArray<CgroupFigures> cgroups)
    {
        Close();
        _done.Add(Made(ending, cgroups));
        _head = null;
        _processes.Clear();
        _skipped.Clear();
    }

    private PageTable EmptyLike(PageTable table) => _empty.TryGetValue(table.Pmd, out var known) ? known
        : _empty[table.Pmd] = PageTable.Empty(table.Geometry, table.Pmd);

    private MachineCapture Made(CaptureEnding ending, ImmutableArray<CgroupFigures> cgroups) =>
        new(_head!, [.. _processes], [.. _skipped], cgroups, ending);

    private void Close()
    {
        if (_process?.Capture is not { } capture)
            return;
        // Before there were machines in files, a process stood alone.
        if (_head is null)
            _done.Add(MachineCapture.Of(capture));
        else
            _processes.Add(capture);
        _process = null;
    }
}
