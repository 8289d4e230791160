using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>The machine that a guest runs on, as far as it can be chosen.</summary>
public sealed record GuestMachine
{
    /// <summary>What is taken where nothing is said.</summary>
    public static GuestMachine Usual { get; } = new();

    /// <summary>Its memory, in MB; 512 or more.</summary>
    public int MemoryMegabytes { get; init; } = 1024;

    /// <summary>Its CPUs; 1 or more.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>What its kernel's command line ends in.</summary>
    public string Append { get; init; } = "";

    /// <summary>What QEMU's command line ends in.</summary>
    public ImmutableArray<string> QemuArguments { get; init; } = [];

    /// <summary>Programs of this machine that it is given, as <c>/programs/NAME</c>; static ones, as nothing else is there.</summary>
    public ImmutableArray<string> Programs { get; init; } = [];
}
