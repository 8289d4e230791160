using System.Globalization;
using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Cli.Shell;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What a sweep, or several of its shards together, came to.</summary>
internal static class SweepText
{
    /// <summary>A plan in words.</summary>
    public static string Of(SweepPlan plan) => string.Create(
        CultureInfo.InvariantCulture,
            $"{plan.Model}, PMD order {plan.PmdOrder}, {(plan.IsOfTables ? $"PTEs {plan.Kinds}" : "occupancies")}");

    /// <summary>Prints totals, what is broken, and the share that is done.</summary>
    /// <returns>The exit code: 1 if something is broken, else 3 if not all is done.</returns>
    public static int Print(SweepPlan plan, IReadOnlyCollection<SweepResult> done, long asked, (int This, int Of) shard, TimeSpan? time)
    {
        long runs = done.Sum(result => result.Runs), attempts = done.Sum(result => result.Attempts);
        Line($"{Of(plan)}{(shard.Of > 1 ? Text($", shard {shard.This}/{shard.Of}") : "")}: every set of orders, max_ptes_none 0 and maximum");
        foreach (var name in done.SelectMany(result => result.Broken.Keys).Distinct().Order(StringComparer.Ordinal))
        {
            var first = done.Where(result => result.Broken.ContainsKey(name)).MinBy(result => result.Unit)!;
            Line($"BROKEN {name}, first by {first.Broken[name]}");
        }
        string rate = time is { TotalSeconds: > 0 } took ? Text($" in {took.TotalSeconds:0.0} s") : "";
        Line($"{runs:N0} {(plan.IsOfTables ? "histories of 3 passes" : "pairs of walks, each prefix of which is one that stops")}, {attempts:N0} attempts{rate}");
        Line($"{done.Count} of {asked} units done{(done.Count == asked ? ": exhausted" : Text($" ({100.0 * done.Count / asked:G3}%): NOT exhausted"))}");
        return done.Any(result => result.Broken.Count > 0) ? ExitCode.Differ : done.Count < asked ? ExitCode.NotExhausted : ExitCode.Agree;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
