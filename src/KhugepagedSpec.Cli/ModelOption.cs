using System.CommandLine;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli;

/// <summary><c>--model NAME</c>: which khugepaged to run.</summary>
internal static class ModelOption
{
    /// <summary>All that may be named.</summary>
    public static string[] Names { get; } = [.. Catalogue.All.Select(version => version.Name)];

    public static Option<string> Create() => new("--model")
    {
        Description = "The khugepaged to run, or linux- and a release; khugepaged-spec versions lists them.",
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

    /// <summary>The version named; null if none was.</summary>
    public static KhugepagedVersion? GetIfGiven(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { } name ? Find(name, "--model: ") : null;

    public static KhugepagedVersion Get(ParseResult parsed, Option<string> option) => Find(parsed.GetValue(option)!, "--model: ");

    /// <summary>The version of that name.</summary>
    /// <exception cref="UsageException">There is none; the message lists those there are.</exception>
    public static KhugepagedVersion Find(string name, string where = "") =>
        Catalogue.Find(name) ?? throw new UsageException(
            name == "legacy" ? $"{where}no khugepaged is called 'legacy' any more: expected {Catalogue.Linux71.Name}"
            : $"{where}no khugepaged is called '{name}': expected {Joined(Catalogue.Versions)}, {Catalogue.Linux72WithoutLruBatch.Name}, {Joined(Catalogue.Undiscussed)}, "
            + $"or a known-bad variant: {Joined(KnownBad.Variants)}");

    private static string Joined(IEnumerable<KhugepagedVersion> versions) => string.Join(", ", versions.Select(version => version.Name));
}
