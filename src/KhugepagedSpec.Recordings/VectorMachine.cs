using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Recordings;

/// <summary>What a pass did to one process: the tables visited, and what its madvise call returned.</summary>
/// <param name="Report">What the pass did, to all processes.</param>
/// <param name="Tables">The PMD ranges of this one that were visited, in order.</param>
/// <param name="Madvise">What MADV_COLLAPSE returned; null for khugepaged.</param>
/// <param name="Trace">The trace lines of its ranges, in normal form; empty where they are not kept.</param>
public sealed record ProcessPass(PassReport Report, ImmutableArray<TableRun> Tables, MadviseReport? Madvise, ImmutableArray<string> Trace)
{
    /// <summary>What was counted towards pages_to_scan for this process; null for MADV_COLLAPSE, and where trace lines are not
    /// kept.</summary>
    public int? Progress { get; init; }
}

/// <summary>The recorder's guest, rebuilt in the model, with one process or several that were recorded together. Runs pass by
/// pass.</summary>
public sealed class VectorMachine
{
    private readonly CollapseKind _kind;
    private readonly Khugepaged _khugepaged;
    private Statistics _lastRead;

    /// <summary>Rebuilds the guest as it was just before the first pass.</summary>
    /// <param name="together">What was recorded in the same passes, under the same settings; at least one.</param>
    /// <param name="version">The khugepaged to run on it.</param>
    /// <param name="traced">Keep trace lines and every step of each walk.</param>
    public VectorMachine(IReadOnlyList<RecordedVector> together, KhugepagedVersion version, bool traced = false)
    {
        var input = together[0].Input;
        _kind = input.Kind;
        bool hasTrace = together.Any(vector => vector.Passes.Any(pass => pass.Trace is not null));
        Machine = new Machine(version, input.Settings, input.Faults)
        {
            Type = input.Machine,
            KeepWalks = traced,
            Numa = NumaTopology.Of(
                together.Max(vector => Daemon.Scenario.NodesOf(vector.Before, vector.Input.Has("far")).Nodes), input.Has("far")),
            Trace = traced || hasTrace ? [] : null,
        };

        // khugepaged does not run for nobody, so the agent keeps a process that it knows, without memory.
        if (together.All(vector => !vector.Input.Program.IsEmpty))
            Machine.AddProcess();
        Processes = [.. together.Select(vector => new VectorProcess(Machine, vector))];
        foreach (var process in Processes)
            process.Begin();
        _khugepaged = new Khugepaged(Machine);
        _lastRead = Machine.Statistics.Copy();
    }

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>The processes, in the order khugepaged came to know them.</summary>
    public ImmutableArray<VectorProcess> Processes { get; }

    /// <summary>True if the settings make VMAs eligible that never asked: the recorder's own, too.</summary>
    public bool OthersAreEligible => !Machine.Settings.OrdersFor(advised: false).IsEmpty;

    /// <summary>What the counters grew by since they were last read this way; the recorder reads them after each pass.</summary>
    public Statistics ReadStatistics()
    {
        var added = Machine.Statistics.Since(_lastRead);
        _lastRead = Machine.Statistics.Copy();
        return added;
    }

    // The lines of a range end with that of its scan, the only one that always says whose it is.
    private ImmutableArray<string> TraceOf(VectorProcess process)
    {
        var lines = new List<string>();
        var range = new List<TraceEvent>();
        foreach (var line in Machine.Trace ?? [])
        {
            if (line is TraceEvent.KhugepagedScan)
                continue;
            range.Add(line);
            if (line is not TraceEvent.ScanPmd scan)
                continue;
            if (process.Owns(scan.MmId))
                lines.AddRange(range.Select(one => one.Line(Machine.Version.Trace)));
            range.Clear();
        }
        return lines.Count == 0 ? [] : process.InNormalForm(lines);
    }

    private int? ProgressOf(VectorProcess process) => (int?)Machine.Trace?.OfType<TraceEvent.KhugepagedScan>()
        .Where(visit => visit.MmId == process.Process.Id).Sum(visit => visit.Progress);

    /// <summary>One full scan, or one MADV_COLLAPSE call by each process; what it did to each, in their order.</summary>
    public ImmutableArray<ProcessPass> Pass()
    {
        Machine.Memory.Clock++;
        Machine.Trace?.Clear();
        if (Machine.Trace is not null)
            foreach (var process in Processes)
                process.LookAtFolios();
        if (_kind == CollapseKind.Madvise)
        {
            var calls = Processes.Select(process => process.Collapse()).ToList();
            return [.. Processes.Zip(calls, (process, call) =>
                new ProcessPass(call.Report, [.. call.Report.Tables], call, TraceOf(process)))];
        }
        var report = _khugepaged.Pass();
        return [.. Processes.Select(process =>
            new ProcessPass(report, [.. report.Tables.Where(table => process.Owns(table.Mm))], null, TraceOf(process))
            {
                Progress = ProgressOf(process),
            })];
    }
}
