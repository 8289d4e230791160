using System.Text.RegularExpressions;

namespace KhugepagedSpec.Regressions;

/// <summary>What a complaint must look like: one line, in words of the file, not of the program.</summary>
internal static partial class Complaint
{
    /// <summary>What is wrong with a complaint; null if nothing.</summary>
    public static string? Fault(string message) =>
        message.Length == 0 ? "says nothing"
        : message.Any(char.IsControl) ? "has several lines, or what a terminal would obey"
        : message.Length > 2000 ? "is longer than anybody reads"
        : !message.Contains("expected", StringComparison.Ordinal) ? "does not say what was expected"
        : TypeName().Match(message) is { Success: true } name ? $"names {name.Value}"
        : null;

    // Of the runtime, of the JSON library, of ours, and the places that they speak of.
    [GeneratedRegex(@"System\.\w|KhugepagedSpec\.\w|\b\w+Exception\b|\bJson[A-Z]\w+|\b[A-Z]\w+Json\b|Path: \$|LineNumber|BytePosition|(?:List|Array|Enumerable|Dictionary|Set)`[1-9]|Nullable|JSON value could not|deserializ|\bInt(32|64)\b|Parameter '|Arg_|   at ")]
    private static partial Regex TypeName();
}
