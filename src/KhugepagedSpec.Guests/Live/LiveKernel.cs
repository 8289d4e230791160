using System.Text;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// A kernel under observation: prepared so that khugepaged does one full scan when told and nothing otherwise, with its
/// tracepoints and counters open.
/// </summary>
internal sealed partial class LiveKernel : IDisposable
{
    private const string AllTracing = "/sys/kernel/tracing", Instance = $"{AllTracing}/instances/khugepaged-spec", VmStat = "/proc/vmstat";

    // The agent takes no more; the last one is not for scenarios.
    internal const int LastProcess = 63;

    // A CPU keeps few free pages of its own, of which blocks form when it gives them back, and an allocation that falls back to another
    // migratetype's block wakes no kcompactd (mm/page_alloc.c:boost_watermark).
    private const string NoHiddenBlocks = "set /proc/sys/vm/min_free_kbytes 1024\nset /proc/sys/vm/watermark_boost_factor 0\n"
        + "set /proc/sys/vm/percpu_pagelist_high_fraction 1000000\n";

    // A guest that is silent for this long hangs: a pass over many tables takes tens of milliseconds, and fragmenting memory a second, but
    // on a host that others use a hundred times that. One that dies says so at once.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), WithAnotherProcessor = TimeSpan.FromSeconds(180);

    private readonly GuestKernel _guest;
    private readonly LiveCounters _counters;
    private readonly Dictionary<string, string> _settings = [];
    private int? _fragmentedFrom;
    private readonly List<string> _log = [];
    private readonly bool _scansOthers, _hasWriters, _isTimed;
    private readonly int? _daemonCpu;
    private bool _hasWarned;

    private LiveKernel(GuestKernel guest, CachedKernel kernel, bool hasWriters, bool isTimed)
    {
        _guest = guest;
        _daemonCpu = kernel.Machine.DaemonCpu;
        (_hasWriters, _isTimed) = (hasWriters, isTimed);
        _scansOthers = kernel.ScansOthers;
        Abilities = KernelAbilities.FromGreeting(_guest.Greeting) with { BalancesNuma = kernel.Machine.BalancesNuma };
        if (kernel.Machine.ModelledAs is { } other)
            Abilities = Abilities with { ModelledAs = other };
        if (isTimed)
            Abilities = Abilities with { HasEvents = false };
        _counters = Prepare();
    }

    // Where others work, an instance of its own.
    private string Tracing => Abilities.IsHere ? Instance : AllTracing;

    private MachineType Type => Abilities.Machine;

    private Geometry Geometry => Type.Geometry;

    /// <summary>What it can be asked for.</summary>
    public KernelAbilities Abilities { get; private set; }

    /// <summary>What it logged of itself while it booted, if something was wrong.</summary>
    public Splat? AtBoot { get; private set; }

    /// <summary>Boots a kernel and prepares it.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="hasWriters">It has a CPU more, for a thread that writes.</param>
    /// <param name="isTimed">Its tracepoints stay off, and how long khugepaged runs is noted.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static LiveKernel Boot(CachedKernel kernel, bool hasWriters = false, bool isTimed = false) =>
        kernel.IsHere ? GuestKernel.Here(Patience, guest => new LiveKernel(guest, kernel, hasWriters: false, isTimed))
            : Emulation.Retry(() => GuestKernel.Boot(
                kernel with { Machine = kernel.Machine with { Cpus = kernel.Machine.Cpus + (hasWriters ? 1 : 0) } },
                kernel.Flavour.Architecture.IsOfHost ? Patience : WithAnotherProcessor,
                guest => new LiveKernel(guest, kernel, hasWriters, isTimed)));

    /// <summary>Has a process take steps; 0 is the agent.</summary>
    /// <exception cref="GuestException">The guest does not answer, or has ended, or a step failed.</exception>
    public List<AgentPart> Take(int process, string steps) => _guest.Take(process, steps);

    /// <summary>The same, where a step may fail: <paramref name="error"/> says how.</summary>
    public List<AgentPart> Take(int process, string steps, out string error) => _guest.Take(process, steps, out error);

    /// <summary>Has each process take steps, as fast as the guest can.</summary>
    /// <exception cref="GuestException">The guest does not answer, or has ended, or a step failed.</exception>
    public List<List<AgentPart>> TakeEach(IEnumerable<(int Process, string Steps)> requests) => _guest.TakeEach(requests);

    /// <summary>The same, where a step may fail: the error says how.</summary>
    public List<(List<AgentPart> Parts, string Error)> TryEach(IEnumerable<(int Process, string Steps)> requests) =>
        _guest.TryEach(requests);

    /// <summary>Writes files below <c>/sys/kernel/mm/transparent_hugepage</c> that do not have the value already.</summary>
    public void SetThp(params ReadOnlySpan<(string File, string Value)> values)
    {
        var steps = new StepWriter(Type);
        foreach (var (file, value) in values)
        {
            if (_settings.GetValueOrDefault(file) == value)
                continue;
            steps.SetThp(file, value);
            _settings[file] = value;
        }
        _guest.Take(0, steps.Take());
    }

    /// <summary>
    /// No size but the PMD's, and that only where asked for: what tables are built under. Before 7.2 the daemon stops without it,
    /// and one that starts scans at once.
    /// </summary>
    public void ResetSizes()
    {
        SetThp(("enabled", "madvise"));
        SetThp([.. Geometry.AnonOrders.Orders()
            .Select(order => ($"{StepWriter.Size(order, Type)}/enabled", StepWriter.Unbuilt(order, Geometry)))]);
    }

    /// <summary>What a scenario's passes run under.</summary>
    public void Enable(ThpSettings settings)
    {
        SetThp([.. settings.Geometry.AnonOrders.Orders()
            .Select(order => ($"{StepWriter.Size(order, Type)}/enabled", settings.SizeOf(order).ToString().ToLowerInvariant()))]);
        SetThp(
            ("enabled", settings.Enabled.ToString().ToLowerInvariant()),
            ("khugepaged/max_ptes_none", $"{settings.MaxPtesNone}"),
            ("khugepaged/max_ptes_swap", $"{settings.MaxPtesSwap}"),
            ("khugepaged/max_ptes_shared", $"{settings.MaxPtesShared}"));
    }

    /// <summary>Nodes that are far apart are not reclaimed into each other: khugepaged leaves pages of both alone.</summary>
    public void ReclaimNodes(bool areFar)
    {
        if (Abilities.Nodes > 1)
            _guest.Take(0, $"set /proc/sys/vm/zone_reclaim_mode {(areFar ? 1 : 0)}\n");
    }

    /// <summary>What was written is not sure any more: steps that set files failed half-way.</summary>
    public void ForgetSettings() => _settings.Clear();

    /// <summary>Ends the processes up to <paramref name="last"/>.</summary>
    public void EndProcesses(int last) => _guest.Take(0, $"end {last}");

    /// <summary>Leaves no free block of that order or above until told otherwise; null gives all memory back.</summary>
    /// <param name="order">The order; null for none.</param>
    public void Fragment(int? order)
    {
        if (order == _fragmentedFrom)
            return;
        if (_fragmentedFrom is not null)
            _guest.Take(0, $"end {LastProcess}");
        _fragmentedFrom = order;

        // Without direct compaction an allocation that finds no block fails, and disturbs nothing.
        SetThp(("khugepaged/defrag", order is null ? "1" : "0"), ("defrag", order is null ? "always" : "never"));
        if (order is null)
            return;
        SetThp(($"{StepWriter.Size(order.Value, Type)}/enabled", "always"));
        _guest.Take(0, NoHiddenBlocks);
        _guest.Take(LastProcess, $"fragment {order}\n");
        _guest.Take(0, "touch-own\n");
        ResetSizes();
    }

    /// <summary>The counters as they are now, and the trace lines since the last time.</summary>
    public (long[] Counters, Statistics? Events, string Trace) Observe(string steps)
    {
        var ran = _isTimed ? DaemonRan() : default;
        var parts = _guest.Take(0, $"{steps}{(Abilities.HasEvents ? "trace\n" : "")}counters\nfile {VmStat}\n");
        var trace = new StringBuilder();
        foreach (var part in parts.Where(part => part.Kind == 't'))
            trace.Append(Encoding.ASCII.GetString(part.Data));
        long[] counters = LiveCounters.Read(parts.Single(part => part.Kind == 'n'));
        var events = Abilities.HasVmEvents ? LiveCounters.ReadEvents(parts.Single(part => part.Kind == 'f')) : null;
        if (_isTimed && steps.Length > 0)
            _ran.Add(DaemonRan() - ran);
        return (counters, events, trace.ToString());
    }

    /// <summary>The kernel has logged, since it was booted or forgot it, that it does not support the value of max_ptes_none.</summary>
    public bool HasWarnedOfMaxPtesNone()
    {
        ReadLog();
        return _hasWarned;
    }

    /// <summary>What the kernel logged of itself since the last time, if something was wrong.</summary>
    public Splat? TakeSplat()
    {
        ReadLog();
        var splat = Splat.First(_log);
        _log.Clear();
        _guest.ForgetSplat();
        return splat;
    }

    /// <summary>What the kernel warned of once it will warn of again, if it can be told so.</summary>
    public void ForgetWarnings()
    {
        if (!Abilities.ForgetsWarnings)
            return;
        _guest.Take(0, "set /sys/kernel/debug/clear_warn_once 1\n");
        _hasWarned = false;
    }

    /// <summary>What the counters grew by between two looks.</summary>
    public PassCounters Added((long[] Counters, Statistics? Events, string) before, (long[] Counters, Statistics? Events, string) after)
    {
        var added = _counters.Added((before.Counters, before.Events), (after.Counters, after.Events));

        // Any process moves the gauges when it ends; the rest is khugepaged's alone, where nobody else is eligible.
        return Abilities.IsHere ? added with { Gauges = null, AreShared = _scansOthers } : added;
    }

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _guest.Dispose();

    private void ReadLog()
    {
        if (!Abilities.HasLog)
            return;
        string[] lines = Encoding.UTF8.GetString(_guest.Take(0, "log\n").Single(part => part.Kind == 'f').Data)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        _log.AddRange(lines);
        _hasWarned = _hasWarned || lines.Any(line => line.Contains("max_ptes_none", StringComparison.Ordinal));
    }
}
