using System.Collections.Immutable;
using System.Linq.Expressions;
using System.Numerics;
using System.Reflection;

namespace ModelChecker.Guarded;

/// <summary>Takes a step in place: true if the guard held, and then <paramref name="state"/> is the next one.</summary>
internal delegate bool StepCode(ref PackedState state);

/// <summary>A condition on a state.</summary>
internal delegate bool Condition(ref PackedState state);

/// <summary>Turns steps and conditions into machine code that works on the packed words.</summary>
/// <param name="layout">Where the variables lie.</param>
/// <param name="broken">The number of the property that was broken, from 1.</param>
/// <param name="properties">What is judged.</param>
/// <param name="wraps">What does not fit into a variable is cut off: for programs that may be wrong.</param>
internal sealed class StepCompiler(Layout layout, Variable broken, ImmutableArray<SafetyProperty> properties, bool wraps = false)
{
    private static readonly FieldInfo[] Fields =
        [.. Enumerable.Range(0, PackedState.Words)
            .Select(word => typeof(PackedState)
                .GetField(FormattableString.Invariant($"W{word}"), BindingFlags.Instance | BindingFlags.NonPublic)!)];

    private readonly ParameterExpression _state = Expression.Parameter(typeof(PackedState).MakeByRefType(), "state");
    private readonly ParameterExpression[] _words =
        [.. Enumerable.Range(0, PackedState.Words)
            .Select(word => Expression.Variable(typeof(ulong), FormattableString.Invariant($"w{word}")))];
    private readonly Dictionary<Variable, ParameterExpression> _scratch = [];
    private int _used;

    /// <summary>A step of a process whose location is in <paramref name="counter"/>.</summary>
    public StepCode Compile(Step step, Variable counter)
    {
        Start();
        var guard = Truth(step.Guard);
        var body = step.Effects.Select(Code).Append(Assign(counter, Word(step.To))).ToList();
        var end = Expression.Label(typeof(bool));
        return Expression.Lambda<StepCode>(
            Expression.Block(
                _words.Concat(_scratch.Values),
                [
                    .. Used().Select(word => Expression.Assign(_words[word], Expression.Field(_state, Fields[word]))),
                    Expression.IfThen(Expression.Not(guard), Expression.Return(end, Expression.Constant(false))),
                    .. body,
                    .. Used().Select(word => Expression.Assign(Expression.Field(_state, Fields[word]), _words[word])),
                    Expression.Label(end, Expression.Constant(true)),
                ]),
            _state).Compile();
    }

    /// <summary>A condition.</summary>
    public Condition Compile(Term condition)
    {
        Start();
        var value = Truth(condition);
        return Expression.Lambda<Condition>(
            Expression.Block(_words,
                [.. Used().Select(word => Expression.Assign(_words[word], Expression.Field(_state, Fields[word]))), value]), _state)
                .Compile();
    }

    private void Start()
    {
        _used = 0;
        _scratch.Clear();
    }

    private IEnumerable<int> Used() => Enumerable.Range(0, PackedState.Words).Where(word => (_used >> word & 1) != 0);

    private Expression Code(Effect effect) => effect switch
    {
        Effect.Assign(var variable, var value) => Assign(variable, Value(value)),
        Effect.Branch(var condition, var then, var otherwise) =>
            Expression.IfThenElse(Truth(condition), Sequence(then), Sequence(otherwise)),
        Effect.Assert(var condition, var property) => Expression.IfThen(
            Expression.Not(Truth(condition | (Term)broken)), Assign(broken, Word(properties.IndexOf(property) + 1))),
        _ => Expression.Empty(),
    };

    private Expression Sequence(ImmutableArray<Effect> effects) =>
        effects.IsEmpty ? Expression.Empty() : Expression.Block(effects.Select(Code));

    private BinaryExpression Assign(Variable variable, Expression value)
    {
        if (variable.IsScratch)
            return Expression.Assign(Scratch(variable), value);
        var (word, shift) = Place(variable);
        ulong mask = Layout.Mask(variable) << shift;
        var shifted = value is ConstantExpression { Value: ulong number } ? Word(number << shift)
            : (Expression)Expression.LeftShift(wraps ? Expression.And(value, Word(Layout.Mask(variable)))
            : value, Expression.Constant(shift));
        return Expression.Assign(_words[word], Expression.Or(Expression.And(_words[word], Word(~mask)), shifted));
    }

    private Expression Value(Term term) => term switch
    {
        Term.Constant(var value) => Word((ulong)value),
        Term.Read(var variable) => Read(variable),
        Term.Binary(Operator.Add, var a, var b) => Expression.Add(Value(a), Value(b)),
        Term.Binary(Operator.Subtract, var a, var b) => Expression.Subtract(Value(a), Value(b)),
        Term.Choice(var when, var then, var otherwise) => Expression.Condition(Truth(when), Value(then), Value(otherwise)),
        _ => Expression.Condition(Truth(term), Word(1), Word(0)),
    };

    private Expression Truth(Term term) => term switch
    {
        Term.Constant(var value) => Expression.Constant(value != 0),
        Term.Not(var of) => Expression.Not(Truth(of)),
        Term.Binary(Operator.And, var a, var b) => Expression.AndAlso(Truth(a), Truth(b)),
        Term.Binary(Operator.Or, var a, var b) => Expression.OrElse(Truth(a), Truth(b)),
        Term.Binary(Operator.Equal, Term.Read { Variable.IsScratch: false } a, Term.Constant b) => IsConstant(a.Variable, (ulong)b.Value),
        Term.Binary(Operator.Equal, var a, var b) => Expression.Equal(Value(a), Value(b)),
        Term.Binary(Operator.Less, var a, var b) => Expression.LessThan(Value(a), Value(b)),
        Term.Read { Variable.IsScratch: false } read => Expression.Not(IsConstant(read.Variable, 0)),
        _ => Expression.NotEqual(Value(term), Word(0)),
    };

    // Compared in place, without a shift.
    private BinaryExpression IsConstant(Variable variable, ulong value)
    {
        var (word, shift) = Place(variable);
        return Expression.Equal(Expression.And(_words[word], Word(Layout.Mask(variable) << shift)), Word(value << shift));
    }

    private Expression Read(Variable variable)
    {
        if (variable.IsScratch)
            return Scratch(variable);
        var (word, shift) = Place(variable);
        return Expression.And(Expression.RightShift(_words[word], Expression.Constant(shift)), Word(Layout.Mask(variable)));
    }

    private (int Word, int Shift) Place(Variable variable)
    {
        var place = layout[variable];
        _used |= 1 << place.Word;
        return place;
    }

    private ParameterExpression Scratch(Variable variable) =>
        _scratch.TryGetValue(variable, out var local) ? local : _scratch[variable] = Expression.Variable(typeof(ulong), variable.Name);

    private static ConstantExpression Word<T>(T value)
        where T : INumber<T> => Expression.Constant(ulong.CreateChecked(value));
}
