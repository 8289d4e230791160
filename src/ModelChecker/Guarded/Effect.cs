using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>What a step does to the state; the effects of a step follow one another, each seeing what the ones before it did.</summary>
public abstract record Effect
{
    /// <summary>Does one list of effects or another.</summary>
    public static Effect When(Term condition, IEnumerable<Effect> then, IEnumerable<Effect>? otherwise = null) =>
        new Branch(condition, [.. then], [.. otherwise ?? []]);

    /// <summary>Does something if a condition holds.</summary>
    public static Effect When(Term condition, params ReadOnlySpan<Effect> then) => new Branch(condition, [.. then], []);

    /// <summary>Notes that a property is broken unless a condition holds.</summary>
    public static Effect Check(Term condition, SafetyProperty property) => new Assert(condition, property);

    /// <summary>Notes that a property is broken if this is done while a lock is held that spins.</summary>
    public static Effect Sleeps(SafetyProperty property) => new Forbidden(property, false);

    /// <summary>Notes that a property is broken if this is done while any lock is held.</summary>
    public static Effect Unlocked(SafetyProperty property) => new Forbidden(property, true);

    internal sealed record Assign(Variable Variable, Term Value) : Effect;

    internal sealed record Branch(Term Condition, ImmutableArray<Effect> Then, ImmutableArray<Effect> Otherwise) : Effect;

    internal sealed record Assert(Term Condition, SafetyProperty Property) : Effect;

    /// <summary>A lock taken or given up, for the static check of lock order; changes nothing.</summary>
    /// <param name="Lock">The lock's name.</param>
    /// <param name="IsAcquired">It is taken; if not it is given up.</param>
    /// <param name="IsTry">It is only tried: nobody waits for it.</param>
    public sealed record LockUse(string Lock, bool IsAcquired, bool IsTry) : Effect
    {
        /// <summary>Who finds it taken goes away rather than wait.</summary>
        public bool TurnsAway { get; init; }

        /// <summary>Nobody may sleep who holds it.</summary>
        public bool IsSpin { get; init; }
    }

    // Breaks the property where the step is taken with a lock held that forbids it: any, or one that spins. Changes nothing else.
    internal sealed record Forbidden(SafetyProperty Property, bool UnderAnyLock) : Effect;
}

/// <summary>Something that must hold in every interleaving.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Statement">What it says, in one sentence.</param>
/// <param name="Citation">Where it was asked for.</param>
public sealed record SafetyProperty(string Name, string Statement, string Citation);
