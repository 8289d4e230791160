using System.Collections.Concurrent;
using System.Collections.Immutable;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What a process does when the PMD entry holds this or that, with nobody beside.</summary>
/// <param name="Actor">The process.</param>
/// <param name="Begins">What the PMD entry holds at first.</param>
/// <param name="Functions">The functions whose steps are taken, in the order of the program.</param>
/// <param name="Ends">What the PMD entry holds in the end, every way it can; "waits" if the process cannot go on.</param>
public sealed record ActorInPmdState(Actor Actor, string Begins, ImmutableArray<string> Functions, ImmutableArray<string> Ends)
{
    /// <summary>Every actor, and every state of the PMD entry: a table, nothing, a huge page, a huge page under migration.</summary>
    public static IEnumerable<ActorInPmdState> All(ProtocolSpace space) =>
        Actor.All.SelectMany(actor =>
            new (string, char?)[] { ("table", null), ("none", '0'), ("huge", 'm'),
                ("migration", '~') }.Select(begins => Of(space, actor, begins.Item1, begins.Item2)));

    private static ActorInPmdState Of(ProtocolSpace space, Actor actor, string begins, char? pmd)
    {
        var model = space.Only(actor, pmd);
        var (taken, ends, waits) =
            (new ConcurrentDictionary<(int, string), bool>(), new ConcurrentDictionary<string, bool>(),
                new ConcurrentDictionary<PackedState, bool>());
        var layout = model.Layout;
        waits.TryAdd(model.Initial, true);
        new Explorer<Unjudged, PackedState, Move>(new Unjudged(model), new Bounds { Workers = 1 })
            .Run(watch: (in PackedState from, Move move, in PackedState to) =>
        {
            taken.TryAdd((move.Location, model.StepOf(move).Function), true);
            waits.TryRemove(from, out _);
            waits.TryAdd(to, true);
            if (model.HasEnded(to))
                ends.TryAdd(space.State.Pmd.Show(layout.Get(to, space.State.Pmd)), true);
        });
        // A state that was left, by whatever step, does not wait.
        if (waits.Keys.Any(state => !model.HasEnded(state) && !CanGoOn(model, state)))
            ends.TryAdd("waits", true);
        return new ActorInPmdState(actor, begins, [.. taken.Keys.Order().Select(each => each.Item2).Distinct()],
            [.. ends.Keys.Order(StringComparer.Ordinal)]);
    }

    private static bool CanGoOn(GuardedModel model, PackedState state)
    {
        var any = default(Any);
        model.ExpandEvery(state, ref any);
        return any.Found;
    }

    // Alone, with somebody's migration that never ends, properties are not asked for.
    private sealed class Unjudged(GuardedModel model) : IModel<PackedState, Move>
    {
        public PackedState Initial => model.Initial;

        public int MostSuccessors => model.MostSuccessors;

        public void Expand<TSink>(in PackedState state, ref TSink sink)
            where TSink : ISuccessors<PackedState, Move>, allows ref struct => model.ExpandEvery(state, ref sink);

        public ulong Fingerprint(in PackedState state) => model.Fingerprint(state);

        public int Judge(in PackedState state) => -1;

        public int JudgeFinal(in PackedState state) => -1;
    }

    private struct Any : ISuccessors<PackedState, Move>
    {
        public bool Found;

        public void Add(Move action, in PackedState next) => Found = true;
    }
}
