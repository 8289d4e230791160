using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What <c>diff --json</c> prints.</summary>
internal sealed record DiffJson(
    string First, string Second, IReadOnlyList<string> In, string? Searched, VersionDifferenceJson? Difference, long? Scenarios,
    IReadOnlyList<SettingsVerdictJson>? Settings, IReadOnlyList<DifferenceClassJson>? Classes, bool? Complete)
{
    /// <summary>Prints one difference, or none.</summary>
    public static void Print(KhugepagedVersion a, KhugepagedVersion b, DifferenceIn kinds, string? searched, Difference? difference) =>
        Print(new DiffJson(
            a.Name, b.Name, Kinds(kinds), searched,
            difference is null ? null : Of(a, b, difference, VersionDiff.In(difference.Scenario, a, b, kinds)), null, null, null, null));

    /// <summary>Prints a survey.</summary>
    public static void Print(KhugepagedVersion a, KhugepagedVersion b, DifferenceIn kinds, DiffSurvey survey) => Print(new DiffJson(
        a.Name, b.Name, Kinds(kinds), survey.Bound, null, survey.Scenarios,
        [.. survey.Settings.Select(one =>
            new SettingsVerdictJson(one.Settings.Sizes, one.Settings.MaxPtesNone, one.Scenarios, one.Differ, one.Undisturbed))],
        [.. survey.Classes.Select(one => new DifferenceClassJson(one.First, one.Second, one.Scenarios, Of(a, b, one.Smallest, one.In)))],
        survey.IsComplete));

    private static VersionDifferenceJson Of(KhugepagedVersion a, KhugepagedVersion b, Difference difference, DifferenceIn kinds) => new(
        difference.Scenario.ToString(), Kinds(kinds), difference.DiffersAt, [.. difference.First.Select(line => line.Text)],
            [.. difference.Second.Select(line => line.Text)],
        CostText.ToJson(new CostRow(a.Name, difference.FirstCost.Pages, difference.FirstCost.Cost)),
        CostText.ToJson(new CostRow(b.Name, difference.SecondCost.Pages, difference.SecondCost.Cost)));

    private static ImmutableArray<string> Kinds(DifferenceIn kinds) => [.. DiffText.Names(kinds).Split(", ")];

    private static void Print(DiffJson json) => Console.WriteLine(JsonSerializer.Serialize(json, CliJson.Readable.DiffJson));
}

/// <summary>One difference: the scenario as arguments of explain, both runs line by line, and what they cost.</summary>
internal sealed record VersionDifferenceJson(string Scenario, IReadOnlyList<string> In, int DiffersAt, IReadOnlyList<string> First,
    IReadOnlyList<string> Second, CostJson FirstCost, CostJson SecondCost);

/// <summary>One class of settings.</summary>
internal sealed record SettingsVerdictJson(string Sizes, string MaxPtesNone, long Scenarios, long Differ, long Undisturbed);

/// <summary>One class of differences.</summary>
internal sealed record DifferenceClassJson(string First, string Second, long Scenarios, VersionDifferenceJson Smallest);
