namespace ModelChecker.Guarded;

/// <summary>What a binary term computes; truth is 1, falsehood 0.</summary>
public enum Operator
{
    /// <summary>Sum.</summary>
    Add,

    /// <summary>Difference; never below 0 in a sound model.</summary>
    Subtract,

    /// <summary>Both true.</summary>
    And,

    /// <summary>One of them true.</summary>
    Or,

    /// <summary>Equal.</summary>
    Equal,

    /// <summary>Less than.</summary>
    Less,
}

/// <summary>An expression over the variables of a guarded model; its value is a small non-negative number.</summary>
public abstract record Term
{
    /// <summary>Always true.</summary>
    public static Term True { get; } = new Constant(1);

    /// <summary>Never true.</summary>
    public static Term False { get; } = new Constant(0);

    /// <summary>A number.</summary>
    public static implicit operator Term(int value) => new Constant(value);

    /// <summary>A variable's value.</summary>
    public static implicit operator Term(Variable variable) => new Read(variable);

    /// <summary>Sum.</summary>
    public static Term operator +(Term a, Term b) =>
        a is Constant { Value: 0 } ? b : b is Constant { Value: 0 } ? a : new Binary(Operator.Add, a, b);

    /// <summary>Difference.</summary>
    public static Term operator -(Term a, Term b) => b is Constant { Value: 0 } ? a : new Binary(Operator.Subtract, a, b);

    /// <summary>Both.</summary>
    public static Term operator &(Term a, Term b) =>
        a.IsTrue ? b : b.IsTrue ? a : a.IsFalse || b.IsFalse ? False : new Binary(Operator.And, a, b);

    /// <summary>Either.</summary>
    public static Term operator |(Term a, Term b) =>
        a.IsFalse ? b : b.IsFalse ? a : a.IsTrue || b.IsTrue ? True : new Binary(Operator.Or, a, b);

    /// <summary>Not.</summary>
    public static Term operator !(Term a) => a.IsTrue ? False : a.IsFalse ? True : a is Not not ? not.Of : new Not(a);

    /// <summary>Less than.</summary>
    public static Term operator <(Term a, Term b) => new Binary(Operator.Less, a, b);

    /// <summary>Greater than.</summary>
    public static Term operator >(Term a, Term b) => new Binary(Operator.Less, b, a);

    /// <summary>Equal.</summary>
    public Term Is(Term other) => new Binary(Operator.Equal, this, other);

    /// <summary>One value or another.</summary>
    public static Term Choose(Term when, Term then, Term otherwise) =>
        when.IsTrue ? then : when.IsFalse ? otherwise : new Choice(when, then, otherwise);

    /// <summary>True if all are.</summary>
    public static Term All(IEnumerable<Term> terms) => terms.Aggregate(True, (all, term) => all & term);

    /// <summary>True if one is.</summary>
    public static Term Any(IEnumerable<Term> terms) => terms.Aggregate(False, (any, term) => any | term);

    /// <summary>Their sum; of truths, how many are true.</summary>
    public static Term Sum(IEnumerable<Term> terms) => terms.Aggregate((Term)0, (sum, term) => sum + term);

    internal bool IsTrue => this is Constant { Value: 1 };

    internal bool IsFalse => this is Constant { Value: 0 };

    internal sealed record Constant(int Value) : Term;

    internal sealed record Read(Variable Variable) : Term;

    internal sealed record Not(Term Of) : Term;

    internal sealed record Binary(Operator Operator, Term A, Term B) : Term;

    internal sealed record Choice(Term When, Term Then, Term Otherwise) : Term;
}
