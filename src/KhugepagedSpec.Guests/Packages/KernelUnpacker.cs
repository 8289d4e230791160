namespace KhugepagedSpec.Guests.Packages;

/// <summary>Takes from packages what a guest needs: the image, the .config, zram's modules.</summary>
/// <param name="release">The kernel's release.</param>
/// <param name="root">Where the packages are unpacked.</param>
/// <param name="into">An empty folder to put it in.</param>
/// <param name="cancellation">Ends the tools.</param>
internal sealed class KernelUnpacker(string release, string root, string into, CancellationToken cancellation)
{
    private static readonly ExternalTool DpkgDeb = new("dpkg-deb", "dpkg: kernel packages are unpacked by it");

    private static readonly string[] Libraries = ["usr/lib/modules", "lib/modules"];

    private IEnumerable<string> ModuleFolders => Libraries.Select(folder => Path.Combine(root, folder, release)).Where(Directory.Exists);

    /// <summary>Unpacks and picks.</summary>
    /// <exception cref="KernelPackageException">A tool is missing, or a package does not hold what it should.</exception>
    /// <exception cref="IOException">The disk is full, or such.</exception>
    public void Run(DebianKernel kernel, IEnumerable<string> packages)
    {
        foreach (string package in packages)
            Succeed(DpkgDeb, ["-x", package, root], Path.GetFileName(package));
        if (!Take(KernelFolder.Image) && !Take(KernelFolder.Image, "vmlinuz.unsigned"))
            throw new KernelPackageException(
                $"{kernel.Packages[0]}: no vmlinuz in it: expected boot/vmlinuz-{release} or usr/lib/modules/{release}/vmlinuz");
        Take(KernelFolder.Config);
        File.WriteAllText(Path.Combine(into, KernelFolder.Version), kernel.Version + "\n");
        TakeModules();
    }

    // From boot, or, since 7.2, from beside the modules.
    private bool Take(string name, string? called = null)
    {
        string? found = ModuleFolders.Select(folder => Path.Combine(folder, called ?? name))
            .Prepend(Path.Combine(root, "boot", $"{name}-{release}"))
            .FirstOrDefault(File.Exists);
        if (found is not null)
            File.Move(found, Path.Combine(into, name));
        return found is not null;
    }

    private void TakeModules()
    {
        string modules = Directory.CreateDirectory(Path.Combine(into, KernelFolder.Modules)).FullName;
        var all = ModuleFolders.SelectMany(folder => Directory.EnumerateFiles(folder, "*.ko*", SearchOption.AllDirectories))
            .GroupBy(ModuleInfo.Name)
            .ToDictionary(files => files.Key, files => files.First(), StringComparer.Ordinal);
        var taken = new Dictionary<string, string>(StringComparer.Ordinal);
        var order = ModuleInfo.InsertionOrder(all.Keys.Where(ModuleInfo.IsForZram), name =>
        {
            if (!all.TryGetValue(name, out string? file))
                return null;
            string path = Path.Combine(modules, Path.GetFileName(file));
            File.Move(file, path);
            path = ModuleFiles.Decompressed(path, cancellation);
            taken.Add(name, Path.GetFileName(path));
            return ModuleFiles.Needs(path);
        });
        File.WriteAllLines(Path.Combine(modules, KernelFolder.Order), order.Select(name => taken[name]));
    }

    private void Succeed(ExternalTool tool, string[] arguments, string what)
    {
        var result = tool.Run(arguments, null, cancellation);
        if (result.ExitCode != 0)
            throw new KernelPackageException(
                $"{what}: {tool.Name} failed: {AptErrors.First(result.Error) ?? $"exit code {result.ExitCode}"}");
    }
}
