namespace KhugepagedSpec.Guests.Packages;

/// <summary>Debian's kernels for guests, from the mirror that this machine's apt is configured for. Nothing is installed; apt's own lists
/// stay as they are.</summary>
/// <param name="progress">Is told what is being done, a line each.</param>
/// <param name="cancellation">Ends what is being done, and what was started for it; nothing half-written stays.</param>
/// <param name="architecture">Whose; x86-64's if nothing is said.</param>
public sealed class DebianKernels(Action<string> progress, CancellationToken cancellation, Architecture? architecture = null)
{
    // How many kernels on either side of one that there is not are named.
    private const int Nearest = 2;

    private readonly Architecture _architecture = architecture ?? Architecture.X86;

    // Each has lists of its own.
    private readonly string _aptFolder = Path.Combine(KernelCache.Root,
        architecture is null || architecture == Architecture.X86 ? "apt" : $"apt-{architecture.DebianName}");

    private IReadOnlyList<DebianKernel>? _available;
    private bool _isUpdated;
    private string? _wrong;

    /// <summary>The kernels that the server has, newest first. What it said is believed for a day.</summary>
    /// <exception cref="KernelPackageException">There is no apt, no keyring, no archive or no answer.</exception>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<DebianKernel> Available()
    {
        if (_available is null)
        {
            using var alone = FolderLock.Take(_aptFolder, progress, cancellation);
            _available = Kernels(Configured(), update: false);
        }
        return _available;
    }

    /// <summary>Downloads and unpacks a kernel, unless the cache has it: the newest whose release is <paramref name="wanted"/> or begins
    /// so, of the base pages asked for.</summary>
    /// <param name="wanted">The release, or its beginning.</param>
    /// <param name="pageKilobytes">The size of base pages: 4, 16 or 64.</param>
    /// <returns>The kernel in the cache.</returns>
    /// <exception cref="KernelPackageException">There is no such kernel, no answer, or a tool is missing.</exception>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public CachedKernel Fetch(string wanted, int pageKilobytes = 4)
    {
        var flavour = new KernelFlavour(_architecture, pageKilobytes);
        if (KernelCache.Find(wanted, flavour) is { } cached)
            return cached;
        using var alone = FolderLock.Take(_aptFolder, progress, cancellation);
        var apt = Configured();
        _available ??= Kernels(apt, update: false);
        var kernel = Chosen(wanted, flavour);
        if (kernel is null && !_isUpdated)
        {
            _available = Kernels(apt, update: true);
            kernel = Chosen(wanted, flavour);
        }
        if (kernel is null)
            throw new KernelPackageException(NoSuch(wanted, _available.Where(one => IsOf(one, flavour)).Select(one => one.Release), _wrong,
                flavour));
        // Somebody else may have fetched it meanwhile.
        return KernelCache.Find(kernel.Release, flavour) ?? Fetch(kernel, apt);
    }

    /// <summary>One line for a release that there is not.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="releases">What there is.</param>
    /// <param name="wrong">Why that may be out of date; null if it is not.</param>
    /// <param name="flavour">What it was to be built for; null for what is meant anyhow.</param>
    internal static string NoSuch(string wanted, IEnumerable<string> releases, string? wrong, KernelFlavour? flavour = null) =>
        (releases.Any()
            ? $"no kernel is called '{wanted}': nearest are {string.Join(", ", KernelRelease.Nearest(releases, wanted, Nearest))}; "
            + $"khugepaged-spec kernel list{ListOption(flavour)} lists all"
            : $"no kernel is called '{wanted}': the package server has none for {flavour}: expected another page size, or one of your own")
        + (wrong is null ? "" : $" (of older lists, as apt-get update failed: {wrong})");

    private static string ListOption(KernelFlavour? flavour) =>
        flavour is null || flavour.Architecture == Architecture.X86 ? "" : $" --arch {flavour.Architecture.Name}";

    private static bool IsOf(DebianKernel kernel, KernelFlavour flavour) =>
        (KernelFlavour.Named(kernel.Release) ?? KernelFlavour.Usual) == flavour;

    private DebianKernel? Chosen(string wanted, KernelFlavour flavour) =>
        KernelRelease.Newest(_available!.Where(kernel => IsOf(kernel, flavour)), kernel => kernel.Release, wanted);

    private AptFolder Folder => new(_aptFolder, _architecture);

    private Apt Configured()
    {
        var apt = new Apt(Folder, _architecture, progress, cancellation);
        apt.Configure();
        return apt;
    }

    private IReadOnlyList<DebianKernel> Kernels(Apt apt, bool update)
    {
        if (update || !Folder.IsFresh)
        {
            _wrong = apt.Update();
            _isUpdated = true;
        }
        var kernels = apt.Kernels();
        if (kernels.Count == 0)
            throw new KernelPackageException(_wrong is null ? "the package server has no cloud kernels: expected a full mirror of Debian"
                : $"the package server does not answer: {_wrong}");
        if (_wrong is not null)
            progress($"going on with older lists, as apt-get update failed: {_wrong}");
        return kernels;
    }

    private CachedKernel Fetch(DebianKernel kernel, Apt apt)
    {
        // Beside the others, so that a rename puts it in place. Whatever an earlier kill left there goes too.
        string unfinished = Path.Combine(KernelCache.Folder, ".unfinished");
        Remove(unfinished);
        try
        {
            string packages = Directory.CreateDirectory(Path.Combine(unfinished, "packages")).FullName;
            string root = Directory.CreateDirectory(Path.Combine(unfinished, "root")).FullName;
            string into = Directory.CreateDirectory(Path.Combine(unfinished, kernel.Release)).FullName;
            string[] files = apt.Download(kernel, packages);
            progress($"unpacking {kernel.Release}");
            new KernelUnpacker(kernel.Release, root, into, cancellation).Run(kernel, files);
            string place = Path.Combine(KernelCache.Folder, kernel.Release);
            Remove(place);
            Directory.Move(into, place);
            return KernelFolder.Read(place)!;
        }
        finally
        {
            Remove(unfinished);
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}
