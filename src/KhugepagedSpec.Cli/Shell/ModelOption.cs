using System.CommandLine;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--model NAME</c>: which khugepaged to run.</summary>
internal static class ModelOption
{
    /// <summary>All that may be named.</summary>
    public static string[] Names { get; } = [.. Catalogue.All.Select(version => version.Name)];

    public static Option<string> Create() => new("--model")
    {
        Description = "The khugepaged to run, linux- and a release, or a file; khugepaged-spec versions lists them.",
        DefaultValueFactory = _ => Catalogue.Linux72.Name,
        HelpName = "NAME",
        CompletionSources = { Names },
    };

    /// <summary>The same where the release of a kernel says which, unless one is named.</summary>
    public static Option<string?> CreateForKernel(string what) => new("--model")
    {
        Description = $"The khugepaged to {what}. Default: the one that models that release.",
        HelpName = "NAME",
        CompletionSources = { Names },
    };

    /// <summary>The same where several may be named.</summary>
    public static Option<string[]> CreateForSeveral(string description, bool oneAfterTheOther) => new("--model")
    {
        Description = description,
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = oneAfterTheOther,
        CompletionSources = { Names },
    };

    /// <summary>The version that a file of recorded vectors is for, by the kernel its first line names.</summary>
    /// <param name="meta">What it says of the kernel; null if it says nothing, which is taken for Linux 7.2.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="UsageException">It names a release that nothing models.</exception>
    public static KhugepagedVersion ForRecorded(string? meta, string path)
    {
        const string before = "Linux version ";
        string kernel = meta is not null && meta.StartsWith(before, StringComparison.Ordinal) ? meta[before.Length..] : "";
        if (!ReleaseRange.TryParse(kernel, out _, out _))
            return Catalogue.Linux72;
        return Catalogue.ForRelease(kernel)
            ?? throw new UsageException(
                $"{path}: Linux {kernel.Split(' ')[0]} is not modelled: expected {Catalogue.ModelledReleases}, or --model NAME");
    }

    /// <summary>The version named; null if none was.</summary>
    public static KhugepagedVersion? GetIfGiven(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is { } name ? Find(name, "--model: ") : null;

    public static KhugepagedVersion Get(ParseResult parsed, Option<string> option) => Find(parsed.GetValue(option)!, "--model: ");

    /// <summary>The version of that name, or of that file.</summary>
    /// <exception cref="UsageException">There is none; the message lists those there are.</exception>
    /// <exception cref="FormatException">The file is none of a version; the message is one line.</exception>
    public static KhugepagedVersion Find(string name, string where = "")
    {
        if (Catalogue.Find(name) is { } known)
            return known;
        if (IsFile(name))
        {
            var (version, withoutEffect) = VersionFile.Read(name);
            WithOption.Say(withoutEffect, version);
            return version with { AskedAs = ShellWord.Quoted(name) };
        }
        throw new UsageException(
            name == "legacy" ? $"{where}no khugepaged is called 'legacy' any more: expected {Catalogue.Linux71.Name}"
            : $"{where}no khugepaged is called '{name}': expected {Joined(Catalogue.Versions)}, {Catalogue.Linux72WithoutLruBatch.Name}, "
            + $"{Joined(Catalogue.Undiscussed)}, or a known-bad variant: {Joined(KnownBad.Variants)}");
    }

    private static bool IsFile(string name) => InputFile.IsStandard(name) || name.Contains('/', StringComparison.Ordinal)
        || name.EndsWith(".json", StringComparison.Ordinal);

    private static string Joined(IEnumerable<KhugepagedVersion> versions) => string.Join(", ", versions.Select(version => version.Name));
}
