using System.Collections.Immutable;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What a kernel did in batches, kept to be explained: some that differ, and some that agree.</summary>
internal sealed class SeenBatches
{
    private const int Most = 20;

    private readonly List<Observation> _differing = [], _agreeing = [];
    private readonly Lock _lock = new();

    /// <summary>Keeps a batch in which kernel and model part.</summary>
    public void Differs(int number, ImmutableArray<RecordedVector> vectors) => Keep(_differing, number, vectors);

    /// <summary>Keeps a batch in which they do the same.</summary>
    public void Agrees(int number, ImmutableArray<RecordedVector> vectors) => Keep(_agreeing, number, vectors);

    /// <summary>All that was kept; the smallest difference, which is the quickest to try, comes first.</summary>
    public ImmutableArray<Observation> All(LiveCounterexample? smallest)
    {
        Observation[] small = smallest is { Mismatch: not null, Vectors.IsEmpty: false } ? [new("smallest", smallest.Vectors)] : [];
        lock (_lock)
            return [.. small, .. _differing, .. _agreeing];
    }

    private void Keep(List<Observation> kept, int number, ImmutableArray<RecordedVector> vectors)
    {
        lock (_lock)
            if (kept.Count < Most)
                kept.Add(new Observation($"batch {number}", vectors));
    }
}
