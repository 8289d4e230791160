namespace KhugepagedSpec.Processes;

/// <summary>A process of this machine, to be captured. Needs root.</summary>
public sealed class LocalCapture : IDisposable
{
    private readonly LocalProc _proc = new();
    private readonly ProcessReader _reader;

    /// <summary>Looks at the process.</summary>
    /// <param name="pid">Its number.</param>
    /// <exception cref="CaptureException">There is none of that number, its memory may not be looked at, or the kernel cannot show
    /// it.</exception>
    public LocalCapture(int pid)
    {
        try
        {
            _reader = new ProcessReader(_proc, pid, Environment.SystemPageSize);
        }
        catch
        {
            _proc.Dispose();
            throw;
        }
    }

    /// <summary>The process and the machine.</summary>
    public CaptureHead Head => _reader.Head;

    /// <summary>The bytes of address space that a range means, for progress.</summary>
    public long Extent((ulong Start, ulong End) range) => _reader.Extent(range);

    /// <summary>Captures it, part by part, so that what was read before an interruption is kept.</summary>
    /// <param name="range">Only PMD ranges that overlap this, in bytes.</param>
    /// <param name="into">Told of each part as soon as it is read.</param>
    /// <param name="advance">Told how many bytes of address space were gone through since the last time.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CaptureException">The kernel hides what is needed.</exception>
    public CaptureEnd Read((ulong Start, ulong End) range, ICaptureSink into, Action<long> advance, CancellationToken cancellation) =>
        _reader.Read(range, into, advance, cancellation);

    /// <summary>Lets go of the process.</summary>
    public void Dispose() => _proc.Dispose();
}

/// <summary>Where a capture goes, part by part: the head, each VMA after its ranges, the end.</summary>
public interface ICaptureSink
{
    /// <summary>The first part.</summary>
    void Add(CaptureHead head);

    /// <summary>A range of the VMA that comes next.</summary>
    void Add(CapturedRange range);

    /// <summary>A VMA; its ranges came before and are not in it.</summary>
    void Add(CapturedVma vma);

    /// <summary>The last part.</summary>
    void Add(CaptureEnd end);
}

/// <summary>A capture in memory, made of its parts.</summary>
public sealed class CaptureBuilder : ICaptureSink
{
    private readonly List<CapturedVma> _vmas = [];
    private readonly List<CapturedRange> _ranges = [];
    private readonly AlikeTables _tables;
    private CaptureHead? _head;
    private CaptureEnd? _end;

    /// <summary>Begins one.</summary>
    public CaptureBuilder()
        : this(new AlikeTables())
    {
    }

    internal CaptureBuilder(AlikeTables tables) => _tables = tables;

    /// <summary>The capture so far; one without an end was cut short. Null without a head.</summary>
    public ProcessCapture? Capture => _head is null ? null
        : new ProcessCapture(_head, [.. _vmas], _end ?? new CaptureEnd(CaptureEnding.CutShort, _vmas.Count, _vmas.Count, []));

    /// <inheritdoc/>
    public void Add(CaptureHead head) => _head = head;

    /// <inheritdoc/>
    public void Add(CapturedRange range) => _ranges.Add(range with { Table = _tables.First(range.Table) });

    /// <inheritdoc/>
    public void Add(CapturedVma vma)
    {
        _vmas.Add(vma with { Ranges = [.. _ranges] });
        _ranges.Clear();
    }

    /// <inheritdoc/>
    public void Add(CaptureEnd end)
    {
        _end = end;
        _ranges.Clear();
    }
}
