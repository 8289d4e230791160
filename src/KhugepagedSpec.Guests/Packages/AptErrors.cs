using System.Text.RegularExpressions;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>What apt and dpkg complain of.</summary>
internal static partial class AptErrors
{
    /// <summary>The first error, or else the first warning, or else the first line; without names and addresses of servers. Null if nothing
    /// was said.</summary>
    public static string? First(string stderr)
    {
        var lines = stderr.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).ToList();
        string? line = lines.Find(line => line.StartsWith("E:", StringComparison.Ordinal))
            ?? lines.Find(line => line.StartsWith("W:", StringComparison.Ordinal))
            ?? lines.FirstOrDefault();
        return line is null ? null : WithoutServers(line, stderr);
    }

    /// <summary>Whether a server gave anything, by what apt-get update printed.</summary>
    public static bool SomethingCame(string stdout) => Came().IsMatch(stdout);

    private static string WithoutServers(string line, string all)
    {
        var servers = InAddress().Matches(all).Concat(Sought().Matches(all)).Select(match => match.Groups[1].Value)
            .Where(server => server.Length > 0);
        foreach (string server in servers.Distinct().OrderByDescending(server => server.Length))
            line = line.Replace(server, "SERVER", StringComparison.Ordinal);
        return IpAddress().Replace(line, "");
    }

    [GeneratedRegex("^(Hit|Get):", RegexOptions.Multiline)]
    private static partial Regex Came();

    [GeneratedRegex(@"[a-z+]+://([^/\s]+)")]
    private static partial Regex InAddress();

    [GeneratedRegex(@"(?:resolve|resolving|connect to|connecting to|connection to) '?([^\s':]+)")]
    private static partial Regex Sought();

    [GeneratedRegex(@" ?\((?:[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]+)\)")]
    private static partial Regex IpAddress();
}
