using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>The machine that a guest runs on, as far as it can be chosen.</summary>
public sealed record GuestMachine
{
    /// <summary>What is taken where nothing is said.</summary>
    public static GuestMachine Usual { get; } = new();

    /// <summary>What is taken where nothing is said: the larger its pages, the more memory the same tables need.</summary>
    public static GuestMachine UsualFor(KernelFlavour flavour) => Usual with
    {
        MemoryMegabytes = flavour.PageKilobytes switch { <= 4 => Usual.MemoryMegabytes, <= 16 => 5120, _ => 6144 },
    };

    /// <summary>Its memory, in MB; 512 or more.</summary>
    public int MemoryMegabytes { get; init; } = 1024;

    /// <summary>The machine that the model is held to be, whatever the guest is; null for the guest's own.</summary>
    public MachineType? ModelledAs { get; init; }

    /// <summary>Its CPUs; 1 or more.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>Its NUMA nodes, 1 or 2, each with half of the memory; the second has no CPU, and is too far away for node
    /// reclaim.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>NUMA balancing is on, and looks at processes as often as it can.</summary>
    public bool BalancesNuma { get; init; }

    /// <summary>The CPU that khugepaged runs on; the processes are on CPU 0. Null for any, as it comes.</summary>
    public int? DaemonCpu { get; init; } = 0;

    /// <summary>What its kernel's command line ends in.</summary>
    public string Append { get; init; } = "";

    /// <summary>What QEMU's command line ends in.</summary>
    public ImmutableArray<string> QemuArguments { get; init; } = [];

    /// <summary>Programs of this machine that it is given, as <c>/programs/NAME</c>; static ones, as nothing else is there.</summary>
    public ImmutableArray<string> Programs { get; init; } = [];
}
