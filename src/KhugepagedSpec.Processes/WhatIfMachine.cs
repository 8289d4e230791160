using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>
/// A captured process, rebuilt in the model, alone on its machine. Ranges that changed while they were read are left out: what
/// was read of them was never true.
/// </summary>
public sealed class WhatIfMachine
{
    private readonly Machine _machine;
    private readonly AddressSpace _process;
    private readonly Khugepaged _khugepaged;
    private readonly Queue<FullScan> _done = [];
    private readonly List<TableRun> _begun = [];
    private int _wakeUps;

    /// <summary>Rebuilds it.</summary>
    /// <param name="capture">The process.</param>
    /// <param name="version">The khugepaged to run on it.</param>
    /// <param name="settings">The settings to run it under.</param>
    public WhatIfMachine(ProcessCapture capture, KhugepagedVersion version, ThpSettings settings)
    {
        _machine = new Machine(version, settings);
        _process = _machine.AddProcess();
        _process.ThpDisable = capture.Head.ThpDisable;
        foreach (var captured in capture.Vmas)
        {
            _process.Add(captured.Vma);
            foreach (var range in captured.Ranges.Where(range => !range.Changed && range.Table.Pmd != PmdState.None))
                for (long i = 0; i < range.Count; i++)
                    TableImage.Place(_machine, _process, range.Start + i * _machine.Geometry.Pages, range.Table);
        }
        _khugepaged = new Khugepaged(_machine) { PassesByEmptyRanges = true };
    }

    /// <summary>Pages that large folios map, by PTEs or by PMD entries, in what was rebuilt.</summary>
    public long LargePages
    {
        get
        {
            long huge = _process.Tables.LongCount(table => table.Pmd == PmdState.Huge) * _machine.Geometry.Pages;
            return huge + Count(pte => pte.Kind == PteKind.Page && _machine.Memory.FolioOf(pte.Pfn) is { Order: > 0 } folio
                && !folio.Has(FolioFlags.NotAnon));
        }
    }

    /// <summary>
    /// Pages that are swapped out, in what was rebuilt. What comes back is the difference: the kernel's <c>swapped_in</c> counts
    /// faults, each of which may bring back a folio (Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_swapin</c>).
    /// </summary>
    public long SwappedOut => Count(pte => pte.Kind == PteKind.Swap);

    /// <summary>One PMD range as it is now.</summary>
    /// <param name="start">Its first page.</param>
    public PageTable Table(long start) => TableImage.Read(_machine, _process, start);

    /// <summary>
    /// Lets khugepaged wake up until it has been everywhere once more. A wake-up that comes to the end of the list begins anew,
    /// and what it did then belongs to the next scan; once most ranges are huge, it may come to the end twice.
    /// </summary>
    public FullScan Scan()
    {
        while (_done.Count == 0)
        {
            var pass = _khugepaged.Pass();
            _wakeUps++;
            int from = 0;
            foreach (int end in pass.FullScanEnds)
            {
                _done.Enqueue(new FullScan([.. _begun, .. pass.Tables.Take(from..end)], _wakeUps));
                _begun.Clear();
                _wakeUps = 1;
                from = end;
            }
            _begun.AddRange(pass.Tables.Skip(from));
            if (_begun.Count == 0)
                _wakeUps = 0;
        }
        return _done.Dequeue();
    }

    private long Count(Func<Pte, bool> isCounted)
    {
        long count = 0;
        foreach (var table in _process.Tables.Where(table => table.Pmd == PmdState.Table))
            foreach (var pte in table.Ptes)
                count += isCounted(pte) ? 1 : 0;
        return count;
    }
}

/// <summary>One full scan of a process.</summary>
/// <param name="Tables">The PMD ranges visited that have an entry.</param>
/// <param name="WakeUps">Wake-ups of khugepaged that it took, at pages_to_scan.</param>
public sealed record FullScan(IReadOnlyList<TableRun> Tables, int WakeUps)
{
    /// <summary>Folios allocated: every attempt begins with one.</summary>
    public long Tried => Tables.Sum(table => (long)table.Attempts.Count);

    /// <summary>The folios made.</summary>
    public IEnumerable<(TableRun Table, Attempt Attempt)> Made =>
        Tables.SelectMany(table => table.Attempts.Where(attempt => attempt.Status == ScanResult.Succeed)
            .Select(attempt => (table, attempt)));

    /// <summary>Folios given back unused.</summary>
    public long Wasted => Tried - Made.LongCount();
}
