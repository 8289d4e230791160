namespace KhugepagedSpec.Cli.Text;

/// <summary>What is put into a column.</summary>
internal static class Columns
{
    /// <summary>A text of no more letters than that, cut at its end.</summary>
    public static string Cut(string text, int most) => text.Length <= most ? text : text[..(most - 2)] + "..";

    /// <summary>The same, cut at its beginning, for paths.</summary>
    public static string CutLeft(string text, int most) => text.Length <= most ? text : ".." + text[^(most - 2)..];
}
