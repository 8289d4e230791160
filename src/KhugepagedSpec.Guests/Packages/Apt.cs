namespace KhugepagedSpec.Guests.Packages;

/// <summary>apt with a configuration of our own. One process at a time: the caller holds the folder's lock.</summary>
internal sealed class Apt(AptFolder folder, Architecture architecture, Action<string> progress, CancellationToken cancellation)
{
    private static readonly ExternalTool AptGet = new("apt-get", "apt: kernels are fetched from Debian's archive by it");
    private static readonly ExternalTool AptCache = new("apt-cache", "apt: kernels are fetched from Debian's archive by it");
    private static readonly string[] Keyrings =
        ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

    private string[] Ours => ["-c", folder.ConfigPath];

    /// <summary>Asks the machine's apt where Debian's archive is.</summary>
    /// <exception cref="KernelPackageException">There is no apt, no keyring or no archive.</exception>
    public void Configure()
    {
        var targets = AptGet.Run(["indextargets", "--format", AptTargets.Format, "Created-By: Packages"], null, cancellation);
        string archive = AptTargets.Archive(targets.Output)
            ?? throw new KernelPackageException(
                "no main archive of Debian among this machine's package sources: add one to /etc/apt/sources.list.d, component main");
        string keyring = Keyrings.FirstOrDefault(File.Exists)
            ?? throw new KernelPackageException($"no {Keyrings[0]}: run apt-get install debian-archive-keyring");
        folder.Prepare(folder.Sources(archive, keyring));
    }

    /// <summary>Asks the server what it has. What it said before stays if it does not answer.</summary>
    /// <returns>What went wrong, one line; null if nothing.</returns>
    public string? Update()
    {
        progress("asking the package server for its lists");
        var result = AptGet.Run([.. Ours, "update", "-q", "--error-on=any"], null, cancellation);
        // A suite that is gone is an error too.
        if (result.ExitCode == 0 || AptErrors.SomethingCame(result.Output))
            folder.Answered();
        return result.ExitCode == 0 ? null : AptErrors.First(result.Error) ?? $"apt-get update ended with exit code {result.ExitCode}";
    }

    /// <summary>The kernels in the lists, newest first.</summary>
    /// <exception cref="KernelPackageException">apt cannot read its lists.</exception>
    public IReadOnlyList<DebianKernel> Kernels()
    {
        var result = AptCache.Run([.. Ours, "search", "--full", "--names-only", architecture.PackagePattern], null, cancellation);
        return result.ExitCode == 0
            ? DebianKernel.Among(DebianPackage.ReadAll(result.Output))
            : throw new KernelPackageException($"apt-cache search failed: {AptErrors.First(result.Error)}");
    }

    /// <summary>Downloads packages into <paramref name="into"/>.</summary>
    /// <returns>The files.</returns>
    /// <exception cref="KernelPackageException">The server does not give them.</exception>
    public string[] Download(DebianKernel kernel, string into)
    {
        progress(FormattableString.Invariant($"downloading {kernel.Release}, {kernel.Bytes / 1e6:N0} MB"));
        var result = AptGet.Run([.. Ours, "download", "-q", .. kernel.Packages], into, cancellation);
        return result.ExitCode == 0
            ? Directory.GetFiles(into, "*.deb")
            : throw new KernelPackageException($"{kernel.Release}: the package server does not give it: {AptErrors.First(result.Error)}");
    }
}
