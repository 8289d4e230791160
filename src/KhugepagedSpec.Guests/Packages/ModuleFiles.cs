using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>Modules as files, compressed or not.</summary>
internal static class ModuleFiles
{
    // In place; the compressed file goes.
    private static readonly Dictionary<string, (ExternalTool Tool, string[] Arguments)> Decompressors = new(StringComparer.Ordinal)
    {
        [".xz"] = (new("xz", "xz-utils: the kernel's modules are compressed with it"), ["-d", "-f"]),
        [".zst"] = (new("zstd", "zstd: the kernel's modules are compressed with it"), ["-d", "-q", "-f", "--rm"]),
        [".gz"] = (new("gzip", "gzip: the kernel's modules are compressed with it"), ["-d", "-f"]),
    };

    /// <summary>It is compressed.</summary>
    public static bool IsCompressed(string path) =>
        path.Contains(".ko.", StringComparison.Ordinal) && Decompressors.ContainsKey(Path.GetExtension(path));

    /// <summary>The module that is left in the place of a file, decompressed if it was compressed.</summary>
    /// <exception cref="KernelPackageException">A tool is missing, or failed.</exception>
    public static string Decompressed(string path, CancellationToken cancellation)
    {
        if (!Decompressors.TryGetValue(Path.GetExtension(path), out var how))
            return path;
        var result = how.Tool.Run([.. how.Arguments, path], null, cancellation);
        return result.ExitCode == 0 ? Path.ChangeExtension(path, null)
            : throw new KernelPackageException(
                $"{Path.GetFileName(path)}: {how.Tool.Name} failed: {AptErrors.First(result.Error) ?? $"exit code {result.ExitCode}"}");
    }

    /// <summary>The modules that one needs.</summary>
    /// <exception cref="KernelPackageException">It is no module.</exception>
    public static ImmutableArray<string> Needs(string path)
    {
        try
        {
            return ModuleInfo.Needs(File.ReadAllBytes(path));
        }
        catch (FormatException error)
        {
            throw new KernelPackageException($"{Path.GetFileName(path)}: {error.Message}", error);
        }
    }
}
