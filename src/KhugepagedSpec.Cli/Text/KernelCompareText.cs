using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What a comparison with a running kernel came to, for people and for scripts.</summary>
internal static class KernelCompareText
{
    private const int ShownInFull = 5, ShownOfLog = 6;

    public static void Print(LiveOutcome outcome)
    {
        var batches = outcome.Batches;
        Line($"Linux {outcome.Plan.Kernel}");
        Line($"  against {outcome.Plan.Model}, seed {outcome.Plan.Seed}, {outcome.Guests} guests at once");
        Line($"  {outcome.Scenarios} scenarios, {batches.Sum(batch => batch.Passes)} passes, {batches.Sum(batch => batch.Attempts)} attempts, {batches.Sum(batch => batch.Collapsed)} of them collapsed something");
        if (outcome.Earlier > 0)
            Line($"  {outcome.Earlier} of the scenarios were done earlier");
        if (batches.Sum(batch => batch.BuiltOtherwise) is var otherwise and > 0)
            Line($"  {otherwise} tables came out otherwise than asked for, and were compared as they were");
        if (batches.Any(batch => batch.Hinted is not null))
            Line($"  NUMA balancing took the access from {batches.Sum(batch => batch.Hinted)} PTEs meanwhile");
        if (batches.Sum(batch => batch.NotShort) is var plenty and > 0)
            Line($"  {plenty} were not compared: memory was to be short of large blocks, and one was found, small ones were short too, or the kernel compacted meanwhile");
        foreach (var batch in batches.Where(batch => batch.Disturbed is not null))
            Line($"  batch {batch.Number} was disturbed, and agreed when run twice more: {batch.Disturbed}");
        foreach (var batch in batches.Where(batch => batch.LostToEmulation is not null))
            Line($"  batch {batch.Number} was run again, as emulation lost its guest: {batch.LostToEmulation}");
        foreach (var lack in outcome.Comparison.Abilities.Lacks)
            Line($"  never occurred: {lack}");
        if (outcome.Comparison.AtBoot is { } splat)
            Line($"  while it booted the kernel logged: {splat.Lines[0]}");
        double seconds = outcome.Time.TotalSeconds;
        Line($"  {(outcome.Scenarios - outcome.Earlier) / seconds:0.0} scenarios/s: {seconds:0.0} s, boot included ({outcome.Comparison.Booting.TotalSeconds:0.0} s of all guests)");
        foreach (var batch in outcome.Bad.Take(ShownInFull))
            PrintBad(batch);
        if (outcome.Bad.Count() is var bad and > ShownInFull)
            Line($"\n{bad - ShownInFull} more batches: {string.Join(' ', outcome.Bad.Skip(ShownInFull).Select(batch => batch.Number))}");
        if (outcome.Comparison.Smallest is { } smallest)
            PrintSmallest(smallest, outcome);
        if (outcome.Diagnosis is { } diagnosis)
            Line($"\ndiagnosis: {DiagnosisText.OneLine(diagnosis, "runs")}");
        if (outcome.BatchesLeft > 0)
            Line($"\ninterrupted, {outcome.BatchesLeft} batches left");
        Line($"\n{Verdict(outcome)}");
    }

    public static LiveOutcomeJson ToJson(LiveOutcome outcome) => new(
        outcome.Plan.Kernel, outcome.Plan.Model, outcome.Plan.Seed, outcome.Scenarios, outcome.Batches.Sum(batch => batch.Passes),
            outcome.Batches.Sum(batch => batch.Attempts),
        outcome.BatchesLeft == 0, [.. outcome.Bad], outcome.Comparison.Smallest is { } smallest ? ToJson(smallest)
            : null, outcome.Time.TotalSeconds,
        [.. outcome.Comparison.Abilities.Lacks.Select(lack => new LackJson(lack.What, lack.Why, lack.Kinds, lack.OthersHaveIt))])
    {
        Diagnosis = outcome.Diagnosis is { } diagnosis ? DiagnosisText.ToJson(diagnosis) : null,
    };

    private static LiveCounterexampleJson ToJson(LiveCounterexample found) => new(
        [.. found.Together.Select(scenario => scenario.ToString())], found.Mismatch?.Pass, found.Mismatch?.What, found.Mismatch?.Kernel,
            found.Mismatch?.Model,
        found.Violation?.Invariant.Name, found.Violation?.Violation.ToString(), found.Together.Sum(Shrinker.Size), found.Found,
            found.Tries, found.IsConfirmed, found.Splat?.Lines ?? []);

    private static string Verdict(LiveOutcome outcome)
    {
        int differ = outcome.Batches.Count(batch => batch.Differs is not null),
            broken = outcome.Batches.Count(batch => !batch.Broken.IsEmpty);
        int logged = outcome.Batches.Count(batch => !batch.Logged.IsEmpty);
        int lost = outcome.Batches.Count(batch => !batch.Failure.IsEmpty), unbuilt = outcome.Batches.Sum(batch => batch.Unbuilt.Length);
        return outcome.IsFine
            ? Agreement(outcome.Scenarios, outcome.Comparison.Abilities.Lacks, outcome.Plan.Model)
            : string.Create(CultureInfo.InvariantCulture, $"{differ} batches differ, {broken} break an invariant, {unbuilt} scenarios could not be built, {lost} guests were lost{(logged > 0 ? $", the kernel logged that something is wrong in {logged}" : "")}");
    }

    /// <summary>That all agrees, but what was never looked at.</summary>
    internal static string Agreement(int scenarios, ImmutableArray<Lack> lacks, string model)
    {
        string never = lacks.IsEmpty ? "" : $", but never: {string.Join(", ", lacks.Select(lack => lack.What))}";
        return string.Create(
            CultureInfo.InvariantCulture,
                $"{scenarios} scenarios agree in every pass{never}; the kernel keeps every invariant claimed of {model}");
    }

    private static void PrintBad(BatchResult batch)
    {
        Line($"\nbatch {batch.Number}{(batch.DifferedOnce ? ", once, not when run twice more" : "")}");
        if (batch.Differs is { } differs)
            Line($"  differs in {differs}");
        foreach (string broken in batch.Broken)
            Line($"  the kernel breaks {broken}");
        foreach (string unbuilt in batch.Unbuilt)
            Line($"  could not be built: {unbuilt}");
        foreach (string line in batch.Failure)
            Line($"  {line}");
        PrintLog(batch.Logged, ShownOfLog);
    }

    private static void PrintLog(ImmutableArray<string> log, int most)
    {
        if (!log.IsEmpty)
            Line($"  the kernel logged");
        foreach (string line in log.Take(most))
            Line($"    {line}");
        if (log.Length > most)
            Line($"    ... {log.Length - most} more lines");
    }

    private static void PrintSmallest(LiveCounterexample found, LiveOutcome outcome)
    {
        Line($"\nsmallest: {found.Together.Sum(Shrinker.Size)} PTEs that are not empty, found after {found.Found} scenarios, {found.Tries} runs on the kernel to shrink it, {(found.IsConfirmed ? "the same in a second boot" : "NOT seen in a second boot")}");
        if (found.Mismatch is { } mismatch)
        {
            Line($"  pass {mismatch.Pass}, {mismatch.What}");
            Line($"    kernel  {mismatch.Kernel}");
            Line($"    model   {mismatch.Model}");
        }
        if (found.Violation is var (invariant, violation))
            Line($"  the kernel breaks {invariant.Name}: {violation}");
        PrintLog(found.Splat?.Lines ?? [], Splat.MostLines);
        if (found.Together is not [var alone])
        {
            Line($"  it takes {found.Together.Length} processes in the same passes: {string.Join("; ", found.Together.Take(ShownInFull))}{(found.Together.Length > ShownInFull ? "; ..." : "")}");
            return;
        }
        foreach (string command in Commands(alone, found, outcome.Comparison))
            Line($"  {command}");
    }

    /// <summary>The passes that show a difference.</summary>
    internal static int PassesOf(LiveCounterexample found) =>
        found.Mismatch?.Pass ?? found.Violation?.Violation.Pass ?? found.Passes;

    /// <summary>The commands that show a difference that it takes one process for: on the kernel, and in the model.</summary>
    internal static IEnumerable<string> Commands(Scenario alone, LiveCounterexample found, LiveComparison comparison) =>
        Commands(alone, found, KernelOption.Words(comparison.Kernel), comparison.Model.AskedAs, comparison.Abilities.ModelledAs);

    /// <summary>The same.</summary>
    internal static IEnumerable<string> Commands(Scenario alone, LiveCounterexample found, string kernel, string model,
        MachineType? modelledAs = null)
    {
        bool hasNeighbours = LiveInput.HasNeighbours(alone.Vma, alone.Table.Geometry.Pages);
        int passes = PassesOf(found);
        yield return $"khugepaged-spec kernel record {alone}{(hasNeighbours ? " --neighbours" : "")} {kernel}";
        yield return $"khugepaged-spec explain {alone with { Machine = modelledAs ?? alone.Machine }} --model {model} --passes {passes}";
    }
}
