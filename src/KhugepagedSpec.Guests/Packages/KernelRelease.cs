using System.Globalization;
using System.Numerics;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>Names of kernels, as uname -r says them: which is newer, and which is meant.</summary>
public static class KernelRelease
{
    /// <summary>Older first: numbers by their value, part by part; a release candidate before its release.</summary>
    public static IComparer<string> ByAge { get; } = Comparer<string>.Create(Compare);

    /// <summary>Whether <paramref name="release"/> is <paramref name="wanted"/>, or begins with it up to a separator.</summary>
    public static bool Matches(string release, string wanted) =>
        wanted.Length > 0 && release.StartsWith(wanted, StringComparison.Ordinal)
            && (release.Length == wanted.Length || !char.IsAsciiLetterOrDigit(release[wanted.Length]));

    /// <summary>The one that is called <paramref name="wanted"/>, or else the newest of those that begin so.</summary>
    internal static T? Newest<T>(IEnumerable<T> kernels, Func<T, string> releaseOf, string wanted)
        where T : class =>
        kernels.Where(kernel => Matches(releaseOf(kernel), wanted))
            .OrderByDescending(kernel => releaseOf(kernel) == wanted)
            .ThenByDescending(releaseOf, ByAge)
            .FirstOrDefault();

    /// <summary>Those next to where <paramref name="wanted"/> would stand, newest first: <paramref name="count"/> on either side.</summary>
    internal static IEnumerable<string> Nearest(IEnumerable<string> releases, string wanted, int count)
    {
        var ordered = releases.OrderByDescending(release => release, ByAge).ToList();
        int at = ordered.TakeWhile(release => ByAge.Compare(release, wanted) > 0).Count();
        return ordered.Skip(Math.Max(0, at - count)).Take(count * 2);
    }

    private static int Compare(string? left, string? right)
    {
        var (mine, theirs) = (Parts(left ?? ""), Parts(right ?? ""));
        for (int at = 0; at < Math.Max(mine.Count, theirs.Count); at++)
        {
            var (one, other) = (mine.ElementAtOrDefault(at), theirs.ElementAtOrDefault(at));
            int order = Kind(one).CompareTo(Kind(other));
            if (order == 0 && one is not null)
                order = char.IsAsciiDigit(one[0])
                    ? BigInteger.Parse(one, CultureInfo.InvariantCulture).CompareTo(BigInteger.Parse(other!, CultureInfo.InvariantCulture))
                    : string.CompareOrdinal(one, other);
            if (order != 0)
                return order;
        }
        return string.CompareOrdinal(left, right);
    }

    // 7.3-rc7 < 7.3 < 7.3-cloud < 7.3.4
    private static int Kind(string? part) => part switch
    {
        "rc" => 0,
        null => 1,
        _ => char.IsAsciiDigit(part[0]) ? 3 : 2,
    };

    // Runs of digits, and runs of letters.
    private static List<string> Parts(string release)
    {
        var parts = new List<string>();
        for (int from = 0, to; from < release.Length; from = to)
        {
            to = from + 1;
            if (!char.IsAsciiLetterOrDigit(release[from]))
                continue;
            while (to < release.Length && char.IsAsciiLetterOrDigit(release[to])
                && char.IsAsciiDigit(release[to]) == char.IsAsciiDigit(release[from]))
                to++;
            parts.Add(release[from..to]);
        }
        return parts;
    }
}
