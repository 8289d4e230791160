using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Makes a difference between model and kernel small: every smaller scenario is tried on the kernel.</summary>
/// <param name="slot">Where the kernel runs.</param>
/// <param name="abilities">What it can be asked for.</param>
/// <param name="model">The version held against it.</param>
/// <param name="judge">The contract.</param>
/// <param name="hasWriter">The first scenario's pages are written to while the passes go on.</param>
internal sealed class LiveShrinker(GuestSlot slot, KernelAbilities abilities, KhugepagedVersion model, Judge judge, bool hasWriter)
{
    private int _tries;

    /// <summary>What a run of scenarios in shared passes shows.</summary>
    public sealed record Shown(
        Mismatch? Mismatch, (Invariant Invariant, Violation Violation)? Violation, Splat? Splat, ImmutableArray<RecordedVector> Vectors)
    {
        /// <summary>Something is wrong.</summary>
        public bool IsNews => Mismatch is not null || Violation is not null || Splat is not null;

        /// <summary>The same kind of thing: of several the first in this order, mismatch, invariant, log.</summary>
        public bool IsLike(Shown other) =>
            other.Mismatch is { } mismatch ? Mismatch is { } mine && Levels.IsLeak(mine) == Levels.IsLeak(mismatch)
            : other.Violation is { } violation ? Violation?.Invariant == violation.Invariant
            : Splat is not null && Splat.Kind == other.Splat?.Kind;
    }

    /// <summary>Runs scenarios in shared passes and compares; null if one of them cannot be built.</summary>
    /// <exception cref="GuestException">The guest hung or ended, and so did the next, or it was ended by
    /// <paramref name="cancellation"/>.</exception>
    public Shown? Run(IReadOnlyList<Scenario> together, int passes, CancellationToken cancellation)
    {
        _tries++;
        try
        {
            return Compare(together, passes);
        }
        catch (GuestException lost) when (!cancellation.IsCancellationRequested)
        {
            slot.Drop();
            return new Shown(null, null, lost.Splat ?? new Splat(lost.Message, [lost.Message]), []);
        }
    }

    private Shown? Compare(IReadOnlyList<Scenario> together, int passes)
    {
        var recorder = new Recorder(slot.Kernel) { CountsPages = !slot.Kernel.Abilities.IsHere, HasWriter = hasWriter };
        var recorded = recorder.Record(
            [.. together.Select((scenario, index) => LiveInput.Of($"live_{index + 1}", scenario, passes, beside: true))]);
        var splat = recorder.Logged;
        slot.DropAfter(splat);
        if (recorded.Any(one => one.Vector is null || !Shortage.Held(one.Vector)))
            return splat is null ? null : new Shown(null, null, splat, []);
        var vectors = WalkOffsets.Fill([.. recorded.Select(one => one.Vector!)], model);
        if (recorder.Strange is { } strange)
            return new Shown(Unknown(strange), null, splat, vectors);
        var broken = vectors.Select(vector => judge.Broken(vector, together.Count > 1)).FirstOrDefault(found => found is not null);
        return new Shown(Replay.Run(vectors, model) ?? recorder.Audited, broken, splat, vectors);
    }

    /// <summary>The smallest that still shows the same kind of thing as <paramref name="shown"/>.</summary>
    /// <param name="together">Scenarios that show it.</param>
    /// <param name="shown">What they showed.</param>
    /// <param name="found">How many scenarios had been compared.</param>
    /// <param name="cancellation">Ends the shrinking early, with the smallest so far.</param>
    public LiveCounterexample Shrink(ImmutableArray<Scenario> together, Shown shown, int found, CancellationToken cancellation)
    {
        _tries = 0;
        int passes = shown.Mismatch?.Pass ?? shown.Violation?.Violation.Pass ?? LiveComparison.Passes;
        var alone = together.FirstOrDefault(scenario => Shows([scenario]));
        together = alone is not null ? [alone] : WithoutNeedless(together);
        if (together is [var single])
            together = [Smallest(single, ShowsStill)];
        var last = Run(together, passes, cancellation) is { } small && small.IsLike(shown) ? small : shown;
        bool isMismatch = shown.Mismatch is not null, isViolation = !isMismatch && shown.Violation is not null;
        return new LiveCounterexample(found, together, isMismatch ? last.Mismatch : null, isViolation ? last.Violation
            : null, _tries, IsConfirmed: false, last.Vectors)
        {
            Splat = isMismatch || isViolation ? null : last.Splat,
            Passes = passes,
        };

        bool ShowsStill(Scenario smaller) => !cancellation.IsCancellationRequested && CanBeMade(smaller, abilities) && Shows([smaller]);

        bool Shows(IReadOnlyList<Scenario> candidate) =>
            !cancellation.IsCancellationRequested && Run(candidate, passes, cancellation) is { } what && what.IsLike(shown);

        ImmutableArray<Scenario> WithoutNeedless(ImmutableArray<Scenario> all)
        {
            for (int i = all.Length - 1; i >= 0 && all.Length > 1; i--)
                if (Shows(all.RemoveAt(i)))
                    all = all.RemoveAt(i);
            return all;
        }
    }

    /// <summary>The smallest scenario for which <paramref name="shows"/> stays true.</summary>
    internal static Scenario Smallest(Scenario scenario, Func<Scenario, bool> shows)
    {
        while (true)
        {
            scenario = Shrinker.Shrink(scenario, shows);
            if (BlockHalf.All(scenario).Concat(RaisedLimits.All(scenario)).FirstOrDefault(shows) is not { } smaller)
                return scenario;
            scenario = smaller;
        }
    }

    /// <summary>What a trace line says that no kernel that is modelled does.</summary>
    public static Mismatch Unknown((int Pass, string What) strange) => new(strange.Pass, "trace line", strange.What, "none of its own", []);

    /// <summary>A kernel can be given it as it is.</summary>
    internal static bool CanBeMade(Scenario scenario, KernelAbilities abilities)
    {
        if (scenario.Table.Geometry != abilities.Machine.Geometry)
            return false;
        var fitted = LiveInput.Fit(scenario, abilities);
        return fitted.Table.Equals(scenario.Table) && fitted.Vma == scenario.Vma && fitted.Settings == scenario.Settings
            && fitted.Faults.SequenceEqual(scenario.Faults);
    }
}
