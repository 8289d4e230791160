using System.CommandLine;
using System.CommandLine.Parsing;
using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>A command line as it would be typed again.</summary>
internal static class CommandText
{
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
                words.Add(ShellWord.Quoted(token.Value));
            else if (token.Type == TokenType.Argument)
                skip = false;
        }
        return string.Join(' ', words);
    }
}
