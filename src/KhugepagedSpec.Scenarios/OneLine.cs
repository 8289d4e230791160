using System.Globalization;

namespace KhugepagedSpec.Scenarios;

/// <summary>Text from outside - a file, a process's name - as it may be put into a line, on a terminal.</summary>
public static class OneLine
{
    /// <summary>The text with spaces for line ends, and each other control character as <c>\uXXXX</c>.</summary>
    public static string Of(string text) =>
        !text.Any(IsControl) ? text : string.Concat(text.ReplaceLineEndings(" ").Select(letter => IsControl(letter)
            ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}") : letter.ToString()));

    private static bool IsControl(char letter) => char.IsControl(letter) || letter is '\u2028' or '\u2029';
}
