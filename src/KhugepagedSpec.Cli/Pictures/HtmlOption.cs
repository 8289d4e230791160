using System.CommandLine;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary><c>--html FILE</c>: write a page beside the usual output.</summary>
internal static class HtmlOption
{
    /// <summary>The option.</summary>
    /// <param name="what">What the page shows.</param>
    public static Option<string?> Create(string what) => new("--html") { Description = $"Also write a page that shows {what}.", HelpName = "FILE" };

    /// <summary>The file, if one was given. What is plainly wrong with it is said before any work is done.</summary>
    /// <exception cref="UsageException">No page can be written there.</exception>
    public static string? Get(ParseResult parsed, Option<string?> option)
    {
        if (parsed.GetValue(option) is not { } path)
            return null;
        if (path.Trim().Length == 0)
            throw new UsageException("--html: no name: expected a file");
        if (Directory.Exists(path))
            throw new UsageException($"--html {path}: that is a folder: expected a file");
        return Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && Directory.Exists(folder)
            ? path
            : throw new UsageException($"--html {path}: no such folder: expected a file in one that is there");
    }
}
