using System.CommandLine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--kernel RELEASE</c>: which cached kernel to boot.</summary>
internal static class KernelOption
{
    public static Option<string> Create() => new("--kernel")
    {
        Description = "The kernel to boot: a release, or its beginning; kernel list --cached lists them.",
        DefaultValueFactory = _ => "7.2",
        HelpName = "RELEASE",
        CompletionSources = { _ => KernelCache.All().Select(kernel => kernel.Release) },
    };

    /// <summary>The kernel to boot.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="option">This option.</param>
    /// <param name="isModelled">Something models it whatever its release: a version was named, or none is needed.</param>
    /// <exception cref="UsageException">It is not cached, or nothing models it; the message says what to do.</exception>
    public static CachedKernel Get(ParseResult parsed, Option<string> option, bool isModelled = false)
    {
        string wanted = parsed.GetValue(option)!;
        var kernel = KernelCache.Find(wanted)
            ?? throw new UsageException($"--kernel {wanted}: not cached: expected a cached release; khugepaged-spec kernel fetch {wanted} gets it");
        Refuse(wanted, kernel.Release, isModelled);
        return kernel;
    }

    // What is older than all that is modelled cannot be driven either: the sizes have no files in sysfs before 6.8.
    internal static void Refuse(string wanted, string release, bool isModelled)
    {
        bool isOlder = ReleaseRange.TryParse(release, out var number, out _) && number.CompareTo(Catalogue.Released[0].Releases!.First) < 0;
        if (isOlder || (!isModelled && Catalogue.ForRelease(release) is null))
            throw new UsageException(
                $"--kernel {wanted}: Linux {release} is not modelled: expected {Catalogue.ModelledReleases}{(isOlder ? "" : ", or --model NAME")}");
    }
}
