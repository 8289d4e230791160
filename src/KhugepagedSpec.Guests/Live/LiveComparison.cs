using System.Collections.Immutable;
using System.Diagnostics;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Holds a model against a running kernel: batches of scenarios on several guests at once, the first difference of all made
/// small. A guest that hangs or ends is replaced and its batch kept.
/// </summary>
public sealed class LiveComparison : IDisposable
{
    /// <summary>Passes of each scenario.</summary>
    public const int Passes = 3;

    private const int ConsoleLines = 12, FurtherRuns = 2;

    // What a scan says of a page that somebody else is using just then.
    private static readonly ResultSet BusyPage =
        ResultSet.Of(Results.ScanResult.PageLock, Results.ScanResult.PageCount, Results.ScanResult.PageLru);

    // What a pass in which a page was busy leaves for the next one.
    private static readonly ImmutableArray<string> OnlyLater = ["settles", "nothing-left-behind"];

    private readonly CachedKernel _image;
    private readonly int _guests;
    private readonly Lock _lock = new();
    private readonly LiveKernel _first;
    private readonly Judge _judge;
    private TimeSpan _booting;
    private LiveCounterexample? _smallest;
    private bool _isShrinking;

    /// <summary>Boots the first guest, to see what the kernel can do.</summary>
    /// <param name="image">The kernel.</param>
    /// <param name="model">The version to hold against it; null for the one that models it.</param>
    /// <param name="guests">How many guests at once.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public LiveComparison(CachedKernel image, KhugepagedVersion? model, int guests)
    {
        _image = image;
        _guests = guests;
        _first = Boot();
        Abilities = _first.Abilities;
        Model = model ?? Abilities.Model;
        _judge = new Judge(Model);
    }

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities { get; }

    /// <summary>The version held against it.</summary>
    public KhugepagedVersion Model { get; }

    /// <summary>How long all boots took, added up.</summary>
    public TimeSpan Booting => _booting;

    /// <summary>The difference that was made small, if there was one.</summary>
    public LiveCounterexample? Smallest => _smallest;

    /// <summary>Runs batches.</summary>
    /// <param name="seed">The scenarios' seed.</param>
    /// <param name="numbers">The batches to run.</param>
    /// <param name="done">Told of each batch that is done; never by two at once.</param>
    /// <param name="cancellation">Ends it after the batches under way.</param>
    public void Run(ulong seed, IEnumerable<int> numbers, Action<BatchResult> done, CancellationToken cancellation)
    {
        var scenarios = new LiveScenarios(seed, Abilities);
        var queue = new Queue<int>(numbers.OrderBy(LiveScenarios.IsShortOfBlocks));
        int compared = 0;
        var workers = Enumerable.Range(0, _guests)
            .Select(worker => Task.Factory.StartNew(() => Work(worker == 0 ? _first : null), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))
            .ToArray();
        Task.WhenAll(workers).GetAwaiter().GetResult();

        void Work(LiveKernel? kernel)
        {
            try
            {
                while (Next() is { } number)
                {
                    BatchResult? result;
                    (result, kernel) = Batch(number, scenarios.Batch(number), kernel, compared, cancellation);
                    if (result is null)
                        break;
                    lock (_lock)
                    {
                        compared += result.Scenarios;
                        done(result);
                    }
                }
            }
            finally
            {
                kernel?.Dispose();
            }
        }

        int? Next()
        {
            lock (_lock)
                return !cancellation.IsCancellationRequested && queue.TryDequeue(out int number) ? number : null;
        }
    }

    /// <summary>Ends the first guest, if no run did.</summary>
    public void Dispose() => _first.Dispose();

    private LiveKernel Boot()
    {
        var clock = Stopwatch.StartNew();
        var kernel = new LiveKernel(_image, Geometry.X86);
        lock (_lock)
            _booting += clock.Elapsed;
        return kernel;
    }

    private (BatchResult? Result, LiveKernel? Kernel) Batch(int number, ImmutableArray<Scenario> batch, LiveKernel? kernel, int compared, CancellationToken cancellation)
    {
        try
        {
            kernel ??= Boot();
            return (Compare(number, batch, kernel, compared, cancellation), kernel);
        }
        catch (GuestException) when (cancellation.IsCancellationRequested)
        {
            // What ended the work, Ctrl-C in a terminal, ended the guest too: the batch is none.
            kernel?.Dispose();
            return (null, null);
        }
        catch (GuestException failure)
        {
            kernel?.Dispose();
            return (Lost(number, batch, failure, compared, cancellation), null);
        }
    }

    // Which of them it was, if one alone does it: each is compared alone, in a new guest after one that loses it too.
    private BatchResult Lost(int number, ImmutableArray<Scenario> batch, GuestException failure, int compared, CancellationToken cancellation)
    {
        var result = new BatchResult { Number = number, Failure = [failure.Message, .. failure.Console.TakeLast(ConsoleLines)] };
        LiveKernel? kernel = null;
        var culprits = new List<string>();
        foreach (var scenario in batch)
        {
            if (cancellation.IsCancellationRequested)
                break;
            try
            {
                kernel ??= Boot();
                result = result.And(CompareTogether(number, [scenario], kernel, compared, cancellation));
            }
            catch (GuestException)
            {
                kernel?.Dispose();
                kernel = null;
                culprits.Add($"alone: {scenario}");
            }
        }
        kernel?.Dispose();
        return result with { Failure = [.. result.Failure, .. culprits.Count > 0 ? culprits : batch.Select(scenario => $"together: {scenario}")] };
    }

    // A pass ends at the second allocation that fails, so where blocks are short each scenario has passes of its own.
    private BatchResult Compare(int number, ImmutableArray<Scenario> batch, LiveKernel kernel, int compared, CancellationToken cancellation) =>
        Shortage.BlocksFrom(batch[0].Faults, Geometry.X86) is null
            ? CompareTogether(number, batch, kernel, compared, cancellation)
            : batch.Select(scenario => CompareTogether(number, [scenario], kernel, compared, cancellation)).Aggregate((all, one) => all.And(one));

    private BatchResult CompareTogether(int number, ImmutableArray<Scenario> batch, LiveKernel kernel, int compared, CancellationToken cancellation)
    {
        var recorded = new Recorder(kernel).Record([.. batch.Select((scenario, index) => LiveInput.Of($"b{number}_{index + 1}", scenario, Passes, beside: true))]);
        var built = recorded.Select((one, index) => (one.Vector, Scenario: batch[index])).Where(one => one.Vector is not null && Shortage.Held(one.Vector)).ToList();
        var vectors = built.Select(one => one.Vector!).ToList();
        var result = new BatchResult
        {
            Number = number,
            NotShort = recorded.Count(one => one.Vector is not null) - vectors.Count,
            Scenarios = vectors.Count,
            Passes = vectors.Sum(vector => vector.Passes.Length),
            Attempts = vectors.Sum(vector => vector.Passes.Sum(pass => pass.Attempts.Length)),
            Collapsed = vectors.Sum(vector => vector.Passes.Sum(pass => pass.Attempts.Count(attempt => attempt.Status == Results.ScanResult.Succeed))),
            BuiltOtherwise = vectors.Count(vector => Live.BuiltOtherwise.Of(vector) is not null),
            Unbuilt = [.. recorded.Select((one, index) => (one.Error, Text: batch[index].ToString())).Where(one => one.Error.Length > 0).Select(one => $"{one.Error}: {one.Text}")],
        };
        if (vectors.Count == 0)
            return result;
        var mismatch = Recordings.Replay.Run(vectors, Model);
        var broken = vectors.Select(vector => _judge.Broken(vector, inCompany: true)).Where(found => found is not null).Select(found => found!.Value).ToList();
        if (mismatch is null && broken.Count == 0)
            return result;
        bool again = Shrink([.. built.Select(one => one.Scenario)], kernel, compared + vectors.Count, cancellation);

        // Where blocks are short the kernel may begin to move pages about by itself.
        if (!again && Shortage.BlocksFrom(batch[0].Faults, Geometry.X86) is not null)
            return new BatchResult { Number = number, NotShort = batch.Length };
        string? differs = mismatch is null ? null : $"pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}, model {mismatch.Model}";
        if (!again && mismatch is not null && (IsOfTheWholeGuest(mismatch) || (mismatch.KernelScan is { } scan && BusyPage.Contains(scan))) && broken.All(found => OnlyLater.Contains(found.Invariant.Name)))
            return result with { Disturbed = differs };
        return result with
        {
            Differs = differs,
            Broken = [.. broken.Select(found => $"{found.Invariant.Name}: {found.Violation}")],
            DifferedOnce = !again,
        };
    }

    // nr_anon counts the folios of every process, the agent's own too: what differs once and not again may be one of theirs.
    private static bool IsOfTheWholeGuest(Recordings.Mismatch mismatch) => mismatch.What == "gauges";

    // Only the first difference is made small: the others are mostly the same one. False if it does not show again.
    private bool Shrink(ImmutableArray<Scenario> batch, LiveKernel kernel, int found, CancellationToken cancellation)
    {
        var shrinker = new LiveShrinker(kernel, Model, _judge);
        if (Again() is not { } shown)
            return false;
        lock (_lock)
        {
            if (_isShrinking)
                return true;
            _isShrinking = true;
        }
        var small = shrinker.Shrink(batch, shown, found, cancellation);
        using var second = Boot();
        bool again = new LiveShrinker(second, Model, _judge).Run(small.Together, small.Vectors[0].Passes.Length) is { } what
            && (small.Mismatch is not null ? what.Mismatch?.What == small.Mismatch.What : what.Violation?.Invariant == small.Violation?.Invariant);
        lock (_lock)
            _smallest = small with { IsConfirmed = again };
        return true;

        LiveShrinker.Shown? Again() =>
            Enumerable.Range(0, FurtherRuns).Select(_ => shrinker.Run(batch, Passes)).FirstOrDefault(one => one is { IsNews: true });
    }
}
