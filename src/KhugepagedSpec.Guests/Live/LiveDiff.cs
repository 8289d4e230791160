using System.Collections.Immutable;
using System.Diagnostics;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>A difference between two kernels, made small on both.</summary>
/// <param name="Difference">Where they part.</param>
/// <param name="Together">The scenarios: one, or several if it takes a shared pass.</param>
/// <param name="Found">How many scenarios had been run.</param>
/// <param name="BaseAgrees">The model agrees with the first; null if nothing models it.</param>
/// <param name="PatchedAgrees">The model agrees with the second; null if nothing models it.</param>
public sealed record KernelCounterexample(
    KernelDifference Difference, ImmutableArray<Scenario> Together, int Found, bool? BaseAgrees, bool? PatchedAgrees);

/// <summary>Runs the same scenarios on two kernels, and makes the first difference of each class small.</summary>
public sealed class LiveDiff : IDisposable
{
    private readonly GuestSlot _base, _patched;
    private readonly KernelAbilities _both;
    private readonly KhugepagedVersion? _model;
    private readonly Dictionary<DifferenceClass, KernelCounterexample> _smallest = [];
    private (TimeSpan Base, TimeSpan Patched) _time;

    /// <summary>Boots both.</summary>
    /// <param name="first">The base.</param>
    /// <param name="second">The patched one.</param>
    /// <param name="model">The version to ask as well; null for the one that models the base.</param>
    /// <exception cref="GuestException">One does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public LiveDiff(CachedKernel first, CachedKernel second, KhugepagedVersion? model)
    {
        _base = new GuestSlot(() => LiveKernel.Boot(first));
        _patched = new GuestSlot(() => LiveKernel.Boot(second));
        try
        {
            (Base, Patched) = (_base.Kernel.Abilities, _patched.Kernel.Abilities);
        }
        catch
        {
            Dispose();
            throw;
        }
        _model = model ?? Base.KnownModel;
        _both = Base.And(Patched);
    }

    /// <summary>What the base can be asked for.</summary>
    public KernelAbilities Base { get; }

    /// <summary>What the patched one can be asked for.</summary>
    public KernelAbilities Patched { get; }

    /// <summary>The version that is asked as well; null if nothing models the base.</summary>
    public KhugepagedVersion? Model => _model;

    /// <summary>Scenarios that both ran.</summary>
    public int Scenarios { get; private set; }

    /// <summary>Scenarios that came out otherwise on one than on the other, before any pass; they were not compared.</summary>
    public int BuiltOtherwise { get; private set; }

    /// <summary>How long each took for its passes, added up.</summary>
    public (TimeSpan Base, TimeSpan Patched) Time => _time;

    /// <summary>The smallest difference of each class, by class.</summary>
    public IEnumerable<KernelCounterexample> Smallest => _smallest.OrderBy(one => one.Key).Select(one => one.Value);

    /// <summary>Runs batches until told to end.</summary>
    /// <param name="seed">The scenarios' seed.</param>
    /// <param name="batches">How many batches.</param>
    /// <param name="done">Told of each batch that is done.</param>
    /// <param name="cancellation">Ends it after the batch under way.</param>
    /// <returns>The batches that were done.</returns>
    /// <exception cref="GuestException">A guest was lost and a new one does not come up.</exception>
    public int Run(ulong seed, int batches, Action done, CancellationToken cancellation)
    {
        var scenarios = new LiveScenarios(seed, _both);
        int count = 0;
        foreach (int number in Enumerable.Range(0, batches).Where(number => !LiveScenarios.IsShortOfBlocks(number)))
        {
            if (cancellation.IsCancellationRequested)
                break;
            var batch = scenarios.Batch(number);
            foreach (var difference in Differences(batch, counts: true))
                if (!_smallest.ContainsKey(difference.Class))
                    Shrink(batch, difference, cancellation);
            count++;
            done();
        }
        return count;
    }

    /// <summary>Ends both guests.</summary>
    public void Dispose()
    {
        _base.Dispose();
        _patched.Dispose();
    }

    // What differs once and not again is chance.
    private void Shrink(ImmutableArray<Scenario> batch, KernelDifference difference, CancellationToken cancellation)
    {
        if (!Shows(batch))
            return;
        var alone = batch.FirstOrDefault(scenario => Shows([scenario]));
        ImmutableArray<Scenario> together = alone is null ? batch : [LiveShrinker.Smallest(alone, ShowsAlone)];
        var vectors = Record(together, out var logs);
        if (vectors is null || Differences(vectors.Value, logs).FirstOrDefault(one => one.Class == difference.Class) is not { } last)
            return;
        _smallest[difference.Class] = new KernelCounterexample(last, together, Scenarios, Agrees(vectors.Value.Base),
            Agrees(vectors.Value.Patched));

        bool ShowsAlone(Scenario one) => !cancellation.IsCancellationRequested && LiveShrinker.CanBeMade(one, _both) && Shows([one]);

        bool Shows(IReadOnlyList<Scenario> some) => Differences(some, counts: false).Any(one => one.Class == difference.Class);

        bool? Agrees(ImmutableArray<RecordedVector> some) => _model is null ? null : Replay.Run(some, _model) is null;
    }

    private List<KernelDifference> Differences(IReadOnlyList<Scenario> batch, bool counts)
    {
        if (Record(batch, out var logs) is not { } vectors)
            return Differences(([], []), logs);
        if (counts)
            Scenarios += vectors.Base.Length;
        return Differences(vectors, logs);
    }

    private static List<KernelDifference> Differences((ImmutableArray<RecordedVector> Base, ImmutableArray<RecordedVector> Patched) vectors,
        (string Base, string Patched) logs)
    {
        var found = new List<KernelDifference>();
        for (int i = 0; i < vectors.Base.Length; i++)
            found.AddRange(KernelDifference.Between(vectors.Base[i], vectors.Patched[i]));
        if (!vectors.Base.IsEmpty && KernelDifference.OfCounters(vectors.Base[0], vectors.Patched[0]) is { } counters)
            found.Add(counters);
        if (logs.Base != logs.Patched)
            found.Add(new KernelDifference(DifferenceClass.Log, 1, "log", logs.Base, logs.Patched));
        return [.. found.DistinctBy(one => one.Class)];
    }

    // Null if one of them cannot be built alike on both.
    private (ImmutableArray<RecordedVector> Base, ImmutableArray<RecordedVector> Patched)? Record(
        IReadOnlyList<Scenario> together, out (string Base, string Patched) logs)
    {
        var first = On(_base, ref _time.Base, out logs.Base);
        var second = On(_patched, ref _time.Patched, out logs.Patched);
        if (first is null || second is null)
            return null;
        if (first.Value.Zip(second.Value, KernelDifference.BeginsEqual).All(equal => equal))
            return (first.Value, second.Value);
        BuiltOtherwise += together.Count;
        return null;

        ImmutableArray<RecordedVector>? On(GuestSlot slot, ref TimeSpan time, out string log)
        {
            try
            {
                var recorder = new Recorder(slot.Kernel);
                var clock = Stopwatch.StartNew();
                var recorded = recorder.Record([.. together.Select((scenario, index) =>
                    LiveInput.Of($"diff_{index + 1}", scenario, LiveComparison.Passes, beside: true))]);
                time += clock.Elapsed;
                log = recorder.Logged?.Kind ?? recorder.Strange?.What ?? recorder.Audited?.What ?? "";
                slot.DropAfter(recorder.Logged);
                return recorded.Any(one => one.Vector is null) ? null : [.. recorded.Select(one => one.Vector!)];
            }
            catch (GuestException lost)
            {
                slot.Drop();
                log = lost.Splat?.Kind ?? lost.Message;
                return null;
            }
        }
    }
}
