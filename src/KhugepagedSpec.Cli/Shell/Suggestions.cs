using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>What <c>[suggest:N] LINE</c> prints: all that may stand where the line's first N letters end, one a line. The shells ask
/// so.</summary>
internal sealed partial class Suggestions : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        string line = parseResult.Tokens.LastOrDefault(token => token.Type != TokenType.Directive)?.Value ?? "";
        string position = parseResult.Tokens[0].Value.Trim('[', ']').Split(':')[^1];
        if (int.TryParse(position, out int letters) && letters >= 0 && letters < line.Length)
            line = line[..letters];
        foreach (string suggestion in At(line, parseResult.RootCommandResult.Command))
            Console.WriteLine(suggestion);
        return ExitCode.Agree;
    }

    // Options are offered once a dash is typed, by their long names; a flag is offered no value.
    private static IEnumerable<string> At(string line, Command root)
    {
        string typed = LastWord(line);
        // The parser knows double quotes only, and no unfinished value after '='.
        string text = OptionsEquals().Replace(line.Replace('\'', '"'), "$1 ");
        string word = LastWord(text);
        string kept = typed[..^word.Length];
        return root.Parse(text).GetCompletions(text.Length)
            .Select(completion => completion.Label)
            .Where(label => label.StartsWith(word, StringComparison.Ordinal))
            .Where(label => word.StartsWith('-') ? label.StartsWith("--", StringComparison.Ordinal) : char.IsAsciiLetterOrDigit(label[0])
                && label is not ("True" or "False"))
            .Distinct()
            .Select(label => kept + label);
    }

    private static string LastWord(string line) => line[(line.LastIndexOf(' ') + 1)..];

    [GeneratedRegex("(?<=^| )(--[a-z-]+)=")]
    private static partial Regex OptionsEquals();
}
