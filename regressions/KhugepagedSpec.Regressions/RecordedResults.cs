using System.Globalization;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Regressions;

/// <summary>What attempts and scans of a real kernel came to while it raced, as <c>kernel race</c> counted it.</summary>
internal static class RecordedResults
{
    private static readonly Dictionary<(bool OfAttempt, ScanResult Result), string> Reasons = new()
    {
        [(true, ScanResult.PageAnon)] = "a file is mapped in the range's place, which the recorder's process never does",
        [(true, ScanResult.DelPageLru)] = "between two instructions of folio_isolate_lru(): off its list, not yet counted",
        [(false, ScanResult.Succeed)] = "by itself: the attempts follow",
        [(false, ScanResult.AnyProcess)] = "khugepaged leaves such a process before it scans, and no event tells",
        [(false, ScanResult.VmaCheck)] = "khugepaged passes by such a VMA before it scans, and no event tells",
        [(true, ScanResult.CopyMc)] = "a machine check, which emulation has none of",
    };

    private static readonly Dictionary<(bool, ScanResult), int> All = File.ReadLines(
            Repository.At("regressions", "KhugepagedSpec.Regressions", "races", "results.txt"))
        .Where(line => !line.StartsWith('#')).Select(line => line.Split(' '))
        .ToDictionary(words => (words[0] == "attempt", Named(words[1])), words => int.Parse(words[2], CultureInfo.InvariantCulture));

    /// <summary>How often a result was seen.</summary>
    public static int Seen(bool ofAttempt, ScanResult result) => All.GetValueOrDefault((ofAttempt, result));

    /// <summary>How often, as text, or why never; nothing for neither.</summary>
    public static string Of(bool ofAttempt, ScanResult result) => Seen(ofAttempt, result) is > 0 and var times
        ? times.ToString(CultureInfo.InvariantCulture)
        : Reasons.TryGetValue((ofAttempt, result), out string? why) ? $"not seen: {why}" : "";

    /// <summary>All that were seen.</summary>
    public static IEnumerable<(bool OfAttempt, ScanResult Result)> Results => All.Keys;

    private static ScanResult Named(string name) =>
        ScanResultNames.TryParseTraceName(name, out var result) ? result : throw new FormatException($"results.txt: {name}");
}
