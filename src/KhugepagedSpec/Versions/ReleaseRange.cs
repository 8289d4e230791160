using System.Globalization;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Versions;

/// <summary>Releases of Linux, from one to another, both in it; all numbers as <c>uname -r</c> begins with.</summary>
/// <param name="First">The oldest: major and minor number.</param>
/// <param name="Last">The newest.</param>
/// <param name="IsCandidate">Release candidates of them; false: what was released.</param>
public sealed partial record ReleaseRange((int Major, int Minor) First, (int Major, int Minor) Last, bool IsCandidate = false)
{
    /// <summary>True if a kernel is in it.</summary>
    /// <param name="kernel">Its release, or release and version, as uname has them.</param>
    public bool Contains(string kernel) =>
        TryParse(kernel, out var number, out bool isCandidate) && First.CompareTo(number) <= 0 && number.CompareTo(Last) <= 0
        && isCandidate == IsCandidate;

    /// <inheritdoc/>
    public override string ToString() =>
        (First == Last ? $"{First.Major}.{First.Minor}" : $"{First.Major}.{First.Minor} to {Last.Major}.{Last.Minor}") + (IsCandidate ? "-rc" : "");

    /// <summary>Reads a release: 7.2.13+deb14-cloud-amd64, 7.3-rc7, linux-6.18. Debian calls a candidate so in its version only.</summary>
    /// <returns>False if it does not begin with two numbers.</returns>
    public static bool TryParse(string kernel, out (int Major, int Minor) number, out bool isCandidate)
    {
        var match = Number().Match(kernel);
        number = match.Success ? (Part(match.Groups[1]), Part(match.Groups[2])) : default;
        isCandidate = match.Success && Candidate().IsMatch(kernel);
        return match.Success;

        static int Part(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(?:linux-)?(\d{1,4})\.(\d{1,4})(?!\d)")]
    private static partial Regex Number();

    [GeneratedRegex(@"[-~]rc\d")]
    private static partial Regex Candidate();
}
