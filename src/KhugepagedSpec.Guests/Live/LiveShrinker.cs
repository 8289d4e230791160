using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Makes a difference between model and kernel small: every smaller scenario is tried on the kernel.</summary>
/// <param name="kernel">The kernel.</param>
/// <param name="model">The version held against it.</param>
/// <param name="judge">The contract.</param>
internal sealed class LiveShrinker(LiveKernel kernel, KhugepagedVersion model, Judge judge)
{
    private readonly Recorder _recorder = new(kernel);
    private int _tries;

    /// <summary>What a run of scenarios in shared passes shows.</summary>
    public sealed record Shown(Mismatch? Mismatch, (Invariant Invariant, Violation Violation)? Violation, ImmutableArray<RecordedVector> Vectors)
    {
        /// <summary>Something is wrong.</summary>
        public bool IsNews => Mismatch is not null || Violation is not null;
    }

    /// <summary>Runs scenarios in shared passes and compares; null if one of them cannot be built.</summary>
    /// <exception cref="GuestException">The guest hung or ended.</exception>
    public Shown? Run(IReadOnlyList<Scenario> together, int passes)
    {
        _tries++;
        var recorded = _recorder.Record([.. together.Select((scenario, index) => LiveInput.Of($"live_{index + 1}", scenario, passes, beside: true))]);
        if (recorded.Any(one => one.Vector is null || !Shortage.Held(one.Vector)))
            return null;
        ImmutableArray<RecordedVector> vectors = [.. recorded.Select(one => one.Vector!)];
        var broken = vectors.Select(vector => judge.Broken(vector, together.Count > 1)).FirstOrDefault(found => found is not null);
        return new Shown(Replay.Run(vectors, model), broken, vectors);
    }

    /// <summary>The smallest that still shows the same kind of thing as <paramref name="shown"/>.</summary>
    /// <param name="together">Scenarios that show it.</param>
    /// <param name="shown">What they showed.</param>
    /// <param name="found">How many scenarios had been compared.</param>
    /// <param name="cancellation">Ends the shrinking early, with the smallest so far.</param>
    public LiveCounterexample Shrink(ImmutableArray<Scenario> together, Shown shown, int found, CancellationToken cancellation)
    {
        _tries = 0;
        bool isMismatch = shown.Mismatch is not null;
        int passes = isMismatch ? shown.Mismatch!.Pass : shown.Violation!.Value.Violation.Pass;
        var alone = together.FirstOrDefault(scenario => Shows([scenario]));
        together = alone is not null ? [alone] : WithoutNeedless(together);
        if (together is [var single])
            together = [Smallest(single)];
        var last = Run(together, passes) ?? shown;
        return new LiveCounterexample(found, together, last.Mismatch, isMismatch ? null : last.Violation, _tries, IsConfirmed: false, last.Vectors);

        Scenario Smallest(Scenario scenario)
        {
            while (true)
            {
                scenario = Shrinker.Shrink(scenario, ShowsStill);
                if (BlockHalf.All(scenario).FirstOrDefault(ShowsStill) is not { } half)
                    return scenario;
                scenario = half;
            }
        }

        bool ShowsStill(Scenario smaller) => !cancellation.IsCancellationRequested && CanBeMade(smaller) && Shows([smaller]);

        bool Shows(IReadOnlyList<Scenario> candidate) =>
            Run(candidate, passes) is { } what && (isMismatch ? what.Mismatch is not null : what.Violation?.Invariant == shown.Violation!.Value.Invariant);

        ImmutableArray<Scenario> WithoutNeedless(ImmutableArray<Scenario> all)
        {
            for (int i = all.Length - 1; i >= 0 && all.Length > 1; i--)
                if (Shows(all.RemoveAt(i)))
                    all = all.RemoveAt(i);
            return all;
        }
    }

    private bool CanBeMade(Scenario scenario)
    {
        if (scenario.Table.Geometry != PageTables.Geometry.X86)
            return false;
        var fitted = LiveInput.Fit(scenario, kernel.Abilities);
        return fitted.Table.Equals(scenario.Table) && fitted.Vma == scenario.Vma && fitted.Settings == scenario.Settings && fitted.Faults.SequenceEqual(scenario.Faults);
    }
}
