using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Race;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

internal sealed record RaceJson(
    string Kernel, int Seed, int Seconds, IReadOnlyList<string> Actors, IReadOnlyList<int> Orders, long Lost,
    long WrongContents, int Probes, IReadOnlyList<RaceMissingJson> Missing, long Attempts, long WithCompany,
    IReadOnlyDictionary<string, long> Events, IReadOnlyList<RaceOperationsJson> Operations, IReadOnlyList<RaceGapJson> Gaps,
    IReadOnlyList<RaceResultJson> Results, IReadOnlyDictionary<string, long> Scans);

internal sealed record RaceMissingJson(string Probe, string Why);

internal sealed record RaceOperationsJson(string Actor, long Operations);

internal sealed record RaceGapJson(string From, string To, long Passed, IReadOnlyDictionary<string, long> Actors);

internal sealed record RaceResultJson(string Result, long Attempts, long WithCompany, IReadOnlyDictionary<string, long> Actors);

/// <summary>Prints what a recorded race visited.</summary>
internal static class RaceText
{
    private const int GapWidth = 26, CountWidth = 9;

    /// <summary>The summary, as text.</summary>
    public static void Print(RaceOutcome outcome)
    {
        var coverage = outcome.Coverage;
        string sizes = string.Join(", ", outcome.Enabled.Orders().Select(order => Sizes.Name(order, 4)));
        Line($"Linux {outcome.Kernel}, seed {outcome.Plan.Seed}, sizes {sizes}");
        Line($"{outcome.Probes.Set.Length} probes{(outcome.Probes.Missing.IsEmpty ? "" : $", {outcome.Probes.Missing.Length} not set")}");
        foreach (var (name, why) in outcome.Probes.Missing)
            Line($"  no {name}: {why}");
        foreach (var hold in outcome.Plan.Holds)
            Line($"  whoever comes to {hold.Probe} is held for {hold.Microseconds} us");
        Line($"{coverage.Events.Values.Sum()} events, {(outcome.Lost == 0 ? "none" : $"{outcome.Lost}")} lost");
        foreach (var (actor, operations) in Together(outcome))
            Line($"  {actor,-14}{operations,8} operations {coverage.Events.GetValueOrDefault(actor),9} events");
        Line($"contents: {(outcome.WrongContents == 0 ? "as written" : $"{outcome.WrongContents} words WRONG")}");
        string[] who = [.. coverage.Results.Values.SelectMany(result => result.By.Keys).Distinct().Order(StringComparer.Ordinal)];
        Line($"\n{coverage.Attempts} attempts, {coverage.WithCompany} while others acted; in how many who did:");
        Row("result", "attempts", who, actor => actor);
        foreach (var (result, (all, _, by)) in coverage.Results.OrderByDescending(result => result.Value.All))
            Row(result, $"{all}", who, actor => Count(by, actor));
        if (coverage.Scans.Count > 0)
            Line($"\nscans that led to no attempt: {string.Join(", ",
                coverage.Scans.OrderByDescending(scan => scan.Value).Select(scan => $"{scan.Key} {scan.Value}"))}");
        Line($"\nwho acted between which two steps:");
        Row("step", "passed", who, actor => actor);
        foreach (var (gap, by) in coverage.Gaps.Where(gap => gap.Value.Count > 0).OrderByDescending(gap => coverage.Passed[gap.Key])
            .ThenBy(gap => gap.Key))
            Row($"{gap.From} {gap.To}", $"{coverage.Passed[gap]}", who, actor => Count(by, actor));
    }

    /// <summary>The summary, for scripts.</summary>
    public static RaceJson ToJson(RaceOutcome outcome)
    {
        var coverage = outcome.Coverage;
        return new RaceJson(outcome.Kernel, outcome.Plan.Seed, outcome.Plan.Seconds, [.. outcome.Plan.Actors.Select(actor => actor.Name)],
            [.. outcome.Enabled.Orders()], outcome.Lost, outcome.WrongContents, outcome.Probes.Set.Length,
            [.. outcome.Probes.Missing.Select(missing => new RaceMissingJson(missing.Name, missing.Why))], coverage.Attempts,
            coverage.WithCompany, coverage.Events,
            [.. Together(outcome).Select(one => new RaceOperationsJson(one.Actor, one.Operations))],
            [.. coverage.Gaps.Select(gap => new RaceGapJson(gap.Key.From, gap.Key.To, coverage.Passed[gap.Key], gap.Value))],
            [.. coverage.Results.Select(result => new RaceResultJson(
                result.Key, result.Value.All, result.Value.WithCompany, result.Value.By))], coverage.Scans);
    }

    // Two threads of one actor are one line.
    private static IEnumerable<(string Actor, long Operations)> Together(RaceOutcome outcome) =>
        outcome.Operations.GroupBy(one => one.Actor).Select(same => (same.Key, same.Sum(one => one.Operations)));

    private static string Count(Dictionary<string, long> by, string actor) =>
        by.TryGetValue(actor, out long count) ? count.ToString(CultureInfo.InvariantCulture) : ".";

    private static void Row(string what, string all, string[] who, Func<string, string> cell)
    {
        string cells = string.Concat(who.Select(actor => " " + cell(actor).PadLeft(Math.Max(CountWidth, actor.Length))));
        Line($"  {what,-GapWidth} {all,CountWidth - 1}{cells}");
    }
}
