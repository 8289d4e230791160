using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>
/// The PMD ranges of all processes, judged once where they are alike. What becomes of a range depends on its table, its VMA, whether the
/// process refuses THP, and how many folios of others lie in the CPU's LRU batch when khugepaged comes to it, which says when the range's
/// own leave it; and on nothing else.
/// </summary>
internal sealed class AlikeRanges : IRangeVisitor
{
    private readonly KhugepagedVersion _version;
    private readonly ThpSettings _settings;
    private readonly MachineType _type;
    private readonly List<Dictionary<long, int>> _ranges = [];
    private readonly List<PageTable> _tables = [];
    private readonly Dictionary<PageTable, int> _numbers = [];
    private readonly Dictionary<(int Table, Vma Vma, ThpDisable Refusal, int Batch), Outcome> _outcomes = [];
    private int _batch;

    public AlikeRanges(KhugepagedVersion version, ThpSettings settings, MachineType type) =>
        (_version, _settings, _type) = (version, settings, type);

    /// <summary>Ranges that were judged, and not known from another.</summary>
    public int Judged => _outcomes.Count;

    /// <summary>Puts a table into a process, by its number from 1.</summary>
    public void Put(int mm, long start, PageTable table) => Of(mm)[start] = NumberOf(table);

    /// <summary>The table there as it is now.</summary>
    public PageTable At(int mm, long start) => Of(mm).TryGetValue(start, out int number) ? _tables[number]
        : PageTable.Empty(_settings.Geometry, PmdState.None);

    /// <summary>The sum of something over all tables, a process an element.</summary>
    public ImmutableArray<long> Sums(int processes, Func<PageTable, long> of)
    {
        long[] each = [.. _tables.Select(of)];
        return [.. Enumerable.Range(1, processes).Select(mm => Of(mm).Values.Sum(number => each[number]))];
    }

    /// <summary>A wake-up begins, and drains the batch.</summary>
    public void WakeUp() => _batch = 0;

    public TableRun Run(AddressSpace mm, Vma vma, long start, CollapseKind kind, ref long progress)
    {
        var ranges = Of(mm.Id);
        int table = ranges.TryGetValue(start, out int known) ? known : NumberOf(PageTable.Empty(_settings.Geometry, PmdState.None));
        var seen = Seen(vma, start);
        ref var outcome = ref CollectionsMarshal.GetValueRefOrAddDefault(_outcomes, (table, seen, mm.ThpDisable, _batch), out bool isKnown);
        if (!isKnown)
            outcome = Judge(_tables[table], seen, mm.ThpDisable, kind);
        ranges[start] = outcome.Table;
        _batch = outcome.Batch;
        progress += outcome.Progress;
        return outcome.Run.At(mm.Id, start);
    }

    // Of the VMA as seen from the range's first page: what lies farther off than a range makes no difference.
    private Vma Seen(Vma vma, long start) => vma with
    {
        Start = Math.Max(vma.Start - start, -_settings.Geometry.Pages),
        End = Math.Min(vma.End - start, 2 * _settings.Geometry.Pages),
    };

    private Outcome Judge(PageTable table, Vma vma, ThpDisable refusal, CollapseKind kind)
    {
        var machine = new Machine(_version, _settings) { Type = _type };
        var process = machine.AddProcess();
        process.ThpDisable = refusal;
        process.Add(vma);
        TableImage.Place(machine, process, 0, table);
        for (int i = 0; i < _batch; i++)
            machine.LruBatch.Add(machine.Memory.Allocate(0), isLarge: false);
        long progress = 0;
        var run = Khugepaged.RangesOf(machine).Run(process, vma, 0, kind, ref progress);
        return new(run, NumberOf(TableImage.Read(machine, process, 0)), machine.LruBatch.Count, progress);
    }

    private Dictionary<long, int> Of(int mm)
    {
        while (_ranges.Count < mm)
            _ranges.Add([]);
        return _ranges[mm - 1];
    }

    private int NumberOf(PageTable table)
    {
        if (_numbers.TryGetValue(table, out int number))
            return number;
        _numbers.Add(table, _tables.Count);
        _tables.Add(table);
        return _tables.Count - 1;
    }

    private readonly record struct Outcome(TableRun Run, int Table, int Batch, long Progress);
}
