using System.Numerics;

namespace ModelChecker.Guarded;

/// <summary>One bounded number of a guarded model's state.</summary>
/// <param name="name">Its name: an identifier, so that Promela takes it too.</param>
/// <param name="max">The largest value, at least 1.</param>
/// <param name="initial">The value to begin with.</param>
/// <param name="values">A name for each value; null for plain numbers.</param>
public sealed class Variable(string name, int max, int initial = 0, string[]? values = null)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>The largest value.</summary>
    public int Max { get; } = max;

    /// <summary>The value to begin with.</summary>
    public int Initial { get; } = initial;

    /// <summary>Bits it takes in a packed state.</summary>
    public int Bits => BitOperations.Log2((uint)Max) + 1;

    /// <summary>Lives only within one step: no part of the state.</summary>
    public bool IsScratch { get; init; }

    /// <summary>A value as people read it.</summary>
    public string Show(int value) => values is not null && value < values.Length ? values[value] : FormattableString.Invariant($"{value}");

    /// <summary>It is 0.</summary>
    public static Term operator !(Variable a) => !(Term)a;

    /// <summary>Neither is 0.</summary>
    public static Term operator &(Variable a, Variable b) => (Term)a & b;

    /// <summary>One of them is not 0.</summary>
    public static Term operator |(Variable a, Variable b) => (Term)a | b;

    /// <summary>True if it has the value.</summary>
    public Term Is(Term value) => new Term.Binary(Operator.Equal, this, value);

    /// <summary>True if it has another value.</summary>
    public Term IsNot(Term value) => !Is(value);

    /// <summary>Gives it a value.</summary>
    public Effect Set(Term value) => new Effect.Assign(this, value);

    /// <summary>Adds one.</summary>
    public Effect Increase() => Set((Term)this + 1);

    /// <summary>Takes one away.</summary>
    public Effect Decrease() => Set((Term)this - 1);
}
