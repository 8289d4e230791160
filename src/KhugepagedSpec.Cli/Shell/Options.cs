using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>Options whose errors say what was expected.</summary>
internal static class Options
{
    /// <summary>A whole number.</summary>
    public static Option<int?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => int.TryParse(Word(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : Fail<int?>(result, $"{name}: '{Word(result)}': expected a whole number"),
    };

    /// <summary>
    /// One of the names of <typeparamref name="T"/>, in small letters; just <paramref name="bare"/> if it may stand alone;
    /// <paramref name="refused"/> says why another word is none.
    /// </summary>
    public static Option<T?> Name<T>(string name, string description, T? bare = null, Func<string, string?>? refused = null)
        where T : struct, Enum => Named(
            new Option<T?>(name)
            {
                Arity = bare is null ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
                CustomParser = result => result.Tokens.Count == 0 ? bare : One<T>(result, Word(result), name, refused),
            },
            description, Words<T>());

    /// <summary>The same, or several of them with commas between.</summary>
    public static Option<T[]?> Names<T>(string name, string description, T bare, Func<string, string?>? refused = null)
        where T : struct, Enum => Named(
            new Option<T[]?>(name)
            {
                Arity = ArgumentArity.ZeroOrOne,
                CustomParser = result => result.Tokens.Count == 0 ? [bare]
                    : [.. Word(result).Split(',').Select(word => One<T>(result, word, name, refused) ?? bare)],
            },
            description, Words<T>());

    private static string[] Words<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(word => word.ToLowerInvariant())];

    private static Option<T> Named<T>(Option<T> option, string description, string[] words)
    {
        option.Description = description;
        option.HelpName = string.Join('|', words);

        // In small letters, instead of those of the type.
        option.CompletionSources.Clear();
        option.CompletionSources.Add(words);
        return option;
    }

    private static T? One<T>(ArgumentResult result, string word, string name, Func<string, string?>? refused)
        where T : struct, Enum =>
        Array.Find(Enum.GetNames<T>(), known => known.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } found ? Enum.Parse<T>(found)
        : Fail<T?>(result, refused?.Invoke(word) is { } why ? $"{name} {word}: {why}"
            : $"{name}: '{word}': expected {string.Join(", ", Words<T>())}");

    private static string Word(ArgumentResult result) => result.Tokens[0].Value;

    private static T? Fail<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }
}
