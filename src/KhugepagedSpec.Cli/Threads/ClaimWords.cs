using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Cli.Threads;

/// <summary>Commands as words, and texts with one blank for many.</summary>
internal static partial class ClaimWords
{
    /// <summary>The words of a command; single quotes hold one together.</summary>
    public static ImmutableArray<string> Of(string command) =>
        [.. Word().Matches(command).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)];

    /// <summary>A command with other options: what stands behind an option that is there is replaced, but --with is added.</summary>
    public static ImmutableArray<string> With(ImmutableArray<string> words, string options)
    {
        var others = Of(options);
        for (int i = 0; i < others.Length; i += 2)
        {
            int at = others[i] == "--with" ? -1 : words.IndexOf(others[i]);
            words = at < 0 ? words.AddRange(others[i], others[i + 1]) : words.SetItem(at + 1, others[i + 1]);
        }
        return words;
    }

    /// <summary>Blanks in a row, and line ends, as one blank.</summary>
    public static string Flat(string text) => Blanks().Replace(text, " ");

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
