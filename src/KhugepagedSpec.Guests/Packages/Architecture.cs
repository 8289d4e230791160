using System.Runtime.InteropServices;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>A processor that guests run on, as data: what its tools, its image and its first serial port are called.</summary>
public sealed record Architecture
{
    /// <summary>x86-64.</summary>
    public static Architecture X86 { get; } = new()
    {
        Name = "x86-64",
        DebianName = "amd64",
        Uname = "x86_64",
        Releases = "cloud-amd64",
        Flavours = "cloud-amd64",
        Host = System.Runtime.InteropServices.Architecture.X64,
        CompilerPrefix = "x86_64-linux-gnu-",
        CompilerPackages = "gcc-x86-64-linux-gnu libc6-dev-amd64-cross",
        Qemu = "qemu-system-x86_64",
        QemuPackage = "qemu-system-x86",
        Board = [],

        // Without CMPXCHG16B in emulation: QEMU 7.2's now and then leaves garbage in the flags, of which the allocator of Linux 6.12 dies.
        // Without ERMS and FSRM, too: a string instruction of bytes takes QEMU a turn for each, and a cleared page is 4,096 of them.
        Processor = "max,-la57",
        EmulatedProcessor = "max,-la57,-cx16,-erms,-fsrm",
        Console = "ttyS0",
        ImagesOfTree = ["arch/x86/boot/bzImage", "arch/x86_64/boot/bzImage"],
        ImageTarget = "bzImage",
    };

    /// <summary>arm64.</summary>
    public static Architecture Arm64 { get; } = new()
    {
        Name = "arm64",
        DebianName = "arm64",
        Uname = "aarch64",
        Releases = "arm64",
        Flavours = "(cloud-arm64|arm64-16k|arm64-64k)",
        Host = System.Runtime.InteropServices.Architecture.Arm64,
        CompilerPrefix = "aarch64-linux-gnu-",
        CompilerPackages = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
        Qemu = "qemu-system-aarch64",
        QemuPackage = "qemu-system-arm",
        Board = ["-M", "virt,gic-version=3"],
        Processor = "max",
        EmulatedProcessor = "max,pauth-impdef=on",
        Console = "ttyAMA0",
        ImagesOfTree = ["arch/arm64/boot/Image"],
        ImageTarget = "Image",
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Architecture> All { get; } = [X86, Arm64];

    /// <summary>This machine's own; null if no kernel for it is known.</summary>
    public static Architecture? OfHost => All.FirstOrDefault(architecture => architecture.IsOfHost);

    /// <summary>What it is called on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>What Debian calls it.</summary>
    public required string DebianName { get; init; }

    /// <summary>What uname calls it.</summary>
    public required string Uname { get; init; }

    /// <summary>What the names of its kernels' releases have.</summary>
    public required string Releases { get; init; }

    /// <summary>What the releases of the packages that are offered end in; a regular expression for apt-cache.</summary>
    public required string Flavours { get; init; }

    /// <summary>The images that a kernel's tree may hold, the usual one first.</summary>
    public required IReadOnlyList<string> ImagesOfTree { get; init; }

    /// <summary>What make is told for an image.</summary>
    public required string ImageTarget { get; init; }

    /// <summary>What .NET calls it.</summary>
    public required System.Runtime.InteropServices.Architecture Host { get; init; }

    /// <summary>What a cross compiler's program begins with.</summary>
    public required string CompilerPrefix { get; init; }

    /// <summary>What to install for one.</summary>
    public required string CompilerPackages { get; init; }

    /// <summary>QEMU's program.</summary>
    public required string Qemu { get; init; }

    /// <summary>What to install for it.</summary>
    public required string QemuPackage { get; init; }

    /// <summary>QEMU's words for the board.</summary>
    public required IReadOnlyList<string> Board { get; init; }

    /// <summary>QEMU's word for the processor.</summary>
    public required string Processor { get; init; }

    /// <summary>The same under emulation.</summary>
    public required string EmulatedProcessor { get; init; }

    /// <summary>The first serial port.</summary>
    public required string Console { get; init; }

    /// <summary>It is this machine's own.</summary>
    public bool IsOfHost => RuntimeInformation.OSArchitecture == Host;

    /// <summary>The C compiler for it, and what to install if there is none.</summary>
    internal (string Program, string Packages) Compiler =>
        IsOfHost ? ("cc", "gcc libc6-dev") : ($"{CompilerPrefix}gcc", CompilerPackages);

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Which packages kernels are made of; a regular expression for apt-cache.</summary>
    internal string PackagePattern => $"^linux-(binary|binary-unsigned|image|modules|base)-[0-9].*-{Flavours}(-unsigned)?$";
}

/// <summary>What a kernel was built for: a processor, and the size of its base pages.</summary>
/// <param name="Architecture">The processor.</param>
/// <param name="PageKilobytes">4, 16 or 64.</param>
public sealed record KernelFlavour(Architecture Architecture, int PageKilobytes = 4)
{
    /// <summary>x86-64: what is meant where nothing is said.</summary>
    public static KernelFlavour Usual { get; } = new(Architecture.X86);

    /// <summary>What runs here.</summary>
    public static KernelFlavour OfThisMachine { get; } = new(Architecture.OfHost ?? Architecture.X86, Environment.SystemPageSize >> 10);

    // Source: Linux, Documentation/arch/arm64/booting.rst, the header of an Image: its magic, and the page size among its flags.
    private const int Magic = 56, Flags = 24, HeaderBytes = 64;

    /// <summary>What a release, or the beginning of one, is of by its name, as Debian forms them; null if it does not say.</summary>
    public static KernelFlavour? Named(string release) =>
        release.Contains(Architecture.Arm64.Releases, StringComparison.Ordinal)
            ? new(Architecture.Arm64, release.Contains("-16k", StringComparison.Ordinal) ? 16
                : release.Contains("-64k", StringComparison.Ordinal) ? 64 : 4)
            : null;

    /// <summary>What an image is of, by its header: an arm64 Image, or x86-64 in any other case.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static KernelFlavour OfImage(string image)
    {
        if (!File.Exists(image))
            return Usual;
        byte[] header = new byte[HeaderBytes];
        using (var file = File.OpenRead(image))
            if (file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes)
                return Usual;
        if (!header.AsSpan(Magic, 4).SequenceEqual("ARMd"u8))
            return Usual;
        return new(Architecture.Arm64, (header[Flags] >> 1 & 3) switch { 2 => 16, 3 => 64, _ => 4 });
    }

    /// <summary>As the options that ask for it, such as <c>--arch arm64 --page-size 16k</c>; empty for what is meant anyhow.</summary>
    public string Options => this == Usual ? ""
        : $" --arch {Architecture.Name}{(PageKilobytes == 4 ? "" : $" --page-size {PageKilobytes}k")}";

    /// <inheritdoc/>
    public override string ToString() => $"{Architecture.Name} with {PageKilobytes}K pages";
}
