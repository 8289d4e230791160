namespace KhugepagedSpec.Guests.Packages;

/// <summary>The kernels that were fetched, in the user's cache folder. Asks nobody.</summary>
public static class KernelCache
{
    /// <summary>$XDG_CACHE_HOME or ~/.cache, then khugepaged-spec/kernels; a folder for each release. Need not exist.</summary>
    /// <exception cref="KernelPackageException">There is no home folder.</exception>
    public static string Folder => Path.Combine(Root, "kernels");

    /// <summary>The folder of everything that is cached.</summary>
    internal static string Root
    {
        get
        {
            string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (!Path.IsPathFullyQualified(cache ?? ""))
            {
                string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
                if (home.Length == 0)
                    throw new KernelPackageException("no home folder to cache kernels in: set XDG_CACHE_HOME");
                cache = Path.Combine(home, ".cache");
            }
            return Path.Combine(cache!, "khugepaged-spec");
        }
    }

    /// <summary>All of them, newest first.</summary>
    /// <exception cref="IOException">The cache cannot be read.</exception>
    /// <exception cref="KernelPackageException">There is no home folder.</exception>
    public static IReadOnlyList<CachedKernel> All() => All(Folder);

    /// <summary>The newest whose release is <paramref name="wanted"/> or begins with it up to a separator: 7.2 is 7.2.13+deb14-cloud-amd64,
    /// not 7.20. Null if there is none.</summary>
    /// <param name="wanted">The release, or its beginning.</param>
    /// <param name="flavour">What it is to be built for; null for what a name says, or else x86-64.</param>
    /// <exception cref="IOException">The cache cannot be read.</exception>
    /// <exception cref="KernelPackageException">There is no home folder.</exception>
    public static CachedKernel? Find(string wanted, KernelFlavour? flavour = null) => Find(wanted, Folder, flavour);

    internal static IReadOnlyList<CachedKernel> All(string folder) =>
        !Directory.Exists(folder) ? [] :
        [
            .. Directory.EnumerateDirectories(folder)
                .Where(kernel => !Path.GetFileName(kernel).StartsWith('.'))
                .Select(KernelFolder.Read)
                .OfType<CachedKernel>()
                .OrderByDescending(kernel => kernel.Release, KernelRelease.ByAge),
        ];

    internal static CachedKernel? Find(string wanted, string folder, KernelFlavour? flavour = null)
    {
        var all = All(folder);
        return (flavour is null ? all.FirstOrDefault(kernel => kernel.Release == wanted) : null)
            ?? KernelRelease.Newest(all.Where(kernel => kernel.Flavour == (flavour ?? KernelFlavour.Named(wanted) ?? KernelFlavour.Usual)),
                kernel => kernel.Release, wanted);
    }
}
