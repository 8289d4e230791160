using System.CommandLine;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli;

/// <summary><c>--model NAME</c>: which khugepaged to run.</summary>
internal static class ModelOption
{
    public static Option<string> Create() => new("--model")
    {
        Description = $"The khugepaged to run: {string.Join(", ", KhugepagedVersion.All.Select(version => version.Name))}.",
        DefaultValueFactory = _ => KhugepagedVersion.Linux72.Name,
        HelpName = "NAME",
    };

    public static KhugepagedVersion Get(ParseResult parsed, Option<string> option)
    {
        string name = parsed.GetValue(option)!;
        return KhugepagedVersion.All.FirstOrDefault(version => version.Name == name)
            ?? throw new UsageException($"--model: no khugepaged is called '{name}': expected {string.Join(" or ", KhugepagedVersion.All.Select(version => version.Name))}");
    }
}
