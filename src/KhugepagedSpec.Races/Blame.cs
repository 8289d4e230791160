using System.Collections.Immutable;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What a way breaks, and where each stands whom it is seen at.</summary>
/// <param name="Property">The property: what was expected.</param>
/// <param name="Why">What is there instead, in words.</param>
/// <param name="Processes">Who took the last step; of a deadlock each that waits. With the locks that it holds, by name.</param>
public sealed record Blame(
    SafetyProperty Property, string Why, ImmutableArray<(string Process, ImmutableSortedSet<string> Locks)> Processes)
{
    /// <summary>Of a way that was gone; null if it breaks nothing where it ends.</summary>
    /// <param name="space">The protocol's space.</param>
    /// <param name="model">The model that it is a way of.</param>
    /// <param name="way">The way.</param>
    public static Blame? Of(ProtocolSpace space, GuardedModel model, Interleaving way)
    {
        int property = model.Judge(way.End);
        if (property < 0 && !CanGoOn(model, way.End))
            property = model.JudgeFinal(way.End);
        return property < 0 || way.Steps.IsEmpty ? null : Of(space, model, way, model.Properties[property]);
    }

    /// <summary>Of a way that is known to break a property.</summary>
    /// <param name="space">The protocol's space.</param>
    /// <param name="model">The model that it is a way of.</param>
    /// <param name="way">The way.</param>
    /// <param name="broken">The property.</param>
    public static Blame Of(ProtocolSpace space, GuardedModel model, Interleaving way, SafetyProperty broken)
    {
        var locations = model.Programs
            .Select((program, number) => (Program: program, Location: model.LocationOf(way.End, number))).ToList();
        var last = way.Steps[^1];
        var blamed = broken == Safety.NoDeadlock ? locations.Where(each => !each.Program.EndsAt(each.Location))
            : locations.Where(each => each.Program.Name == last.Process && each.Location == last.Step.To).Take(1);
        return new Blame(broken, Races.Why.Of(space, way, broken, locations),
            [.. blamed.Select(each => (each.Program.Name, each.Program.Held[each.Location]))]);
    }

    private static bool CanGoOn(GuardedModel model, PackedState state)
    {
        var any = new AnySuccessor();
        model.ExpandEvery(state, ref any);
        return any.Found;
    }

    private struct AnySuccessor : ISuccessors<PackedState, Move>
    {
        public bool Found { get; private set; }

        public void Add(Move action, in PackedState next) => Found = true;
    }
}
