using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Machines;

/// <summary>Everything one kernel under observation holds: memory, processes, settings, counters. The only mutable root.</summary>
public sealed class Machine
{
    private int _processes;

    /// <summary>Boots a machine without processes.</summary>
    /// <param name="version">The khugepaged it runs.</param>
    /// <param name="settings">Its sysfs settings.</param>
    /// <param name="faults">What will go wrong.</param>
    public Machine(KhugepagedVersion version, ThpSettings settings, IEnumerable<FaultInjection>? faults = null)
    {
        Version = version;
        Settings = settings;
        Memory = new PhysicalMemory(settings.Geometry.Pages * 4, Statistics);
        Swap = new SwapSpace(settings.Geometry);
        Script = new EnvironmentScript(faults ?? []);
    }

    /// <summary>The khugepaged it runs.</summary>
    public KhugepagedVersion Version { get; }

    /// <summary>The sysfs settings as they are now.</summary>
    public ThpSettings Settings { get; set; }

    /// <summary>The geometry of every page table.</summary>
    public Geometry Geometry => Settings.Geometry;

    /// <summary>The counters.</summary>
    public Statistics Statistics { get; } = new();

    /// <summary>Page frames and folios.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The swap device.</summary>
    public SwapSpace Swap { get; }

    /// <summary>The LRU batch of the CPU that khugepaged runs on.</summary>
    public LruBatch LruBatch { get; } = new();

    /// <summary>What it is: who shares accessed and dirty bits.</summary>
    public MachineType Type { get; init; } = MachineType.X86;

    /// <summary>The NUMA nodes.</summary>
    public NumaTopology Numa { get; init; } = NumaTopology.SingleNode;

    /// <summary>The injected faults to come.</summary>
    public EnvironmentScript Script { get; }

    /// <summary>The processes khugepaged knows, in the order it came to know them.</summary>
    public List<AddressSpace> Processes { get; } = [];

    /// <summary>Where tracepoints go; null switches them off.</summary>
    public List<TraceEvent>? Trace { get; init; }

    /// <summary>The kernel has logged that it does not support the value of max_ptes_none: it does so once a boot.</summary>
    public bool HasWarnedOfMaxPtesNone { get; set; }

    /// <summary>Keep every step of each walk, not only its attempts.</summary>
    public bool KeepWalks { get; init; }

    /// <summary>Starts a process without memory that khugepaged knows already, from memory that it had elsewhere.</summary>
    public AddressSpace AddProcess()
    {
        var process = StartProcess();
        Register(process);
        return process;
    }

    /// <summary>Starts a process without memory.</summary>
    public AddressSpace StartProcess() => new(Geometry, ++_processes);

    /// <summary>Puts a process after all others that khugepaged knows (<c>__khugepaged_enter()</c>).</summary>
    internal void Register(AddressSpace process)
    {
        process.IsRegistered = true;
        Processes.Add(process);
    }
}
