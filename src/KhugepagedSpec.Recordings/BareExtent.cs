using System.Globalization;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Recordings;

/// <summary>Where a VMA lies that has no page beside the observed range, as a line of input has it: <c>FIRST-LAST</c>.</summary>
internal static class BareExtent
{
    /// <summary>The text is meant as one, and not as the name of a shape.</summary>
    public static bool IsOne(string text) => text.Length > 0 && (text[0] == '-' || char.IsAsciiDigit(text[0]));

    /// <summary>Reads the first page and one past the last.</summary>
    /// <exception cref="FormatException">It is none, or a guest has no room for it: a PMD range on either side; the message is one
    /// line.</exception>
    public static (int First, int End) Parse(string text, Geometry geometry)
    {
        int dash = text.IndexOf('-', 1), pages = geometry.Pages;
        return dash > 0 && int.TryParse(text.AsSpan(0, dash), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int first)
            && int.TryParse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int last)
            && -pages <= first && first < pages && Math.Max(first, 0) <= last && last < 2 * pages
                ? (first, last + 1)
                : throw new FormatException(
                    $"vma={text} in 'in': expected FIRST-LAST, pages {-pages} to {2 * pages - 1} of which some lie in the table");
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public static string Write((int First, int End) extent) =>
        string.Create(CultureInfo.InvariantCulture, $"{extent.First}-{extent.End - 1}");
}
