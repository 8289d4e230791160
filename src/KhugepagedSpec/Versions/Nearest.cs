namespace KhugepagedSpec.Versions;

/// <summary>The names that somebody may have meant.</summary>
public static class Nearest
{
    private const int Shown = 3;

    /// <summary>The nearest of <paramref name="names"/>, or the first few if none is near, with <c>or</c> before the last.</summary>
    /// <param name="word">What was typed.</param>
    /// <param name="names">What there is.</param>
    public static string Joined(string word, IEnumerable<string> names)
    {
        string[] near = [.. names.Select((name, i) => (name, i, Distance: Distance(word, name)))
            .OrderBy(one => one.name.Contains(word, StringComparison.Ordinal) ? 0 : 1).ThenBy(one => one.Distance).ThenBy(one => one.i)
            .Take(Shown).Select(one => one.name)];
        return near.Length < 2 ? string.Concat(near) : $"{string.Join(", ", near[..^1])} or {near[^1]}";
    }

    // Letters to change, add or leave out (V. Levenshtein, 1965).
    private static int Distance(string from, string to)
    {
        int[] above = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int[] row = new int[to.Length + 1];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
                row[j] = Math.Min(Math.Min(row[j - 1], above[j]) + 1, above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1));
            above = row;
        }
        return above[^1];
    }
}
