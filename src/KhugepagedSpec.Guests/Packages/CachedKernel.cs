using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>A kernel ready to boot: of the user's cache folder, or built by somebody.</summary>
/// <param name="Release">What uname -r says of it, such as 7.2.13+deb14-cloud-amd64.</param>
/// <param name="ImagePath">Its vmlinuz.</param>
/// <param name="ModulePaths">zram and what it needs, not compressed, in the order in which they must be inserted; empty if it has none of
/// them as modules, or its package is gone from the server.</param>
public sealed record CachedKernel(string Release, string ImagePath, ImmutableArray<string> ModulePaths)
{
    /// <summary>The version of the Debian package it came from, if that is known.</summary>
    public string? Version { get; init; }

    /// <summary>What it was built for, by its image.</summary>
    public KernelFlavour Flavour => IsHere ? KernelFlavour.OfThisMachine : KernelFlavour.OfImage(ImagePath);

    /// <summary>The folder that holds all of it.</summary>
    public string Folder => Path.GetDirectoryName(ImagePath)!;

    /// <summary>Its .config, if a package had it, or the tree it was built in.</summary>
    public string? ConfigPath
    {
        get => field ?? (Path.Combine(Folder, KernelFolder.Config) is var path && File.Exists(path) ? path : null);
        init;
    }

    /// <summary>What it is asked for by: its release, or the path of an image or a tree.</summary>
    public string Name
    {
        get => field ?? Release;
        init;
    }

    /// <summary>The folder of modules that was named; null for none.</summary>
    public string? ModulesFolder { get; init; }

    /// <summary>It runs already: on this machine.</summary>
    public bool IsHere { get; init; }

    /// <summary>Other processes of this machine are scanned along.</summary>
    public bool ScansOthers { get; init; }

    /// <summary>The kernel that runs here.</summary>
    /// <exception cref="KernelPackageException">It does not say its release.</exception>
    public static CachedKernel Here()
    {
        const string path = "/proc/sys/kernel/osrelease";
        string release = File.Exists(path) ? File.ReadAllText(path).Trim()
            : throw new KernelPackageException("this machine does not say its release: expected Linux");
        return new CachedKernel(release, "/", []) { IsHere = true };
    }

    /// <summary>The machine that it boots on.</summary>
    public GuestMachine Machine
    {
        get => field ?? GuestMachine.UsualFor(Flavour);
        init;
    }
}
