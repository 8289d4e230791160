using System.Collections.Immutable;

namespace KhugepagedSpec.Cli.Threads;

/// <summary>What a command came to.</summary>
/// <param name="Run">The command.</param>
/// <param name="Lines">The lines of its output that were looked for.</param>
/// <param name="Amiss">Why it does not show the verdict; null if it does.</param>
internal sealed record Shown(ClaimRun Run, ImmutableArray<string> Lines, string? Amiss);

/// <summary>Holds what a command printed against what it must print.</summary>
internal static class ClaimJudge
{
    /// <summary>Judges a run.</summary>
    /// <param name="run">What it was to print.</param>
    /// <param name="exit">How it ended.</param>
    /// <param name="output">What it printed.</param>
    public static Shown Judge(ClaimRun run, int exit, string output)
    {
        string[] lines = output.Split('\n');
        var found = ImmutableArray.CreateBuilder<string>();
        int from = 0;
        foreach (string text in run.Prints)
        {
            int at = Array.FindIndex(lines, from, line => Has(line, text));
            if (at < 0)
                return new(run, found.ToImmutable(), $"it does not print '{text}'");
            found.Add(lines[at].TrimEnd());
            from = at + 1;
        }
        return run.Never.FirstOrDefault(text => lines.Any(line => Has(line, text))) is { } never
            ? new(run, found.ToImmutable(), $"it prints '{never}'")
            : new(run, found.ToImmutable(), exit == run.Exit ? null : $"it ends with {exit}, and was to end with {run.Exit}");
    }

    private static bool Has(string line, string text) =>
        ClaimWords.Flat(line).Contains(ClaimWords.Flat(text), StringComparison.Ordinal);
}
