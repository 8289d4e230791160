using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>A kernel that somebody built: an image, or the tree it was built in.</summary>
public static class OwnKernel
{
    // Source: Linux, Documentation/arch/x86/boot.rst, "The real-mode kernel header".
    private const int Magic = 0x202, VersionPointer = 0x20E, HeaderBytes = 0x210, SetupBytes = 0x200, LongestVersion = 256;

    private static readonly string[] ImagesOfTree = [.. Architecture.All.SelectMany(architecture => architecture.ImagesOfTree)];

    // What the kernel says of itself first: an arm64 Image is not compressed.
    private static ReadOnlySpan<byte> Banner => "Linux version "u8;

    /// <summary>The kernel at a path.</summary>
    /// <param name="path">A bzImage or vmlinuz, or the folder of a kernel's source in which it was built.</param>
    /// <param name="modules">The folder of its modules; null for those of the tree, and for none beside an image.</param>
    /// <param name="cancellation">Ends the tools that decompress modules.</param>
    /// <exception cref="KernelPackageException">There is none; the message is one line.</exception>
    public static CachedKernel At(string path, string? modules, CancellationToken cancellation)
    {
        bool isTree = Directory.Exists(path);
        string image = isTree
            ? ImagesOfTree.Select(inner => Path.Combine(path, inner)).FirstOrDefault(File.Exists)
                ?? throw new KernelPackageException(
                    $"{path}: no {ImagesOfTree[0]} in it: expected a kernel's source in which make bzImage was run, or an image")
            : path;
        string release = ReleaseOf(image);
        if (modules is not null && !Directory.Exists(modules))
            throw new KernelPackageException($"{modules}: no such folder: expected one with the kernel's modules");
        string? from = modules ?? (isTree ? path : null);
        string config = isTree ? Path.Combine(path, ".config")
            : Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, $"config-{release}");
        return new CachedKernel(release, image, from is null ? [] : ModulesOf(from, isNeeded: modules is not null, cancellation))
        {
            Name = path,
            ModulesFolder = modules,
            ConfigPath = File.Exists(config) ? config : null,
        };
    }

    /// <summary>What uname -r will say of an image.</summary>
    /// <exception cref="KernelPackageException">It is no such image, or cannot be read.</exception>
    public static string ReleaseOf(string image)
    {
        if (!File.Exists(image))
            throw new KernelPackageException($"{image}: no such file: expected a bzImage, a vmlinuz, or the tree it was built in");
        try
        {
            using var file = File.OpenRead(image);
            byte[] header = new byte[HeaderBytes];
            if (file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) == HeaderBytes
                && header.AsSpan(Magic, 4).SequenceEqual("HdrS"u8))
            {
                byte[] version = new byte[LongestVersion];
                file.Position = SetupBytes + BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(VersionPointer));
                int got = file.ReadAtLeast(version, LongestVersion, throwOnEndOfStream: false);
                string text = Encoding.ASCII.GetString(version, 0, got).Split('\0')[0];
                if (text.Length > 0 && char.IsAsciiDigit(text[0]))
                    return text.Split(' ')[0];
            }
            if (KernelFlavour.OfImage(image).Architecture == Architecture.Arm64 && BannerOf(image) is { } release)
                return release;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KernelPackageException($"{image}: {error.Message.Split('\n')[0]}", error);
        }
        throw new KernelPackageException(
            $"{image}: no x86 boot header: expected a bzImage or vmlinuz, as make bzImage leaves in {ImagesOfTree[0]}");
    }

    private static string? BannerOf(string image)
    {
        ReadOnlySpan<byte> all = File.ReadAllBytes(image);
        while (all.IndexOf(Banner) is var at and >= 0)
        {
            all = all[(at + Banner.Length)..];
            string text = Encoding.ASCII.GetString(all[..Math.Min(all.Length, LongestVersion)]).Split('\0')[0];
            if (text.Length > 0 && char.IsAsciiDigit(text[0]))
                return text.Split(' ')[0];
        }
        return null;
    }

    private static ImmutableArray<string> ModulesOf(string folder, bool isNeeded, CancellationToken cancellation)
    {
        var all = Directory.EnumerateFiles(folder, "*.ko*",
            new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .Where(file => file.EndsWith(".ko", StringComparison.Ordinal) || ModuleFiles.IsCompressed(file))
            .GroupBy(ModuleInfo.Name)
            .ToDictionary(files => files.Key, files => files.First(), StringComparer.Ordinal);
        if (isNeeded && !all.ContainsKey("zram"))
            throw new KernelPackageException(
                $"{folder}: no zram.ko in it: expected the kernel's modules, or no --modules: then nothing is swapped out");
        var taken = new Dictionary<string, string>(StringComparer.Ordinal);
        return
        [
            .. ModuleInfo.InsertionOrder(all.Keys.Where(ModuleInfo.IsForZram), name =>
            {
                if (!all.TryGetValue(name, out string? file))
                    return null;
                taken.Add(name, file = ModuleFiles.IsCompressed(file) ? ModuleFiles.Decompressed(CopyOf(file), cancellation) : file);
                return ModuleFiles.Needs(file);
            }).Select(name => taken[name]),
        ];
    }

    // By its contents: a module that is built anew is another one.
    private static string CopyOf(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        string folder = Path.Combine(KernelCache.Root, "modules", Convert.ToHexStringLower(SHA256.HashData(content))[..16]);
        Directory.CreateDirectory(folder);
        string copy = Path.Combine(folder, Path.GetFileName(file));
        File.WriteAllBytes(copy, content);
        return copy;
    }
}
