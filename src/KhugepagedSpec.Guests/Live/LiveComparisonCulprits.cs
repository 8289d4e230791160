using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Guests.Live;

/// <content>After a difference: which scenario it was of, and how small that can be.</content>
public sealed partial class LiveComparison
{
    // Which of them it was, if one alone does it: each is compared alone, in a new guest after one that loses it too.
    private BatchResult Lost(int number, ImmutableArray<Scenario> batch, GuestException failure, GuestSlot slot, int compared,
        CancellationToken cancellation)
    {
        var console = failure.Splat is { } splat ? splat.Lines.Take(ConsoleLines) : failure.Console.TakeLast(ConsoleLines);
        var result = new BatchResult { Number = number, Failure = [failure.Message, .. console] };
        var culprits = new List<Scenario>();
        foreach (var scenario in batch)
        {
            if (cancellation.IsCancellationRequested || (EndsAtFirst && culprits.Count > 0))
                break;
            try
            {
                result = result.And(CompareTogether(number, [scenario], slot, compared, cancellation));
            }
            catch (GuestException)
            {
                slot.Drop();
                culprits.Add(scenario);
            }
        }

        // One that only hangs would take its patience at every try.
        if (!EndsAtFirst && culprits.Count > 0 && failure.Splat is not null)
            Shrink(number, [culprits[0]], slot, compared + batch.Length, cancellation);
        return result with
        {
            Failure = [.. result.Failure, .. culprits.Count > 0 ? culprits.Select(one => $"{BatchResult.Alone}{one}")
                : batch.Select(one => $"together: {one}")],
        };
    }

    // Only the first difference is made small: the others are mostly the same one. False if it does not show again.
    private bool Shrink(int number, ImmutableArray<Scenario> batch, GuestSlot slot, int found, CancellationToken cancellation)
    {
        bool hasWriter = Abilities.HasWriters && LiveScenarios.HasWriter(number);
        var shrinker = new LiveShrinker(slot, Abilities, Model, _judge, hasWriter);
        if (Again() is not { } shown)
            return false;
        lock (_lock)
        {
            if (_isShrinking || EndsAtFirst)
                return true;
            _isShrinking = true;
        }
        var small = shrinker.Shrink(batch, shown, found, cancellation);
        if (_image.IsHere)
            slot.Drop();
        using var second = new GuestSlot(Boot);
        var onSecond = new LiveShrinker(second, Abilities, Model, _judge, hasWriter);
        bool again = onSecond.Run(small.Together, small.Passes, cancellation) is { } what
            && (small.Mismatch is not null ? what.Mismatch?.What == small.Mismatch.What
                : small.Violation is { } violation ? what.Violation?.Invariant == violation.Invariant
                : what.Splat?.Kind == small.Splat?.Kind);
        lock (_lock)
            _smallest = small with { IsConfirmed = again };
        return true;

        LiveShrinker.Shown? Again() =>
            Enumerable.Range(0, FurtherRuns).Select(_ => shrinker.Run(batch, Passes, cancellation))
                .FirstOrDefault(one => one is { IsNews: true });
    }
}
