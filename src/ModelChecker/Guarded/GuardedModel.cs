using System.Collections.Immutable;
using ModelChecker.Exploration;

namespace ModelChecker.Guarded;

/// <summary>A step of one of the processes.</summary>
/// <param name="Process">Which process, from 0.</param>
/// <param name="Location">Where it starts.</param>
/// <param name="Choice">Which of that location's steps.</param>
public readonly record struct Move(byte Process, ushort Location, byte Choice);

/// <summary>What a search may leave out, because it could show nothing new.</summary>
[Flags]
public enum Reductions
{
    /// <summary>Nothing: every interleaving.</summary>
    None = 0,

    /// <summary>Orders of steps that commute with all that the other processes can still do.</summary>
    PartialOrder = 1,

    /// <summary>States that differ only in which of two equal processes is where.</summary>
    Symmetry = 2,

    /// <summary>
    /// Not sound, but a yardstick: nobody else runs while a process holds a lock that others wait for, or has interrupts off. What
    /// happens then is what would happen if every critical section were one step. Locks that are only tried do not count: to be
    /// turned away is an outcome.
    /// </summary>
    CriticalSectionsAreSteps = 4,
}

/// <summary>
/// Processes side by side over shared variables: any of them may take its next step, if its guard holds. Their state is a few words,
/// their steps are machine code.
/// </summary>
public sealed class GuardedModel : IModel<PackedState, Move>
{
    private readonly ImmutableArray<CompiledProgram> _programs;
    private readonly Reductions _reductions;
    private readonly (Layout.Block A, Layout.Block B)[] _twins;
    private readonly Variable _broken;
    private readonly GuardedModelParts _parts;
    private readonly bool[][]?[,] _commutes;
    private readonly int _deadlock;

    internal GuardedModel(
        GuardedModelParts parts, ImmutableArray<CompiledProgram> programs, PackedState initial, Reductions reductions,
            (Layout.Block, Layout.Block)[] twins)
    {
        (_parts, Layout, _broken, _deadlock) = (parts, parts.Layout, parts.Broken, parts.Properties.IndexOf(parts.Deadlock));
        (_programs, Initial, _reductions, _twins) = (programs, initial, reductions, twins);
        MostSuccessors = programs.Sum(program => program.Widest);
        _commutes = new bool[][]?[programs.Length, programs.Length];
        if (reductions.HasFlag(Reductions.PartialOrder))
            for (int p = 0; p < programs.Length; p++)
                for (int q = 0; q < programs.Length; q++)
                    if (p != q)
                        _commutes[p, q] = [.. programs[p].Here.Select(here => programs[q].Ahead.Select(here.CommutesWith).ToArray())];
    }

    /// <summary>A model of some programs.</summary>
    /// <param name="layout">Where their variables lie, <paramref name="broken"/> among them.</param>
    /// <param name="broken">Will hold the number of the property that was broken, from 1.</param>
    /// <param name="properties">What is judged; the first is broken by a deadlock.</param>
    /// <param name="programs">The processes.</param>
    /// <param name="reductions">What a search may leave out.</param>
    /// <param name="twins">Bits of equal processes, pair by pair.</param>
    public static GuardedModel Of(
        Layout layout, Variable broken, ImmutableArray<SafetyProperty> properties, IEnumerable<GuardedProgram> programs,
            Reductions reductions, params (Layout.Block, Layout.Block)[] twins)
    {
        var compiler = new StepCompiler(layout, broken, properties);
        return new GuardedModel(
            new GuardedModelParts(layout, compiler, broken, properties, [], properties[0]),
                [.. programs.Select(program => new CompiledProgram(program, layout, compiler))],
            layout.Initial(), reductions, twins);
    }

    /// <summary>Where each variable lies.</summary>
    public Layout Layout { get; }

    /// <summary>What the processes do.</summary>
    public IEnumerable<GuardedProgram> Programs => _programs.Select(program => program.Source);

    internal ImmutableArray<CompiledProgram> Compiled => _programs;

    /// <summary>What is judged; a judgement is an index into this.</summary>
    public ImmutableArray<SafetyProperty> Properties => _parts.Properties;

    internal ImmutableArray<(Term Holds, SafetyProperty Property)> AtRest => _parts.AtRest;

    internal Variable Broken => _broken;

    /// <inheritdoc/>
    public PackedState Initial { get; }

    /// <inheritdoc/>
    public int MostSuccessors { get; }

    /// <summary>The variables that some process touches, or that what must hold at rest looks at; scratch ones too.</summary>
    internal HashSet<Variable> VariablesInUse()
    {
        var used = new HashSet<Variable>([_broken]);
        foreach (var step in Programs.SelectMany(program => program.Steps).SelectMany(steps => steps))
            Visitor.Visit(step, used);
        foreach (var (holds, _) in AtRest)
            Visitor.Visit(holds, used);
        return used;
    }

    /// <summary>The step that a move takes.</summary>
    public Step StepOf(Move move) => _programs[move.Process].Source.Steps[move.Location][move.Choice];

    /// <summary>Where each process is.</summary>
    public int LocationOf(in PackedState state, int process)
    {
        var program = _programs[process];
        return (int)(state.AsSpan()[program.Word] >> program.Shift & program.Mask);
    }

    /// <inheritdoc/>
    public void Expand<TSink>(in PackedState state, ref TSink sink)
        where TSink : ISuccessors<PackedState, Move>, allows ref struct
    {
        if (_reductions.HasFlag(Reductions.PartialOrder))
            for (int process = 0; process < _programs.Length; process++)
                if (StandsAlone(state, process) && ExpandProcess(state, process, ref sink))
                    return;
        if (_reductions.HasFlag(Reductions.CriticalSectionsAreSteps))
            for (int process = 0; process < _programs.Length; process++)
                if (_programs[process].HoldsLock[LocationOf(state, process)])
                {
                    ExpandProcess(state, process, ref sink);
                    return;
                }
        ExpandEvery(state, ref sink);
    }

    /// <summary>Every successor, whatever could be left out.</summary>
    public void ExpandEvery<TSink>(in PackedState state, ref TSink sink)
        where TSink : ISuccessors<PackedState, Move>, allows ref struct
    {
        for (int process = 0; process < _programs.Length; process++)
            ExpandProcess(state, process, ref sink);
    }

    // A process whose next steps commute with everything that any other can still do may go first: the other orders lead to the
    // same states. Its steps must lead forwards, so that it cannot go first for ever.
    private bool StandsAlone(in PackedState state, int process)
    {
        int here = LocationOf(state, process);
        if (!_programs[process].GoesOn[here])
            return false;
        for (int other = 0; other < _programs.Length; other++)
            if (other != process && !_commutes[process, other]![here][LocationOf(state, other)])
                return false;
        return true;
    }

    private bool ExpandProcess<TSink>(in PackedState state, int process, ref TSink sink)
        where TSink : ISuccessors<PackedState, Move>, allows ref struct
    {
        var program = _programs[process];
        int location = LocationOf(state, process);
        var steps = program.At(location);
        bool any = false;
        var next = state;
        for (int choice = 0; choice < steps.Length; choice++)
        {
            if (!(steps[choice] ?? program.Compile(location, choice))(ref next))
                continue;
            any = true;
            Order(ref next);
            sink.Add(new Move((byte)process, (ushort)location, (byte)choice), next);
            next = state;
        }
        return any;
    }

    /// <inheritdoc/>
    public ulong Fingerprint(in PackedState state) => Mix(state.AsSpan());

    // Of states that differ only in which of two equal processes is where, always the same one goes on.
    private void Order(ref PackedState state)
    {
        foreach (var (a, b) in _twins)
        {
            ulong ofA = a.Get(state), ofB = b.Get(state);
            if (ofA <= ofB)
                continue;
            a.Set(ref state, ofB);
            b.Set(ref state, ofA);
        }
    }

    private static ulong Mix(ReadOnlySpan<ulong> words)
    {
        ulong a = 0x9E3779B97F4A7C15, b = 0xD6E8FEB86659FD93;
        for (int i = 0; i < words.Length; i += 2)
        {
            ulong high = Math.BigMul(words[i] ^ a, words[i + 1] ^ 0xA0761D6478BD642F, out ulong low);
            (a, b) = (b, high ^ low ^ 0x8EBC6AF09C88C6E3);
        }
        ulong top = Math.BigMul(a, b, out ulong bottom);
        ulong mixed = top ^ bottom;
        return mixed == 0 ? 1 : mixed;
    }

    /// <inheritdoc/>
    public int Judge(in PackedState state) => Layout.Get(state, _broken) - 1;

    /// <summary>True if every process is at its end.</summary>
    public bool HasEnded(in PackedState state)
    {
        for (int process = 0; process < _programs.Length; process++)
            if (!_programs[process].Source.EndsAt(LocationOf(state, process)))
                return false;
        return true;
    }

    /// <inheritdoc/>
    public int JudgeFinal(in PackedState state)
    {
        if (!HasEnded(state))
            return _deadlock;
        var copy = state;
        foreach (var (holds, property) in _parts.AtRestCode)
            if (!holds(ref copy))
                return property;
        return -1;
    }
}

/// <summary>What models over one layout share.</summary>
/// <param name="Layout">Where the variables lie.</param>
/// <param name="Compiler">Makes machine code.</param>
/// <param name="Broken">The number of the property that was broken, from 1.</param>
/// <param name="Properties">What is judged.</param>
/// <param name="AtRest">What must hold when every process has ended.</param>
/// <param name="Deadlock">Broken if some process has not ended though none can go on.</param>
internal sealed record GuardedModelParts(
    Layout Layout, StepCompiler Compiler, Variable Broken, ImmutableArray<SafetyProperty> Properties,
        ImmutableArray<(Term Holds, SafetyProperty Property)> AtRest,
    SafetyProperty Deadlock)
{
    public ImmutableArray<(Condition Holds, int Property)> AtRestCode { get; } =
        [.. AtRest.Select(condition => (Compiler.Compile(condition.Holds), Properties.IndexOf(condition.Property)))];
}
