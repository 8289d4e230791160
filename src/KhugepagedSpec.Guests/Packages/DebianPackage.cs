using System.Globalization;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>A package as its index describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Depends">What it depends on, as written.</param>
/// <param name="Bytes">What there is to download; 0 if that is not said.</param>
internal sealed record DebianPackage(string Name, string Version, string Depends, long Bytes)
{
    /// <summary>The packages of paragraphs of "Field: value", as <c>apt-cache search --full</c> prints them.</summary>
    public static IEnumerable<DebianPackage> ReadAll(string paragraphs)
    {
        foreach (string paragraph in paragraphs.ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (string line in paragraph.Split('\n').Where(line => !line.StartsWith(' ')))
                if (line.Split(": ", 2) is [var name, var value])
                    fields.TryAdd(name, value.Trim());
            if (fields.TryGetValue("Package", out string? package) && fields.TryGetValue("Version", out string? version))
                yield return new DebianPackage(package, version, fields.GetValueOrDefault("Depends", ""),
                    Number(fields.GetValueOrDefault("Size")));
        }
    }

    private static long Number(string? digits) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;
}
