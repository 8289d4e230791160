using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>
/// Captured processes in the model, alone on their machine: one khugepaged, which goes from one to the next and shares pages_to_scan
/// among them. Ranges that are alike are judged once, so that neither time nor memory grows with them. Ranges that changed while they
/// were read are left out: what was read of them was never true.
/// </summary>
public sealed class WhatIfMachine
{
    private readonly AlikeRanges _ranges;
    private readonly Khugepaged _khugepaged;
    private readonly int _processes;
    private readonly Queue<FullScan> _done = [];
    private readonly List<TableRun> _begun = [];
    private int _wakeUps;

    /// <summary>Rebuilds one process.</summary>
    /// <param name="capture">The process.</param>
    /// <param name="version">The khugepaged to run on it.</param>
    /// <param name="settings">The settings to run it under.</param>
    /// <param name="type">The machine that it would be; null for x86-64.</param>
    public WhatIfMachine(ProcessCapture capture, KhugepagedVersion version, ThpSettings settings, MachineType? type = null)
        : this([capture], version, settings, type)
    {
    }

    /// <summary>Rebuilds processes.</summary>
    /// <param name="captures">The processes, in the order in which khugepaged comes to them.</param>
    /// <param name="version">The khugepaged to run on them.</param>
    /// <param name="settings">The settings to run it under.</param>
    /// <param name="type">The machine that it would be; null for x86-64.</param>
    public WhatIfMachine(IReadOnlyCollection<ProcessCapture> captures, KhugepagedVersion version, ThpSettings settings,
        MachineType? type = null)
    {
        // Of this machine khugepaged sees the VMAs, and where there is an entry; the ranges lie with those that are like them.
        var machine = new Machine(version, settings) { Type = type ?? MachineType.X86 };
        _processes = captures.Count;
        _ranges = new(version, settings, machine.Type);
        foreach (var capture in captures)
        {
            var process = machine.AddProcess();
            process.ThpDisable = capture.Head.ThpDisable;
            foreach (var captured in capture.Vmas)
            {
                process.Add(captured.Vma);
                foreach (var range in captured.Ranges.Where(range => !range.Changed && range.Table.Pmd != PmdState.None))
                    for (long i = 0; i < range.Count; i++)
                    {
                        long start = range.Start + i * settings.Geometry.Pages;
                        process.TableAt(start);
                        _ranges.Put(process.Id, start, range.Table);
                    }
            }
        }
        _khugepaged = new Khugepaged(machine, _ranges) { PassesByEmptyRanges = true };
    }

    /// <summary>Pages that large folios map, by PTEs or by PMD entries, in what was rebuilt.</summary>
    public long LargePages => LargePagesByProcess.Sum();

    /// <summary>The same by process.</summary>
    public ImmutableArray<long> LargePagesByProcess => _ranges.Sums(_processes, table => table.Pmd == PmdState.Huge ? table.Cells.Length
        : table.Cells.LongCount(cell => cell is { Kind: PteKind.Page, Order: > 0 } && !cell.Has(CellFlags.NotAnon)));

    /// <summary>
    /// Pages that are swapped out, in what was rebuilt. What comes back is the difference: the kernel's <c>swapped_in</c> counts
    /// faults, each of which may bring back a folio (Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_swapin</c>).
    /// </summary>
    public long SwappedOut => SwappedOutByProcess.Sum();

    /// <summary>The same by process.</summary>
    public ImmutableArray<long> SwappedOutByProcess =>
        _ranges.Sums(_processes, table => table.Cells.LongCount(cell => cell.Kind == PteKind.Swap));

    /// <summary>Ranges that had to be judged: no other like them was known.</summary>
    public int Judged => _ranges.Judged;

    /// <summary>One PMD range as it is now.</summary>
    /// <param name="start">Its first page.</param>
    /// <param name="process">Which process, from 0.</param>
    public PageTable Table(long start, int process = 0) => _ranges.At(process + 1, start);

    /// <summary>
    /// Lets khugepaged wake up until it has been everywhere once more. A wake-up that comes to the end of the list begins anew,
    /// and what it did then belongs to the next scan; once most ranges are huge, it may come to the end twice.
    /// </summary>
    public FullScan Scan()
    {
        while (_done.Count == 0)
        {
            _ranges.WakeUp();
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

    /// <summary>Full scans until one makes nothing, that one included.</summary>
    /// <param name="most">Not more of them.</param>
    public IReadOnlyList<FullScan> ScansToItsEnd(int most)
    {
        List<FullScan> scans = [Scan()];
        while (scans[^1].Made.Any() && scans.Count < most)
            scans.Add(Scan());
        return scans;
    }
}

/// <summary>One full scan: of every process, one after the other.</summary>
/// <param name="Tables">The PMD ranges visited that have an entry.</param>
/// <param name="WakeUps">Wake-ups of khugepaged that it took, at pages_to_scan.</param>
public sealed record FullScan(IReadOnlyList<TableRun> Tables, int WakeUps)
{
    /// <summary>The folios made.</summary>
    public IEnumerable<(TableRun Table, Attempt Attempt)> Made =>
        Tables.SelectMany(table => table.Attempts.Where(attempt => attempt.Status == ScanResult.Succeed)
            .Select(attempt => (table, attempt)));
}
