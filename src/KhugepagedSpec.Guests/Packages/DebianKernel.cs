using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>A kernel that the package server has.</summary>
/// <param name="Release">What uname -r would say of it.</param>
/// <param name="Version">The Debian version of the package of its image.</param>
/// <param name="Packages">The packages to fetch, that of the image first.</param>
/// <param name="Bytes">What there is to download.</param>
public sealed record DebianKernel(string Release, string Version, ImmutableArray<string> Packages, long Bytes)
{
    private const string Binary = "linux-binary-";
    private const string UnsignedBinary = "linux-binary-unsigned-";
    private const string Image = "linux-image-";
    private const string Unsigned = "-unsigned";

    /// <summary>Whether only an image without Debian's signature is there; it boots as well.</summary>
    public bool IsUnsigned =>
        Packages[0].StartsWith(UnsignedBinary, StringComparison.Ordinal) || Packages[0].EndsWith(Unsigned, StringComparison.Ordinal);

    /// <summary>Whether its modules are there. The server keeps some images longer than their modules.</summary>
    public bool HasModules =>
        Packages[0].StartsWith(Image, StringComparison.Ordinal)
            || Packages.Any(package => package.StartsWith("linux-modules-", StringComparison.Ordinal));

    /// <summary>The kernels that <paramref name="packages"/> make, newest first.</summary>
    internal static IReadOnlyList<DebianKernel> Among(IEnumerable<DebianPackage> packages)
    {
        var byName = new Dictionary<string, DebianPackage>(StringComparer.Ordinal);
        foreach (var package in packages)
            byName.TryAdd(package.Name, package);
        return
        [
            .. byName.Values.Where(HasImage)
                .GroupBy(package => ReleaseOf(package.Name))
                .Select(images => Of(images.Key, images.MinBy(Preference)!, byName))
                .OrderByDescending(kernel => kernel.Release, KernelRelease.ByAge),
        ];
    }

    private static DebianKernel Of(string release, DebianPackage image, Dictionary<string, DebianPackage> byName)
    {
        DebianPackage[] all = [image,
            .. new[] { $"linux-modules-{release}",
            $"linux-base-{release}" }.Select(name => byName.GetValueOrDefault(name)).OfType<DebianPackage>()];
        return new DebianKernel(release, image.Version, [.. all.Select(package => package.Name)], all.Sum(package => package.Bytes));
    }

    // From 6.19 on linux-image is empty and depends on linux-binary.
    private static bool HasImage(DebianPackage package) =>
        package.Name.StartsWith(Binary, StringComparison.Ordinal)
        || (package.Name.StartsWith(Image, StringComparison.Ordinal) && !package.Depends.Contains(Binary, StringComparison.Ordinal));

    private static string ReleaseOf(string image)
    {
        foreach (string prefix in new[] { UnsignedBinary, Binary, Image })
            if (image.StartsWith(prefix, StringComparison.Ordinal))
                image = image[prefix.Length..];
        return image.EndsWith(Unsigned, StringComparison.Ordinal) ? image[..^Unsigned.Length] : image;
    }

    private static int Preference(DebianPackage image) => image.Name.Contains("unsigned", StringComparison.Ordinal) ? 1 : 0;
}
