using System.Collections.Immutable;
using System.Diagnostics;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Holds a model against a running kernel: batches of scenarios on several guests at once, the first difference of all made
/// small. A guest that hangs or ends is replaced and its batch kept.
/// </summary>
public sealed partial class LiveComparison : IDisposable
{
    /// <summary>Passes of each scenario.</summary>
    public const int Passes = 3;

    private const int ConsoleLines = 12, FurtherRuns = 2, MostNewGuests = 2;

    // What a scan says of a page that somebody else is using just then.
    private static readonly ResultSet BusyPage =
        ResultSet.Of(Results.ScanResult.PageLock, Results.ScanResult.PageCount, Results.ScanResult.PageLru);

    // What a pass in which a page was busy leaves for the next one.
    private static readonly ImmutableArray<string> OnlyLater = ["settles", "nothing-left-behind"];

    private readonly CachedKernel _image;
    private readonly Lock _lock = new();
    private readonly LiveKernel _first;
    private readonly ImmutableArray<GuestSlot> _slots;
    private readonly Judge _judge;
    private readonly SeenBatches _seen = new();
    private TimeSpan _booting;
    private LiveCounterexample? _smallest;
    private bool _isShrinking;

    /// <summary>Boots the guests, the first to see what the kernel can do.</summary>
    /// <param name="image">The kernel.</param>
    /// <param name="model">The version to hold against it, for what it is; null for the one that models it.</param>
    /// <param name="guests">How many guests at once.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public LiveComparison(CachedKernel image, Func<KernelAbilities, KhugepagedVersion>? model, int guests)
    {
        _image = image;
        _slots = [.. Enumerable.Range(0, guests).Select(_ => new GuestSlot(Boot,
            Task.Factory.StartNew(Boot, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)))];
        try
        {
            _first = _slots[0].Kernel;
        }
        catch
        {
            Dispose();
            throw;
        }
        Abilities = _first.Abilities;
        Model = model is null ? Abilities.Model : model(Abilities);
        _judge = new Judge(Model);
    }

    /// <summary>Ends at the first difference, which is not made small.</summary>
    public bool EndsAtFirst { get; init; }

    /// <summary>The kernel.</summary>
    public CachedKernel Kernel => _image;

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities { get; }

    /// <summary>The version held against it.</summary>
    public KhugepagedVersion Model { get; }

    /// <summary>What the kernel logged of itself while it booted; null if nothing was wrong.</summary>
    public Splat? AtBoot => _first.AtBoot;

    /// <summary>How long all boots took, added up.</summary>
    public TimeSpan Booting => _booting;

    /// <summary>The difference that was made small, if there was one.</summary>
    public LiveCounterexample? Smallest => _smallest;

    /// <summary>What the kernel did, to be explained: batches that differ, the smallest difference before them, and some that
    /// agree.</summary>
    public ImmutableArray<Observation> Seen => _seen.All(_smallest);

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
        bool isOver = false;
        var workers = _slots
            .Select(slot => Task.Factory.StartNew(() => Work(slot), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default))
            .ToArray();
        Task.WhenAll(workers).GetAwaiter().GetResult();

        void Work(GuestSlot slot)
        {
            using (slot)
            {
                while (Next() is { } number && Batch(number, scenarios.Batch(number), slot, compared, cancellation) is { } result)
                {
                    lock (_lock)
                    {
                        compared += result.Scenarios;
                        isOver = isOver || (EndsAtFirst && result.IsBad);
                        done(result);
                    }
                }
            }
        }

        int? Next()
        {
            lock (_lock)
                return !isOver && !cancellation.IsCancellationRequested && queue.TryDequeue(out int number) ? number : null;
        }
    }

    /// <summary>Ends the guests, if no run did.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots)
            slot.Dispose();
    }

    private LiveKernel Boot()
    {
        var clock = Stopwatch.StartNew();
        var kernel = LiveKernel.Boot(_image, hasWriters: true);
        lock (_lock)
            _booting += clock.Elapsed;
        return kernel;
    }

    private BatchResult? Batch(int number, ImmutableArray<Scenario> batch, GuestSlot slot, int compared, CancellationToken cancellation)
    {
        try
        {
            string? emulation = null;
            var result = Emulation.Retry(() => Compare(number, batch, slot, compared, cancellation), lost =>
            {
                slot.Drop();
                emulation = lost.Message;
            });
            return result with { LostToEmulation = emulation };
        }
        catch (GuestException) when (cancellation.IsCancellationRequested)
        {
            // What ended the work, Ctrl-C in a terminal, ended the guest too: the batch is none.
            return null;
        }
        catch (GuestException failure)
        {
            slot.Drop();
            return Lost(number, batch, failure, slot, compared, cancellation);
        }
    }

    // A pass ends at the second allocation that fails, so where blocks are short each scenario has passes of its own.
    private BatchResult Compare(int number, ImmutableArray<Scenario> batch, GuestSlot slot, int compared, CancellationToken cancellation)
    {
        if (Shortage.BlocksFrom(batch[0].Faults, batch[0].Table.Geometry) is null)
            return batch.Chunk(Abilities.MostTogether).Select(some => CompareTogether(number, [.. some], slot, compared, cancellation))
                .Aggregate((all, one) => all.And(one));
        int newGuests = MostNewGuests;
        return batch.Select(Alone).Aggregate((all, one) => all.And(one));

        // Blocks that are found after all come of what ran in the guest before: the next may have none.
        BatchResult Alone(Scenario scenario)
        {
            var result = CompareTogether(number, [scenario], slot, compared, cancellation);
            if (result.NotShort == 0 || newGuests-- <= 0 || cancellation.IsCancellationRequested)
                return result;
            slot.Drop();
            return CompareTogether(number, [scenario], slot, compared, cancellation);
        }
    }

    private BatchResult CompareTogether(int number, ImmutableArray<Scenario> batch, GuestSlot slot, int compared,
        CancellationToken cancellation)
    {
        bool hasWriter = Abilities.HasWriters && LiveScenarios.HasWriter(number);
        var recorder = new Recorder(slot.Kernel) { CountsPages = !Abilities.IsHere, HasWriter = hasWriter };
        long? hinted = slot.Kernel.HintedPtes();
        var recorded = recorder.Record(
            [.. batch.Select((scenario, index) => LiveInput.Of($"b{number}_{index + 1}", scenario, Passes, beside: true))]);
        var built = recorded.Select((one, index) => (one.Vector, Scenario: batch[index]))
            .Where(one => one.Vector is not null && Shortage.Held(one.Vector)).ToList();
        var vectors = WalkOffsets.Fill([.. built.Select(one => one.Vector!)], Model);
        var result = new BatchResult
        {
            Number = number,
            NotShort = recorded.Count(one => one.Vector is not null) - vectors.Length,
            Hinted = slot.Kernel.HintedPtes() - hinted,
            Scenarios = vectors.Length,
            Passes = vectors.Sum(vector => vector.Passes.Length),
            Attempts = vectors.Sum(vector => vector.Passes.Sum(pass => pass.Attempts.Length)),
            Collapsed = vectors.Sum(vector =>
                vector.Passes.Sum(pass => pass.Attempts.Count(attempt => attempt.Status == Results.ScanResult.Succeed))),
            BuiltOtherwise = vectors.Count(vector => Live.BuiltOtherwise.Of(vector) is not null),
            Unbuilt = [.. recorded.Select((one, index) => (one.Error, Text: batch[index].ToString())).Where(one => one.Error.Length > 0)
                .Select(one => $"{one.Error}: {one.Text}")],
        };
        var splat = recorder.Logged;
        slot.DropAfter(splat);
        if (vectors.IsEmpty)
            return splat is null ? result : result with { Logged = splat.Lines };
        var mismatch = recorder.Strange is { } strange ? LiveShrinker.Unknown(strange)
            : Replay.Run(vectors, Model) ?? recorder.Audited;

        // What was not understood is missing from the attempts.
        var broken = recorder.Strange is not null ? []
            : vectors.Select(vector => _judge.Broken(vector, inCompany: true)).Where(found => found is not null)
            .Select(found => found!.Value).ToList();
        ImmutableArray<RecordedVector> seen = [.. built.Select(one => one.Vector!)];
        if (mismatch is null && broken.Count == 0 && splat is null)
        {
            _seen.Agrees(number, seen);
            return result;
        }
        bool again = Shrink(number, [.. built.Select(one => one.Scenario)], slot, compared + vectors.Length, cancellation);

        bool isOfOthers = splat is null && mismatch is not null && IsOfTheWholeGuest(mismatch);

        // Where blocks are short the kernel may begin to move pages about by itself.
        if (!again && !isOfOthers && Shortage.BlocksFrom(batch[0].Faults, batch[0].Table.Geometry) is not null)
            return new BatchResult { Number = number, NotShort = batch.Length };
        string? differs = mismatch is null ? null
            : $"pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}, model {mismatch.Model}";
        if (!again && splat is { IsOfTime: true } && mismatch is null && broken.Count == 0)
            return result with { Disturbed = splat.Lines[0] };
        if (!again && splat is null && mismatch is not null
            && (isOfOthers || (mismatch.KernelScan is { } scan && BusyPage.Contains(scan)))
            && broken.All(found => OnlyLater.Contains(found.Invariant.Name)))
            return result with { Disturbed = differs };
        if (again && mismatch is not null && recorder.Strange is null)
            _seen.Differs(number, seen);
        return result with
        {
            Differs = differs,
            Vectors = mismatch is not null && recorder.Strange is null && seen.All(Recording.IsWhole)
                ? [.. seen.Select(VectorWriter.Line)] : null,
            Broken = [.. broken.Select(found => $"{found.Invariant.Name}: {found.Violation}")],
            DifferedOnce = !again,
            Logged = splat?.Lines ?? [],
        };
    }

    // nr_anon counts the folios of every process, the agent's own too, and so do free pages: what differs once and not again may be one of
    // theirs.
    private static bool IsOfTheWholeGuest(Mismatch mismatch) => mismatch.What == "gauges" || Levels.IsLeak(mismatch);
}
