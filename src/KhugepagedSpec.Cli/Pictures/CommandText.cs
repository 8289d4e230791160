using System.CommandLine;
using System.CommandLine.Parsing;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>A command line as it would be typed again.</summary>
internal static class CommandText
{
    private const string Plain = "-_./,=:@%+";

    /// <summary>What was typed, without one option and its value, quoted for a shell.</summary>
    public static string Of(ParseResult parsed, Option without)
    {
        var words = new List<string> { "khugepaged-spec" };
        bool skip = false;
        foreach (var token in parsed.Tokens)
        {
            if (token.Type == TokenType.Option)
                skip = token.Value == without.Name;
            if (!skip)
                words.Add(Quoted(token.Value));
            else if (token.Type == TokenType.Argument)
                skip = false;
        }
        return string.Join(' ', words);
    }

    /// <summary>A word, in quotes where a shell needs them.</summary>
    public static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || Plain.Contains(letter, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
