namespace ModelChecker.Guarded;

/// <summary>Where each variable lies in a packed state.</summary>
public sealed class Layout
{
    private readonly Dictionary<Variable, (int Word, int Shift)> _places = [];
    private readonly List<Variable> _variables = [];
    private readonly int[] _used = new int[PackedState.Words];

    /// <summary>All of them, in the order they were added.</summary>
    public IReadOnlyList<Variable> Variables => _variables;

    /// <summary>Adds a variable; none lies across two words.</summary>
    /// <exception cref="InvalidOperationException">The state is full.</exception>
    public Variable Add(Variable variable)
    {
        Place(variable, WordWith(variable.Bits, variable.Name));
        return variable;
    }

    /// <summary>Adds a group of variables that lies in one word, so that groups of one shape can be exchanged.</summary>
    /// <exception cref="InvalidOperationException">The state is full.</exception>
    public Block AddBlock(IReadOnlyList<Variable> variables)
    {
        int bits = variables.Sum(variable => variable.Bits), word = WordWith(bits, variables[0].Name);
        var block = new Block(word, _used[word], bits);
        foreach (var variable in variables)
            Place(variable, word);
        return block;
    }

    private void Place(Variable variable, int word)
    {
        _places.Add(variable, (word, _used[word]));
        _variables.Add(variable);
        _used[word] += variable.Bits;
    }

    private int WordWith(int bits, string name)
    {
        int word = Array.FindIndex(_used, used => used + bits <= 64);
        return word >= 0 ? word : throw new InvalidOperationException($"{name}: the state has no room left");
    }

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
