using System.CommandLine;
using System.Globalization;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>A length of time, as 30s, 10m or 1h.</summary>
internal static class TimeOption
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    public static Option<TimeSpan?> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            string word = result.Tokens[0].Value;
            if (Parse(word) is { } time && time > TimeSpan.Zero && time <= Longest)
                return time;
            result.AddError($"{name}: '{word}': expected a time up to 7 days, as 30s, 10m or 1h");
            return null;
        },
    };

    private static TimeSpan? Parse(string word)
    {
        int unit = word.Length == 0 ? 0 : word[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        return unit > 0 && int.TryParse(word[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? TimeSpan.FromSeconds((double)number * unit) : null;
    }
}
