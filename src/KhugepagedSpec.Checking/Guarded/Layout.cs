namespace KhugepagedSpec.Checking.Guarded;

/// <summary>Where each variable lies in a packed state.</summary>
public sealed class Layout
{
    private readonly Dictionary<Variable, (int Word, int Shift)> _places = [];
    private readonly List<Variable> _variables = [];
    private int _word, _shift;

    /// <summary>All of them, in the order they were added.</summary>
    public IReadOnlyList<Variable> Variables => _variables;

    /// <summary>Adds a variable; none lies across two words.</summary>
    /// <exception cref="InvalidOperationException">The state is full.</exception>
    public Variable Add(Variable variable)
    {
        if (_shift + variable.Bits > 64)
            NextWord();
        if (_word >= PackedState.Words)
            throw new InvalidOperationException($"{variable.Name}: the state has no room left");
        _places.Add(variable, (_word, _shift));
        _variables.Add(variable);
        _shift += variable.Bits;
        return variable;
    }

    /// <summary>Adds a group of variables that lies in one word, so that groups of one shape can be exchanged.</summary>
    public Block AddBlock(IReadOnlyList<Variable> variables)
    {
        int bits = variables.Sum(variable => variable.Bits);
        if (_shift + bits > 64)
            NextWord();
        var block = new Block(_word, _shift, bits);
        foreach (var variable in variables)
            Add(variable);
        return block;
    }

    private void NextWord() => (_word, _shift) = (_word + 1, 0);

    /// <summary>The word and the lowest bit of a variable.</summary>
    public (int Word, int Shift) this[Variable variable] => _places[variable];

    /// <summary>A variable's value in a state.</summary>
    public int Get(in PackedState state, Variable variable)
    {
        var (word, shift) = _places[variable];
        return (int)(state.AsSpan()[word] >> shift & Mask(variable));
    }

    /// <summary>Gives a variable a value in a state.</summary>
    public void Set(ref PackedState state, Variable variable, int value)
    {
        var (word, shift) = _places[variable];
        ref ulong bits = ref state.AsWritableSpan()[word];
        bits = bits & ~(Mask(variable) << shift) | (ulong)value << shift;
    }

    /// <summary>The state with every variable at its initial value.</summary>
    public PackedState Initial()
    {
        var state = default(PackedState);
        foreach (var variable in _variables)
            Set(ref state, variable, variable.Initial);
        return state;
    }

    internal static ulong Mask(Variable variable) => (1ul << variable.Bits) - 1;

    /// <summary>Bits of one word.</summary>
    public readonly record struct Block(int Word, int Shift, int Bits)
    {
        internal ulong Get(in PackedState state) => state.AsSpan()[Word] >> Shift & (1ul << Bits) - 1;

        internal void Set(ref PackedState state, ulong value)
        {
            ref ulong bits = ref state.AsWritableSpan()[Word];
            bits = bits & ~((1ul << Bits) - 1 << Shift) | value << Shift;
        }
    }
}
