using System.Globalization;

namespace KhugepagedSpec.Recordings;

/// <summary>Whole numbers in text: one that is too large is still a number, and out of range.</summary>
internal static class WholeNumber
{
    /// <summary>The number; null if it is none, or out of range.</summary>
    public static int? Read(ReadOnlySpan<char> digits, int least, int most) =>
        IsNumber(digits) && int.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            && value >= least && value <= most ? value : null;

    /// <summary>What was expected instead.</summary>
    public static string Expected(ReadOnlySpan<char> digits, int least, int most) =>
        IsNumber(digits) ? string.Create(CultureInfo.InvariantCulture, $"{least} to {most}") : "a number";

    private static bool IsNumber(ReadOnlySpan<char> digits) =>
        digits.Length > 0 && (digits[0] == '-' ? digits[1..] : digits) is { Length: > 0 } rest && !rest.ContainsAnyExceptInRange('0', '9');
}
