using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What the commands that boot a kernel found, as KTAP.</summary>
internal static class KernelKtap
{
    /// <summary>A comparison: a test a batch, and one a lack, which is skipped.</summary>
    public static ImmutableArray<KtapTest> Of(LiveOutcome outcome)
    {
        ImmutableArray<KtapTest> batches =
        [
            .. outcome.Batches.OrderBy(batch => batch.Number)
                .Select(batch => new KtapTest(Text($"batch {batch.Number}, {batch.Scenarios} scenarios"), batch.IsFine)
            {
                Notes = [.. NotesOf(batch)],
                Skipped = batch.IsFine && batch.Scenarios == 0 ? "memory did not run short as it was to" : null,
            }),
        ];
        ImmutableArray<string> smallest = outcome.Comparison.Smallest is { } found ? [.. SmallestOf(found, outcome)] : [];
        ImmutableArray<KtapTest> tests =
        [
            new KtapTest($"Linux {outcome.Plan.Kernel} against {outcome.Plan.Model}, seed {outcome.Plan.Seed}",
                outcome.IsFine) { Tests = batches, Notes = smallest },
            .. outcome.Comparison.Abilities.Lacks.Select(
                lack => new KtapTest($"{lack.What}: {string.Join(", ", lack.Kinds)}", true) { Skipped = lack.Why }),
        ];
        return outcome.BatchesLeft == 0 ? tests
            : [.. tests, new KtapTest("the rest", true) { Skipped = Text($"interrupted, {outcome.BatchesLeft} batches left") }];
    }

    /// <summary>The kernel's own tests, by who collapses.</summary>
    public static ImmutableArray<KtapTest> Of(IEnumerable<SelftestOutcome> outcomes) =>
    [
        .. outcomes.GroupBy(outcome => outcome.Kind)
            .Select(kind => new KtapTest(kind.Key == CollapseKind.Madvise ? "madvise" : "khugepaged", kind.All(outcome => outcome.IsFine))
        {
            Tests =
            [
                .. kind.Select(outcome => new KtapTest(outcome.Test.Name, outcome.IsFine)
                {
                    Skipped = outcome.Skipped,
                    Notes =
                    [
                        .. outcome.IsFine ? [] : new[] { $"expected {outcome.Test.Words(outcome.Test.Expected(kind.Key))}, kernel {(outcome.Folios is { } made ? outcome.Test.Words(made) : "none")}" },
                        .. outcome.Mismatch is { } differs
                            ? new[] { Text($"pass {differs.Pass}, {differs.What}: kernel {differs.Kernel}, model {differs.Model}") } : [],
                        .. outcome.Logged,
                    ],
                }),
            ],
        }),
    ];

    private static IEnumerable<string> NotesOf(BatchResult batch)
    {
        if (batch.Differs is { } differs)
            yield return $"differs{(batch.DifferedOnce ? " once" : "")} in {differs}";
        foreach (string broken in batch.Broken)
            yield return $"the kernel breaks {broken}";
        foreach (string unbuilt in batch.Unbuilt)
            yield return $"could not be built: {unbuilt}";
        foreach (string line in batch.Failure.Concat(batch.Logged))
            yield return line;
    }

    private static IEnumerable<string> SmallestOf(LiveCounterexample found, LiveOutcome outcome)
    {
        if (found.Mismatch is { } mismatch)
            yield return Text($"smallest: pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}, model {mismatch.Model}");
        if (found.Violation is var (invariant, violation))
            yield return $"smallest: the kernel breaks {invariant.Name}: {violation}";
        if (outcome.Diagnosis is { } diagnosis)
            yield return $"diagnosis: {DiagnosisText.OneLine(diagnosis, "runs")}";
        if (found.Splat is { } splat)
            yield return $"smallest: {splat.Lines[0]}";
        if (found.Together is [var alone])
            foreach (string command in KernelCompareText.Commands(alone, found, outcome.Comparison))
                yield return command;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
