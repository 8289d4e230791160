namespace KhugepagedSpec.Cli.Shell;

/// <summary>A manual page as roff source, for man(1).</summary>
internal static class ManualRoff
{
    /// <summary>The part of the manual that it belongs to.</summary>
    public const string Volume = "User Commands";

    /// <summary>Its lines.</summary>
    public static IEnumerable<string> Lines(ManualPage page)
    {
        yield return $"""
            .TH "{Escaped(page.Name.ToUpperInvariant())}" 1 "" "{Escaped(VersionText.Program)}" "{Volume}"
            """;
        foreach (var section in page.Sections)
        {
            yield return $".SH {section.Title}";
            for (int i = 0; i < section.Blocks.Length; i++)
                foreach (string line in Lines(section.Blocks[i], section.IsApart(i)))
                    yield return line;
        }
    }

    private static IEnumerable<string> Lines(ManualBlock block, bool isApart) => block switch
    {
        ManualBlock.Paragraph paragraph => [.. Apart(isApart), .. paragraph.Text.Split('\n').Select(Escaped)],
        ManualBlock.Line line => [.. Apart(isApart), ".nf", Escaped(line.Text), ".fi"],
        // Apart by itself.
        ManualBlock.Item item => [".TP", $@"\fB{Escaped(item.Term)}\fR", Escaped(item.Text)],
        _ => throw new InvalidOperationException($"{block.GetType().Name} has no roff"),
    };

    private static string[] Apart(bool isApart) => isApart ? [".PP"] : [];

    // A dash is to be a dash, a quote a quote, and nothing at the beginning of a line a request.
    private static string Escaped(string text)
    {
        string plain = text
            .Replace(@"\", @"\e", StringComparison.Ordinal)
            .Replace("-", @"\-", StringComparison.Ordinal)
            .Replace("'", @"\(aq", StringComparison.Ordinal)
            .Replace("`", @"\(ga", StringComparison.Ordinal)
            .Replace("^", @"\(ha", StringComparison.Ordinal)
            .Replace("~", @"\(ti", StringComparison.Ordinal);
        return plain.StartsWith('.') ? @"\&" + plain : plain;
    }
}
