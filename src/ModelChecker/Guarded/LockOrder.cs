using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>What can be said of locks without running anything: which are held where, and in which order they are taken.</summary>
public static class LockOrder
{
    /// <summary>
    /// The first circle in the order that some programs take locks in, as text; null if there is none. A trylock cannot wait, so it
    /// adds no order.
    /// </summary>
    public static string? Circle(IEnumerable<GuardedProgram> programs)
    {
        var behind = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var program in programs)
            foreach (var step in program.Steps.SelectMany(steps => steps))
            {
                var held = program.Held[step.From].ToBuilder();
                foreach (var use in step.Effects.OfType<Effect.LockUse>())
                {
                    if (!use.IsAcquired)
                        held.Remove(use.Lock);
                    else if (!use.IsTry)
                        foreach (string first in held)
                            (behind.TryGetValue(first, out var locks) ? locks : behind[first] = new(StringComparer.Ordinal)).Add(use.Lock);
                    if (use.IsAcquired)
                        held.Add(use.Lock);
                }
            }
        foreach (string start in behind.Keys)
            if (Reaches(start, start, [start]) is { } circle)
                return string.Join(" before ", circle);
        return null;

        List<string>? Reaches(string from, string goal, List<string> way)
        {
            foreach (string next in behind.TryGetValue(from, out var locks) ? locks : [])
            {
                if (next == goal)
                    return [.. way, next];
                if (!way.Contains(next) && Reaches(next, goal, [.. way, next]) is { } found)
                    return found;
            }
            return null;
        }
    }

    /// <summary>The locks held at each location of a program, and what is wrong with them in words; null if nothing is.</summary>
    internal static (ImmutableArray<ImmutableSortedSet<string>> Held, string? Mistake) HeldAt(string name,
        ImmutableArray<ImmutableArray<Step>> steps)
    {
        string? mistake = null;
        var held = new ImmutableSortedSet<string>?[steps.Length];
        held[0] = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);
        var open = new Stack<int>([0]);
        while (open.TryPop(out int location))
        {
            foreach (var step in steps[location])
            {
                var after = held[location]!;
                foreach (var use in step.Effects.OfType<Effect.LockUse>())
                {
                    if (use.IsAcquired == after.Contains(use.Lock))
                        mistake ??= $"{name}: {step.Function} {(use.IsAcquired ? "takes" : "drops")} {use.Lock}, holding {Text(after)}";
                    after = use.IsAcquired ? after.Add(use.Lock) : after.Remove(use.Lock);
                }
                if (held[step.To] is not { } before)
                {
                    held[step.To] = after;
                    open.Push(step.To);
                }
                else if (!before.SetEquals(after))
                    mistake ??= $"{name}: behind {step.Function} locks are {Text(after)} or {Text(before)}";
            }
            if (steps[location].IsEmpty && !held[location]!.IsEmpty)
                mistake ??= $"{name} ends holding {Text(held[location]!)}";
        }
        return ([.. held.Select(locks => locks ?? ImmutableSortedSet<string>.Empty)], mistake);
    }

    /// <summary>The locks that a program's steps use and that nobody may sleep under.</summary>
    internal static ImmutableHashSet<string> Spinning(IEnumerable<Step> steps) =>
        [.. steps.SelectMany(step => step.Effects).OfType<Effect.LockUse>().Where(use => use.IsSpin).Select(use => use.Lock)];

    private static string Text(ImmutableSortedSet<string> locks) => locks.IsEmpty ? "none" : string.Join(", ", locks);
}
