using System.Collections.Concurrent;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What memory can look like in the end.</summary>
/// <param name="Count">In how many ways.</param>
/// <param name="OnlyInterleaved">Those that only interleaving critical sections leads to, as text; empty if locks do their work.</param>
public sealed record FinalStatesFound(int Count, IReadOnlyList<string> OnlyInterleaved);

/// <summary>
/// What memory can look like when everybody is done: by every interleaving, and if every critical section were one step, where a
/// page may look busy by chance to who only tries. Locks do their work if the first gives nothing that the second does not.
/// </summary>
public static class FinalStates
{
    /// <summary>Compares the two.</summary>
    public static FinalStatesFound Compare(ProtocolSpace space, IReadOnlyList<Actor> actors, string table, Bounds bounds)
    {
        var all = Of(space, actors, table, Reductions.PartialOrder | Reductions.Symmetry, bounds);
        var serial = Of(space, actors, table, Reductions.CriticalSectionsAreSteps, bounds);
        return new FinalStatesFound(all.Count, [.. all.Where(state => !serial.Contains(state)).Order(StringComparer.Ordinal)]);
    }

    /// <summary>All final states: for each entry what is mapped there, and what is read.</summary>
    public static IReadOnlySet<string> Of(ProtocolSpace space, IReadOnlyList<Actor> actors, string table, Reductions reductions,
        Bounds bounds)
    {
        var collector = new Collector(
            space.Beside(actors, reductions, table, anyPageMayLookBusy: reductions.HasFlag(Reductions.CriticalSectionsAreSteps)));
        new Explorer<Collector, PackedState, Move>(collector, bounds).Run();
        return collector.Found.Select(state => Text(space.State, state)).ToHashSet(StringComparer.Ordinal);
    }

    private static string Text(SharedState s, PackedState state)
    {
        int Get(Variable variable) => s.Layout.Get(state, variable);
        var entries = s.Entries.Select(entry =>
        {
            int holds = Get(entry.Pte);
            bool isPage = holds is Holds.Source or Holds.Fresh or Holds.New;
            int contents = Get(holds == Holds.Source ? entry.Source : holds == Holds.Fresh ? entry.Fresh : entry.New);
            return Get(s.Pmd) == PmdHolds.Huge ? Contents.Names[Get(entry.New)]
                : isPage ? $"{Contents.Names[contents]}{(Get(entry.Order) > 0 ? "/folio" : "")}{(Get(entry.UffdWp) != 0 ? "/uffd-wp" : "")}"
                : Holds.Names[holds];
        });
        return $"{PmdHolds.Names[Get(s.Pmd)]} {VmaIs.Names[Get(s.Vma)]} {string.Join(' ', entries)}";
    }

    // The model, and its final states on the way.
    private sealed class Collector(GuardedModel model) : IModel<PackedState, Move>
    {
        private readonly ConcurrentDictionary<PackedState, bool> _found = [];

        public IEnumerable<PackedState> Found => _found.Keys;

        public PackedState Initial => model.Initial;

        public int MostSuccessors => model.MostSuccessors;

        public void Expand<TSink>(in PackedState state, ref TSink sink)
            where TSink : ISuccessors<PackedState, Move>, allows ref struct => model.Expand(state, ref sink);

        public ulong Fingerprint(in PackedState state) => model.Fingerprint(state);

        public int Judge(in PackedState state) => -1;

        public int JudgeFinal(in PackedState state)
        {
            _found.TryAdd(state, true);
            return -1;
        }
    }
}
