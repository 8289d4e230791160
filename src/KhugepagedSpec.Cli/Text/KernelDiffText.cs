using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Scenarios;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What two kernels differ in, for people and for scripts.</summary>
internal static class KernelDiffText
{
    private const int Shown = 5;

    public static KernelDiffJson ToJson(LiveDiff diff, int seed, bool isInterrupted) => new(
        diff.Base.FullName, diff.Patched.FullName, diff.Model?.Name, seed, diff.Scenarios, diff.BuiltOtherwise, !isInterrupted,
        [.. diff.Smallest.Select(found => new KernelDifferenceJson(
            found.Difference.Class.ToString().ToLowerInvariant(), found.Difference.Pass, found.Difference.What, found.Difference.Base,
            found.Difference.Patched, [.. found.Together.Select(scenario => scenario.ToString())], found.Together.Sum(Shrinker.Size),
            found.Found, found.BaseAgrees, found.PatchedAgrees))],
        diff.Time.Base.TotalSeconds, diff.Time.Patched.TotalSeconds);

    public static void Print(KernelDiffJson outcome)
    {
        Line($"base     Linux {outcome.Base}");
        Line($"patched  Linux {outcome.Patched}");
        Line($"  {outcome.Scenarios} scenarios, seed {outcome.Seed}{(outcome.Model is { } model ? $"; asked as well: {model}" : "")}");
        if (outcome.BuiltOtherwise > 0)
            Line($"  {outcome.BuiltOtherwise} were not compared: a table did not come out alike on both");
        Line($"  time in passes: {outcome.BaseSeconds:0.0} s, {outcome.PatchedSeconds:0.0} s");
        foreach (var found in outcome.Differ)
            Print(found);
        if (!outcome.Complete)
            Line($"\ninterrupted");
        Line($"\n{Verdict(outcome)}");
    }

    private static string Verdict(KernelDiffJson outcome) =>
        outcome.Scenarios == 0 && outcome.Differ.Count == 0 ? "nothing could be compared"
        : outcome.Differ.Count == 0 ? $"both do the same in {outcome.Scenarios} scenarios"
        : $"they differ in: {string.Join(", ", outcome.Differ.Select(found => found.Class))}";

    private static void Print(KernelDifferenceJson found)
    {
        Line($"\n{found.Class}: {found.Ptes} PTEs that are not empty, found after {found.Found} scenarios");
        Line($"  pass {found.Pass}, {found.What}");
        Line($"    base     {Said(found.Base)}");
        Line($"    patched  {Said(found.Patched)}");
        if (found.ModelAgreesWithBase is { } first && found.ModelAgreesWithPatched is { } second)
            Line($"    the model agrees with {(first && second ? "both" : first ? "base" : second ? "patched" : "neither")}");
        foreach (string scenario in found.Scenarios.Take(Shown))
            Line($"  {scenario}");
        if (found.Scenarios.Count > Shown)
            Line($"  and {found.Scenarios.Count - Shown} more in the same passes");
    }

    private static string Said(string text) => text.Length == 0 ? "nothing" : text;
}

internal sealed record KernelDiffJson(
    string Base, string Patched, string? Model, int Seed, int Scenarios, int BuiltOtherwise, bool Complete,
    IReadOnlyList<KernelDifferenceJson> Differ, double BaseSeconds, double PatchedSeconds);

internal sealed record KernelDifferenceJson(
    string Class, int Pass, string What, string Base, string Patched, IReadOnlyList<string> Scenarios, int Ptes, int Found,
    bool? ModelAgreesWithBase, bool? ModelAgreesWithPatched);
