using System.Collections.Immutable;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>One search: a protocol beside some processes, from one table.</summary>
/// <param name="Space">The protocol and the table's shape.</param>
/// <param name="Actors">Who runs beside khugepaged.</param>
/// <param name="Table">The table to begin with.</param>
/// <param name="Found">What the search found.</param>
public sealed record SearchResult(ProtocolSpace Space, IReadOnlyList<Actor> Actors, string Table, Exploration<Move> Found)
{
    /// <summary>What memory can look like in the end; null unless asked for.</summary>
    public FinalStatesFound? Finals { get; init; }

    /// <summary>The counterexample, step by step; null if there is none.</summary>
    public Interleaving? Counterexample =>
        Found.Counterexample is { } trace ? Interleaving.Of(Space.Beside(Actors, Reductions.None, Table), trace.Actions) : null;

    /// <summary>What the counterexample broke, and by whom; null if there is none.</summary>
    public Blame? Blame => Counterexample is { } way ? Blame.Of(Space, Space.Beside(Actors, Reductions.None, Table), way, Broken!) : null;

    /// <summary>What the counterexample broke, in words; null if there is none.</summary>
    public string? Why => Blame?.Why;

    /// <summary>The property that is broken; null if none is.</summary>
    public SafetyProperty? Broken => Found.Counterexample is { } trace ? Safety.All[trace.Property] : null;
}

/// <summary>Searches of one protocol beside many combinations of processes.</summary>
public static class Suite
{
    /// <summary>Letters of the notation that a table may begin with.</summary>
    public static string Letters => InitialState.Letters;

    /// <summary>Every combination of 1 to <paramref name="most"/> processes, the same one twice included.</summary>
    public static IEnumerable<ImmutableArray<Actor>> Combinations(int most) =>
        Enumerable.Range(1, most).SelectMany(count => OfSize(count, 0)).Where(actors => Actor.CannotBe(actors) is null);

    /// <summary>A circle in the order that khugepaged and every actor take locks in, as text; null if there is none.</summary>
    public static string? LockCircle(ProtocolSpace space) =>
        LockOrder.Circle(Actor.All.SelectMany(actor => space.Beside([actor], Reductions.None).Programs));

    /// <summary>One search of each table.</summary>
    /// <param name="space">The protocol and the shape.</param>
    /// <param name="actors">Who runs beside khugepaged.</param>
    /// <param name="reductions">What may be left out.</param>
    /// <param name="bounds">How far.</param>
    /// <param name="table">The table to begin with; each of the shape's if null.</param>
    /// <param name="progress">Told now and then how far it is; may be null.</param>
    public static IEnumerable<SearchResult> Search(
        ProtocolSpace space, IReadOnlyList<Actor> actors, Reductions reductions, Bounds bounds, string? table = null,
            Action<Extent>? progress = null) =>
        (table is null ? space.Tables : [table])
            .Select(each => new SearchResult(space, actors, each, SearchOne(space, actors, reductions, bounds, each, progress)));

    // What was left out may hold a shorter counterexample: with one found, all is searched.
    private static Exploration<Move> SearchOne(ProtocolSpace space, IReadOnlyList<Actor> actors, Reductions reductions, Bounds bounds,
        string table, Action<Extent>? progress)
    {
        var found = Run(reductions);
        return found.Ending == Ending.Refuted && reductions != Reductions.None && Run(Reductions.None) is { Ending: Ending.Refuted } all
            ? all with { Time = found.Time + all.Time } : found;

        Exploration<Move> Run(Reductions left) =>
            new Explorer<GuardedModel, PackedState, Move>(space.Beside(actors, left, table), bounds).Run(progress);
    }

    /// <summary>Of several searches the shortest counterexample; null if none has one.</summary>
    public static SearchResult? Shortest(IEnumerable<SearchResult> results) =>
        results.Where(result => result.Found.Counterexample is not null).MinBy(result => result.Found.Counterexample!.Actions.Length);

    private static IEnumerable<ImmutableArray<Actor>> OfSize(int count, int from)
    {
        if (count == 0)
        {
            yield return [];
            yield break;
        }
        for (int first = from; first < Actor.All.Length; first++)
            foreach (var rest in OfSize(count - 1, first))
                yield return rest.Insert(0, Actor.All[first]);
    }
}
