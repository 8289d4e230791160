using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>A step of a program: what it is called, when it can be taken, what it does, where it leads.</summary>
/// <param name="From">The location it starts at.</param>
/// <param name="To">The location it leads to.</param>
/// <param name="Function">The kernel function, or what hardware does.</param>
/// <param name="Says">What happens, in a few words.</param>
/// <param name="Guard">When it can be taken.</param>
/// <param name="Effects">What it does.</param>
public sealed record Step(int From, int To, string Function, string Says, Term Guard, ImmutableArray<Effect> Effects)
{
    /// <summary>What it is to a program that reads it; null if it says nothing.</summary>
    public Meaning? Meaning { get; init; }
}

/// <summary>What a step is, for programs; its words are for people.</summary>
public abstract record Meaning;

/// <summary>What one process does: steps between numbered locations. It starts at 0; a location without steps ends it.</summary>
/// <param name="Name">The process's name.</param>
/// <param name="Counter">The variable that holds the location.</param>
/// <param name="Steps">All steps, by location.</param>
/// <param name="Phases">What part of its work each location belongs to.</param>
public sealed record GuardedProgram(string Name, Variable Counter, ImmutableArray<ImmutableArray<Step>> Steps,
    ImmutableArray<string> Phases)
{
    /// <summary>Locks held at each location, by name: the same on every way there, if there is no mistake.</summary>
    public ImmutableArray<ImmutableSortedSet<string>> Held { get; } = LockOrder.HeldAt(Name, Steps).Held;

    /// <summary>What is wrong with its locks, in words: two ways to a location that hold different ones, one taken twice, one held at the
    /// end; null if nothing is.</summary>
    public string? LockMistake => LockOrder.HeldAt(Name, Steps).Mistake;

    /// <summary>True if no step leaves the location.</summary>
    public bool EndsAt(int location) => Steps[location].IsEmpty;
}
