using System.CommandLine;
using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary><c>--html FILE</c>: write a page beside the usual output.</summary>
internal static class HtmlOption
{
    /// <summary>The option.</summary>
    /// <param name="what">What the page shows.</param>
    public static Option<string?> Create(string what) =>
        new("--html") { Description = $"Also write a page that shows {what}.", HelpName = "FILE" };

    /// <summary>The file, if one was given. Whether it can be written is known before any work is done.</summary>
    /// <exception cref="UsageException">No page can be written there.</exception>
    public static OutputFile? Get(ParseResult parsed, Option<string?> option) => OutputFile.Of(option.Name, parsed.GetValue(option));
}
