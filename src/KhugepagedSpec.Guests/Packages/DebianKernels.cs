namespace KhugepagedSpec.Guests.Packages;

/// <summary>Debian's cloud kernels, from the mirror that this machine's apt is configured for. Nothing is installed; apt's own lists stay
/// as they are.</summary>
/// <param name="progress">Is told what is being done, a line each.</param>
/// <param name="cancellation">Ends what is being done, and what was started for it; nothing half-written stays.</param>
public sealed class DebianKernels(Action<string> progress, CancellationToken cancellation)
{
    // How many kernels on either side of one that there is not are named.
    private const int Nearest = 2;

    private readonly string _aptFolder = Path.Combine(KernelCache.Root, "apt");

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
    /// so.</summary>
    /// <returns>The kernel in the cache.</returns>
    /// <exception cref="KernelPackageException">There is no such kernel, no answer, or a tool is missing.</exception>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public CachedKernel Fetch(string wanted)
    {
        if (KernelCache.Find(wanted) is { } cached)
            return cached;
        using var alone = FolderLock.Take(_aptFolder, progress, cancellation);
        var apt = Configured();
        _available ??= Kernels(apt, update: false);
        var kernel = Chosen(wanted);
        if (kernel is null && !_isUpdated)
        {
            _available = Kernels(apt, update: true);
            kernel = Chosen(wanted);
        }
        if (kernel is null)
            throw new KernelPackageException(NoSuch(wanted, _available.Select(one => one.Release), _wrong));
        // Somebody else may have fetched it meanwhile.
        return KernelCache.Find(kernel.Release) ?? Fetch(kernel, apt);
    }

    /// <summary>One line for a release that there is not.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="releases">What there is.</param>
    /// <param name="wrong">Why that may be out of date; null if it is not.</param>
    internal static string NoSuch(string wanted, IEnumerable<string> releases, string? wrong) =>
        $"no kernel is called '{wanted}': nearest are {string.Join(", ", KernelRelease.Nearest(releases, wanted, Nearest))}; khugepaged-spec kernel list lists all"
        + (wrong is null ? "" : $" (of older lists, as apt-get update failed: {wrong})");

    private DebianKernel? Chosen(string wanted) => KernelRelease.Newest(_available!, kernel => kernel.Release, wanted);

    private Apt Configured()
    {
        var apt = new Apt(new AptFolder(_aptFolder), progress, cancellation);
        apt.Configure();
        return apt;
    }

    private IReadOnlyList<DebianKernel> Kernels(Apt apt, bool update)
    {
        if (update || !new AptFolder(_aptFolder).IsFresh)
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
