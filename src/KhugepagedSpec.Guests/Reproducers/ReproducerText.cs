using System.Text;

namespace KhugepagedSpec.Guests.Reproducers;

/// <summary>
/// The text that all programs share, with what one of them needs: <c>//@ NAME</c> begins what goes in with that helper, up to the next such
/// line, <c>//@</c> what goes in always, and <c>//@NAME</c> is replaced.
/// </summary>
internal sealed class ReproducerText(string template, IReadOnlySet<string> helpers)
{
    private const string Mark = "//@";

    private readonly Dictionary<string, string> _parts = [];

    /// <summary>What a mark is replaced by.</summary>
    public ReproducerText Put(string name, string text)
    {
        _parts[name] = text;
        return this;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        bool isIn = true;
        foreach (string line in template.Split('\n')[..^1])
        {
            if (!line.StartsWith(Mark, StringComparison.Ordinal))
            {
                if (isIn)
                    text.Append(line).Append('\n');
                continue;
            }
            string name = line[Mark.Length..];
            isIn = name.Trim().Length == 0 || !name.StartsWith(' ') || helpers.Contains(name.Trim());
            if (name.Length > 0 && !name.StartsWith(' '))
                text.Append(_parts[name]);
        }
        return text.ToString();
    }
}
