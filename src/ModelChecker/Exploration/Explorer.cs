using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace ModelChecker.Exploration;

/// <summary>
/// Searches every state of a model, breadth first, so that the first counterexample is a shortest one. Of a state seen only its
/// fingerprint and its parent's are kept; a way is rebuilt by going it again.
/// </summary>
/// <typeparam name="TModel">The model.</typeparam>
/// <typeparam name="TState">Its states.</typeparam>
/// <typeparam name="TAction">What leads from state to state.</typeparam>
public sealed class Explorer<TModel, TState, TAction>
    where TModel : IModel<TState, TAction>
    where TState : unmanaged
{
    // States that a worker takes at a time; a level smaller than this is left to one.
    private const int Chunk = 512;

    // States expanded between two looks at the table's size.
    private const int Batch = 1 << 16;

    private readonly TModel _model;
    private readonly Bounds _bounds;
    private readonly FingerprintTable _seen = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _generated = 1, _distinct = 1;

    // The fingerprint of a state that breaks a property, and which; 0 while there is none.
    private ulong _broken;
    private int _property = -1;

    /// <summary>Prepares a search; it can be run once.</summary>
    /// <param name="model">What is searched.</param>
    /// <param name="bounds">How far.</param>
    public Explorer(TModel model, Bounds bounds) => (_model, _bounds) = (model, bounds);

    /// <summary>Called for every step that is looked at, by several threads at once.</summary>
    public delegate void Watch(in TState from, TAction action, in TState to);

    /// <summary>Searches.</summary>
    /// <param name="progress">Told now and then how far it is; may be null.</param>
    /// <param name="watch">Called for every step; may be null.</param>
    public Exploration<TAction> Run(Action<Extent>? progress = null, Watch? watch = null)
    {
        var found = Search(progress, watch);
        // Which of several shortest counterexamples two workers come upon is chance; one worker decides.
        return found.Ending == Ending.Refuted && _bounds.Workers > 1
            ? new Explorer<TModel, TState, TAction>(_model, _bounds with { Workers = 1 })
                .Search(progress, null) with
            { Time = _clock.Elapsed }
            : found;
    }

    private Exploration<TAction> Search(Action<Extent>? progress, Watch? watch)
    {
        var initial = _model.Initial;
        ulong first = _model.Fingerprint(initial);
        _seen.TryAdd(first, 0);
        NoteBroken(first, _model.Judge(initial));
        List<Segment> level = [new Segment()], next = [];
        level[0].Add(initial, first);
        int depth = 0;
        long left = 1;
        Extent Now() => new(_generated, _distinct, left, depth);
        while (left > 0 && _broken == 0)
        {
            if (depth == _bounds.Depth)
                return End(Ending.DepthReached, Now());
            long pending = left;
            foreach (var batch in Batches(level))
            {
                long states = Count(batch), room = _distinct + states * _model.MostSuccessors;
                if (!_seen.Reserve(room, _bounds.Bytes - left * Segment.BytesEach))
                    return End(Ending.MemoryReached, Now());
                next.AddRange(ExpandAll(batch, watch));
                if (_broken != 0)
                    break;
                if (_bounds.Cancellation.IsCancellationRequested)
                    return End(Ending.Cancelled, Now());
                pending -= states;
                left = pending + Count(next);
                progress?.Invoke(Now());
            }
            left = Count(next);
            if (left > 0)
                depth++;
            (level, next) = (next, level);
            next.Clear();
        }
        return End(_broken == 0 ? Ending.Exhausted : Ending.Refuted, Now());
    }

    private Exploration<TAction> End(Ending ending, Extent extent) =>
        new(ending, extent, _clock.Elapsed, _broken == 0 ? null : new Trace<TAction>(_property, WayTo(_broken)));

    private static long Count(List<Segment> segments) => segments.Sum(segment => (long)segment.Count);

    private static IEnumerable<List<Segment>> Batches(List<Segment> level)
    {
        var batch = new List<Segment>();
        int count = 0;
        foreach (var segment in level)
        {
            batch.Add(segment);
            count += segment.Count;
            if (count < Batch)
                continue;
            yield return batch;
            (batch, count) = ([], 0);
        }
        if (count > 0)
            yield return batch;
    }

    private List<Segment> ExpandAll(List<Segment> batch, Watch? watch)
    {
        int taken = -1;
        if (_bounds.Workers == 1 || batch.Count == 1)
            return Work();
        var results = new List<Segment>[Math.Min(_bounds.Workers, batch.Count)];
        Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = results.Length },
            worker => results[worker] = Work());
        return [.. results.SelectMany(segments => segments)];

        List<Segment> Work()
        {
            var sink = new Sink(this, watch);
            for (int i = Interlocked.Increment(ref taken); i < batch.Count && _broken == 0; i = Interlocked.Increment(ref taken))
                for (int s = 0; s < batch[i].Count && _broken == 0; s++)
                    sink.Expand(batch[i].States[s], batch[i].Fingerprints[s]);
            sink.Close();
            return sink.Found;
        }
    }

    private void NoteBroken(ulong fingerprint, int property)
    {
        if (property < 0)
            return;
        lock (_seen)
            if (_broken == 0)
                (_broken, _property) = (fingerprint, property);
    }

    // From the parents' fingerprints, backwards; then forwards, choosing at each state the successor with the right one.
    private ImmutableArray<TAction> WayTo(ulong last)
    {
        var way = new Stack<ulong>();
        for (ulong at = last; _seen.ParentOf(at) != 0; at = _seen.ParentOf(at))
            way.Push(at);
        var actions = ImmutableArray.CreateBuilder<TAction>(way.Count);
        var state = _model.Initial;
        foreach (ulong fingerprint in way)
        {
            var finder = new Finder(_model, fingerprint);
            _model.Expand(state, ref finder);
            actions.Add(finder.Action!);
            state = finder.State;
        }
        return actions.MoveToImmutable();
    }

    // Some states of one level, with their fingerprints.
    private sealed class Segment
    {
        public static readonly int BytesEach = Unsafe.SizeOf<TState>() + sizeof(ulong);

        public readonly TState[] States = new TState[Chunk];
        public readonly ulong[] Fingerprints = new ulong[Chunk];
        public int Count;

        public void Add(in TState state, ulong fingerprint)
        {
            States[Count] = state;
            Fingerprints[Count++] = fingerprint;
        }
    }

    // Memory is asked for a successor's place in the table some successors before it is looked up.
    private sealed class Sink(Explorer<TModel, TState, TAction> search, Watch? watch)
    {
        private const int Ahead = 32;

        private readonly TModel _model = search._model;
        private readonly FingerprintTable _seen = search._seen;
        private readonly (TState State, ulong Fingerprint, ulong Parent)[] _waiting = new (TState, ulong, ulong)[Ahead];
        private Segment? _segment;
        private long _generated, _distinct;

        public List<Segment> Found { get; } = [];

        public void Expand(in TState state, ulong fingerprint)
        {
            var taker = new Taker(this, state, fingerprint);
            long before = _generated;
            _model.Expand(state, ref taker);
            if (_generated == before)
                search.NoteBroken(fingerprint, _model.JudgeFinal(state));
        }

        public void Close()
        {
            for (int i = 0; i < Ahead; i++)
                Look(ref _waiting[(_generated + i) % Ahead]);
            Interlocked.Add(ref search._generated, _generated);
            Interlocked.Add(ref search._distinct, _distinct);
        }

        private void Look(ref (TState State, ulong Fingerprint, ulong Parent) successor)
        {
            if (successor.Fingerprint == 0 || !_seen.TryAdd(successor.Fingerprint, successor.Parent))
                return;
            _distinct++;
            search.NoteBroken(successor.Fingerprint, _model.Judge(successor.State));
            if (_segment is null || _segment.Count == Chunk)
                Found.Add(_segment = new Segment());
            _segment.Add(successor.State, successor.Fingerprint);
        }

        private readonly struct Taker(Sink sink, TState from, ulong parent) : ISuccessors<TState, TAction>
        {
            public void Add(TAction action, in TState next)
            {
                sink.WatchStep(from, action, next);
                ulong fingerprint = sink._model.Fingerprint(next);
                sink._seen.Prefetch(fingerprint);
                ref var place = ref sink._waiting[sink._generated++ % Ahead];
                sink.Look(ref place);
                place = (next, fingerprint, parent);
            }
        }

        private void WatchStep(in TState from, TAction action, in TState to) => watch?.Invoke(from, action, to);
    }

    private struct Finder(TModel model, ulong fingerprint) : ISuccessors<TState, TAction>
    {
        private bool _found;

        public TAction? Action;
        public TState State;

        public void Add(TAction action, in TState next)
        {
            if (_found || model.Fingerprint(next) != fingerprint)
                return;
            (_found, Action, State) = (true, action, next);
        }
    }
}
