using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace KhugepagedSpec.Cli;

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
        where T : struct, Enum
    {
        string names = string.Join('|', Enum.GetNames<T>()).ToLowerInvariant();
        var option = new Option<T?>(name)
        {
            Description = description,
            HelpName = names,
            Arity = bare is null ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
            CustomParser = result => result.Tokens.Count == 0 ? bare
                : Enum.TryParse(Word(result), ignoreCase: true, out T value) && !char.IsAsciiDigit(Word(result)[0]) ? value
                : Fail<T?>(result, refused?.Invoke(Word(result)) is { } why
                    ? $"{name} {Word(result)}: {why}"
                    : $"{name}: '{Word(result)}': expected {names.Replace("|", ", ", StringComparison.Ordinal)}"),
        };
        // In small letters, instead of those of the type.
        option.CompletionSources.Clear();
        option.CompletionSources.Add(names.Split('|'));
        return option;
    }

    private static string Word(ArgumentResult result) => result.Tokens[0].Value;

    private static T? Fail<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }
}
