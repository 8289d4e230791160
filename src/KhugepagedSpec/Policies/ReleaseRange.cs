using System.Globalization;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Policies;

/// <summary>Releases of Linux, from one to another, both in it; all numbers as <c>uname -r</c> begins with.</summary>
/// <param name="First">The oldest: major and minor number.</param>
/// <param name="Last">The newest.</param>
/// <param name="IsCandidate">Release candidates of them; false: what was released.</param>
/// <param name="FirstPatch">The oldest stable release of <paramref name="First"/>.</param>
/// <param name="LastPatch">The newest stable release of <paramref name="Last"/>; null: all there will be.</param>
public sealed partial record ReleaseRange(
    (int Major, int Minor) First, (int Major, int Minor) Last, bool IsCandidate = false, int FirstPatch = 0, int? LastPatch = null)
{
    /// <summary>True if a kernel is in it.</summary>
    /// <param name="kernel">Its release, or release and version, as uname has them.</param>
    public bool Contains(string kernel) =>
        Read(kernel) is var (major, minor, patch, isCandidate) && isCandidate == IsCandidate
        && (First.Major, First.Minor, FirstPatch).CompareTo((major, minor, patch)) <= 0
        && (major, minor, patch).CompareTo((Last.Major, Last.Minor, LastPatch ?? int.MaxValue)) <= 0;

    /// <inheritdoc/>
    public override string ToString()
    {
        string first = $"{First.Major}.{First.Minor}", last = $"{Last.Major}.{Last.Minor}";
        string patched = FirstPatch > 0 ? $"{first}.{FirstPatch}" : first;
        return (LastPatch is { } patch ? $"{patched} to {last}.{patch}" : First != Last ? $"{patched} to {last}" : FirstPatch > 0
            ? $"{patched} on" : first)
            + (IsCandidate ? "-rc" : "");
    }

    /// <summary>Reads a release: 7.2.13+deb14-cloud-amd64, 7.3-rc7, linux-6.18. Debian calls a candidate so in its version only.</summary>
    /// <returns>False if it does not begin with two numbers.</returns>
    public static bool TryParse(string kernel, out (int Major, int Minor) number, out bool isCandidate)
    {
        var read = Read(kernel);
        number = read is var (major, minor, _, _) ? (major, minor) : default;
        isCandidate = read is { IsCandidate: true };
        return read is not null;
    }

    /// <summary>True of linux- and a release that is a number alone, or a candidate of one: linux-7.2.13, linux-7.3-rc7.</summary>
    public static bool IsName(string name) => Name().IsMatch(name);

    private static (int Major, int Minor, int Patch, bool IsCandidate)? Read(string kernel)
    {
        var match = Number().Match(kernel);
        return match.Success ? (Part(1), Part(2), match.Groups[3].Success ? Part(3) : 0, Candidate().IsMatch(kernel)) : null;

        int Part(int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(?:linux-)?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?![\dA-Za-z])")]
    private static partial Regex Number();

    [GeneratedRegex(@"^linux-\d{1,4}\.\d{1,4}(?:\.\d{1,4})?(?:-rc\d{1,2})?\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"[-~]rc\d")]
    private static partial Regex Candidate();
}
