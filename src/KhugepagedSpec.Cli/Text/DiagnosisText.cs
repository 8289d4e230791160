using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What a kernel is doing, for people and for scripts.</summary>
internal static class DiagnosisText
{
    // How many of several answers are told apart, by how many scenarios.
    private const int MostTold = 5, Scenarios = 1000;

    /// <summary>Prints all of it.</summary>
    /// <param name="diagnosis">The answers.</param>
    /// <param name="again">The command that shows that an answer explains the files, without its model.</param>
    public static void Print(Diagnosis diagnosis, string again)
    {
        Line($"{diagnosis.Observations} observations, {diagnosis.Differ} differ from {diagnosis.Model.FullName}");
        if (diagnosis.Differ == 0)
        {
            Line($"nothing to explain");
            return;
        }
        foreach (var answer in diagnosis.Answers)
        {
            Line($"\n{Summary(answer, diagnosis, "observations")}");
            Line($"  khugepaged-spec {again} --model {answer.Version.AskedAs}");
        }
        if (diagnosis.Answers.IsEmpty)
            Line($"\n{Unexplained(diagnosis, "observations")}");
        if (diagnosis.Answers.Length < 2)
            return;
        Line($"\nThe observations do not tell these {diagnosis.Answers.Length} apart.");
        foreach (var (a, b, apart) in ToldApart(diagnosis))
        {
            string how = apart is null ? $"the same in {Scenarios} random scenarios" : $"they part on {apart}";
            Line($"  {a.Version.Name} and {b.Version.Name}: {how}");
        }
    }

    /// <summary>One line, for what was compared.</summary>
    /// <param name="diagnosis">The answers.</param>
    /// <param name="what">What an observation is, in the plural.</param>
    public static string OneLine(Diagnosis diagnosis, string what) =>
        diagnosis.Answers.IsEmpty ? Unexplained(diagnosis, what)
        : string.Join("; or ", diagnosis.Answers.Take(MostTold).Select(answer => Summary(answer, diagnosis, what)))
            + (diagnosis.Answers.Length > MostTold ? string.Create(CultureInfo.InvariantCulture,
                $"; or {diagnosis.Answers.Length - MostTold} more") : "");

    public static DiagnosisJson ToJson(Diagnosis diagnosis) => new(
        diagnosis.Model.Name, diagnosis.Observations, diagnosis.Differ, diagnosis.Tried, diagnosis.IsComplete,
        [.. diagnosis.Answers.Select(ToJson)], diagnosis.Closest is { } closest ? ToJson(closest) : null,
        [.. ToldApart(diagnosis).Select(one => new ToldApartJson(one.First.Version.Name, one.Second.Version.Name, one.On?.ToString()))]);

    private static HypothesisJson ToJson(Hypothesis one) => new(
        one.Version.Name, one.Version.AskedAs, one.Words, one.Names,
        one.Changes.ToDictionary(change => change.Policy.Name, change => change.Value.Name), one.Explained, one.Kept);

    private static string Summary(Hypothesis one, Diagnosis diagnosis, string what)
    {
        string names = one.Names.IsEmpty || one.Names is [var only] && only == one.Version.Name ? ""
            : $" ({string.Join(", ", one.Names)})";
        int others = diagnosis.Observations - diagnosis.Differ;
        string kept = others == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", and {one.Kept} of {others} that do not");
        return string.Create(CultureInfo.InvariantCulture,
            $"{one.Version.Name}{names}: {one.Words}; explains {one.Explained} of {diagnosis.Differ} {what} that differ{kept}");
    }

    private static string Unexplained(Diagnosis diagnosis, string what)
    {
        string none = string.Create(CultureInfo.InvariantCulture,
            $"none of {diagnosis.Tried} compositions explains all{(diagnosis.IsComplete ? "" : ", and not all were tried")}");
        return diagnosis.Closest is { } closest ? $"{none}; closest {Summary(closest, diagnosis, what)}"
            : $"{none}; none explains any that differs";
    }

    // The first against each of the others: on what they part, made small; null where nothing was found.
    private static IEnumerable<(Hypothesis First, Hypothesis Second, Scenario? On)> ToldApart(Diagnosis diagnosis) =>
        diagnosis.Answers.Skip(1).Take(MostTold - 1)
            .Select(other => (diagnosis.Answers[0], other, Apart(diagnosis.Answers[0].Version, other.Version)));

    private static Scenario? Apart(KhugepagedVersion a, KhugepagedVersion b) =>
        ScenarioMix.Random(1).Take(Scenarios).FirstOrDefault(scenario => VersionDiff.On(scenario, a, b) is not null) is { } found
            ? Shrinker.Shrink(found, scenario => VersionDiff.On(scenario, a, b) is not null) : null;
}

/// <summary>What <c>diagnose --json</c> prints.</summary>
internal sealed record DiagnosisJson(
    string Model, int Observations, int Differ, int Tried, bool Complete, IReadOnlyList<HypothesisJson> Answers, HypothesisJson? Closest,
    IReadOnlyList<ToldApartJson> ToldApart);

/// <summary>An answer, or what comes closest.</summary>
internal sealed record HypothesisJson(
    string Model, string AskedAs, string Words, IReadOnlyList<string> Names, IReadOnlyDictionary<string, string> With, int Explained,
    int Kept);

/// <summary>Two answers, and a scenario on which they part; none where none was found.</summary>
internal sealed record ToldApartJson(string First, string Second, string? On);
