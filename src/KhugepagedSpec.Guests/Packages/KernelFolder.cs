namespace KhugepagedSpec.Guests.Packages;

/// <summary>What lies where in the folder of a cached kernel.</summary>
internal static class KernelFolder
{
    public const string Image = "vmlinuz";
    public const string Config = "config";
    public const string Version = "version";
    public const string Modules = "modules";

    // One file name of Modules a line, in the order of insertion.
    public const string Order = "order";

    /// <summary>The kernel of a folder named by its release; null if there is none.</summary>
    public static CachedKernel? Read(string folder)
    {
        string image = Path.Combine(folder, Image);
        if (!File.Exists(image))
            return null;
        string version = Path.Combine(folder, Version);
        string modules = Path.Combine(folder, Modules);
        string order = Path.Combine(modules, Order);
        return new CachedKernel(
            Path.GetFileName(folder), image,
            File.Exists(order) ? [.. File.ReadLines(order).Where(name => name.Length > 0).Select(name => Path.Combine(modules, name))] : [])
        {
            Version = File.Exists(version) ? File.ReadAllText(version).Trim() : null,
        };
    }
}
