namespace KhugepagedSpec.Cli.Shell;

/// <summary>A word of a command line as it would be typed again.</summary>
internal static class ShellWord
{
    private const string Plain = "-_./,=:@%+";

    /// <summary>A word, in quotes where a shell needs them.</summary>
    public static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || Plain.Contains(letter, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
