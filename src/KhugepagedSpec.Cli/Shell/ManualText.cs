namespace KhugepagedSpec.Cli.Shell;

/// <summary>A manual page as man(1) shows it, without bold and underlined letters.</summary>
internal static class ManualText
{
    private const int Width = 80;
    private const string Indent = "       ";

    /// <summary>Its lines.</summary>
    public static IEnumerable<string> Lines(ManualPage page)
    {
        string name = $"{page.Name.ToUpperInvariant()}(1)";
        yield return Across(name, ManualRoff.Volume, name);
        foreach (var section in page.Sections)
        {
            yield return "";
            yield return section.Title;
            for (int i = 0; i < section.Blocks.Length; i++)
            {
                if (section.IsApart(i))
                    yield return "";
                foreach (string line in Lines(section.Blocks[i]))
                    yield return line;
            }
        }
        yield return "";
        yield return Across(VersionText.Program, "", name);
    }

    private static IEnumerable<string> Lines(ManualBlock block) => block switch
    {
        ManualBlock.Paragraph paragraph => Filled(paragraph.Text, Indent),
        // A short term has its text beside it.
        ManualBlock.Item item when item.Term.Length < Indent.Length =>
            Filled(item.Text, Indent + Indent).Select((line, i) => i > 0 ? line : $"{Indent}{item.Term,-7}{line.TrimStart()}"),
        ManualBlock.Item item => Filled(item.Text, Indent + Indent).Prepend(Indent + item.Term),
        ManualBlock.Line line => [Indent + line.Text],
        _ => throw new InvalidOperationException($"{block.GetType().Name} has no text"),
    };

    private static IEnumerable<string> Filled(string text, string indent)
    {
        string line = "";
        foreach (string word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && indent.Length + line.Length + 1 + word.Length > Width)
            {
                yield return indent + line;
                line = "";
            }
            line += line.Length > 0 ? $" {word}" : word;
        }
        yield return indent + line;
    }

    private static string Across(string left, string middle, string right)
    {
        int before = Math.Max((Width - middle.Length) / 2 - left.Length, 1);
        int after = Math.Max(Width - left.Length - before - middle.Length - right.Length, 1);
        return $"{left}{new string(' ', before)}{middle}{new string(' ', after)}{right}";
    }
}
