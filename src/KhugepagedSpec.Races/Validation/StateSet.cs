using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>A state, and which of the marked steps were taken since the trace allowed them.</summary>
internal readonly record struct Known(PackedState State, UInt128 Taken);

/// <summary>All states of the model that agree with what was observed so far.</summary>
internal sealed class StateSet
{
    private readonly SharedState _s;
    private readonly HashSet<Mark> _shown;
    private readonly TraceProgram?[] _programs = new TraceProgram?[1 + TraceModel.Slots];
    private readonly int _limit;
    private HashSet<Known> _states;
    private readonly PackedState _mask;
    private UInt128 _open;

    public StateSet(SharedState s, TraceProgram collapser, HashSet<Mark> shown, IEnumerable<PackedState> initial, int window, int limit)
    {
        (_s, _shown, _limit, _programs[0], _mask) = (s, shown, limit, collapser, WhatMatters(s, window));
        _states = [.. initial.Select(state => new Known(state.Masked(_mask), 0))];
        Most = _states.Count;
    }

    /// <summary>The most there were at once.</summary>
    public int Most { get; private set; }

    /// <summary>There are too many.</summary>
    public bool IsTooLarge { get; private set; }

    public bool IsEmpty => _states.Count == 0;

    public IEnumerable<PackedState> States => _states.Select(known => known.State);

    // What pages hold, what they should, and what is broken are other judges': no step waits for it. Of what stands for the rest of the
    // range it counts only whether anything is mapped.
    private static PackedState WhatMatters(SharedState s, int window)
    {
        var mask = default(PackedState);
        var ignored = s.Entries.SelectMany(entry => (Variable[])
        [
            entry.Expected, entry.IsGivenUp, entry.IsLost, entry.Source, entry.Fresh, entry.New, entry.Slot, s.Khugepaged.Copy(entry),
            s.Second.Copy(entry),
            .. entry.Index < window ? [] : (Variable[])[entry.Young, entry.Dirty, entry.Writable, entry.FreshReferences],
        ]).Append(s.Broken).ToHashSet();
        foreach (var variable in s.Layout.Variables.Where(variable => !ignored.Contains(variable)))
            s.Layout.Set(ref mask, variable, (1 << variable.Bits) - 1);
        return mask;
    }

    private static UInt128 Bit(int process, Mark mark) => process == 0 ? UInt128.One << (int)mark
        : UInt128.One << ((int)Mark.LockVma + ((process - 1) * Marks.PerTask) + (mark - Mark.LockVma));

    /// <summary>The trace says that a step begins: it may be taken from now on.</summary>
    public void Open(int process, params ReadOnlySpan<Mark> marks)
    {
        UInt128 bits = 0;
        foreach (var mark in marks)
            bits |= Bit(process, mark);
        _open |= bits;
        _states = [.. _states.Select(known => known with { Taken = known.Taken & ~bits })];
    }

    /// <summary>The trace says that a step was taken; one that the trace does not show is not asked for.</summary>
    public void Demand(int process, Mark mark)
    {
        if (!_shown.Contains(mark))
            return;
        UInt128 bit = Bit(process, mark);
        Close();
        _states.RemoveWhere(known => (known.Taken & bit) == 0);
        _open &= ~bit;
    }

    /// <summary>The same, if it began.</summary>
    public void DemandIfOpen(int process, Mark mark)
    {
        if ((_open & Bit(process, mark)) != 0)
            Demand(process, mark);
    }

    /// <summary>The trace says that a step is taken now.</summary>
    public void Take(int process, Mark mark)
    {
        Open(process, mark);
        Demand(process, mark);
    }

    /// <summary>Keeps the states that agree with a value.</summary>
    public void Keep(Func<PackedState, bool> agrees)
    {
        Close();
        _states.RemoveWhere(known => !agrees(known.State));
    }

    /// <summary>Somebody outside of the trace may have changed variables.</summary>
    public void Allow(params ReadOnlySpan<(Variable Variable, int Value)> values)
    {
        Close();
        var all = values.ToArray();
        _states = [.. _states, .. _states.Select(known =>
        {
            var state = known.State;
            foreach (var (variable, value) in all)
                _s.Layout.Set(ref state, variable, value);
            return known with { State = state };
        })];
    }

    /// <summary>A process begins a program.</summary>
    public void Begin(int process, TraceProgram program, int at)
    {
        var slot = _s.Processes[process - 1];
        _programs[process] = program;
        UInt128 mine = 0;
        for (var mark = Mark.LockVma; mark <= Mark.NotSeen; mark++)
            mine |= Bit(process, mark);
        _open &= ~mine;
        _states = [.. _states.Select(known =>
        {
            var state = known.State;
            foreach (var variable in (ReadOnlySpan<Variable>)[slot.Counter, slot.At, slot.Tlb, slot.TlbWritable, slot.Cached, slot.Pin,
                slot.PinIsOwn, slot.PinStays, slot.Seen, slot.Secondary, slot.IsStale, slot.InNeighbour, slot.FreesTable, .. slot.Gathered])
                _s.Layout.Set(ref state, variable, variable.Initial);
            _s.Layout.Set(ref state, slot.Counter, program.Start);
            _s.Layout.Set(ref state, slot.At, at);
            return new Known(state, known.Taken & ~mine);
        })];
    }

    /// <summary>A process that has just begun has the lock of another VMA.</summary>
    public void BeginUnderOtherVma(int process)
    {
        var (slot, program) = (_s.Processes[process - 1], _programs[process]!);
        var step = Means.At(program.Source, program.Start, Mark.LockVma);
        _states = [.. _states.Select(known =>
        {
            var state = known.State;
            _s.Layout.Set(ref state, slot.Counter, step.To);
            _s.Layout.Set(ref state, slot.InNeighbour, 1);
            _s.Layout.Set(ref state, _s.NeighbourLock.Readers, _s.Layout.Get(state, _s.NeighbourLock.Readers) + 1);
            return known with { State = state };
        })];
    }

    /// <summary>A process has dropped its locks. States in which it keeps them a while allow others nothing more.</summary>
    public void Finish(int process)
    {
        var program = _programs[process]!;
        Open(process, Mark.Unlock);
        Keep(state => program.IsDoneAt(LocationOf(state, program)));
    }

    /// <summary>A process has looked at the PMD entry by now.</summary>
    public void HasLooked(int process)
    {
        var program = _programs[process]!;
        Keep(state => program.Source.Steps[LocationOf(state, program)].All(step =>
            step.Function is not ("find_vma" or "handle_pte_fault")));
    }

    /// <summary>Where a process is.</summary>
    public static int LocationOf(in PackedState state, TraceProgram program) =>
        (int)(state.AsSpan()[program.Code.Word] >> program.Code.Shift & program.Code.Mask);

    /// <summary>What a process can do next in some state, or waits to do, in words.</summary>
    public IReadOnlyList<string> StepsOf(int process) => _programs[process] is not { } program ? []
        : [.. _states.Select(known => LocationOf(known.State, program)).Distinct().Order()
            .SelectMany(location => program.Source.Steps[location]).Select(step => $"{step.Function}: {step.Says}").Distinct()];

    /// <summary>Adds the states that hidden steps, and those that the trace allows by now, lead to.</summary>
    public void Close()
    {
        var open = new Queue<Known>(_states);
        while (_states.Count <= _limit && open.TryDequeue(out var known))
            for (int process = 0; process < _programs.Length; process++)
            {
                if (_programs[process] is not { } program)
                    continue;
                int location = LocationOf(known.State, program);
                for (int choice = 0; choice < program.Marks[location].Length; choice++)
                {
                    var mark = program.Marks[location][choice];
                    UInt128 bit = mark == Mark.Hidden || !_shown.Contains(mark) ? 0 : Bit(process, mark);
                    if ((bit & ~_open) != 0)
                        continue;
                    var next = known.State;
                    if (!program.Code.Compile(location, choice)(ref next))
                        continue;
                    var found = new Known(next.Masked(_mask), known.Taken | bit);
                    if (_states.Add(found))
                        open.Enqueue(found);
                }
            }
        Most = Math.Max(Most, _states.Count);
        IsTooLarge |= _states.Count > _limit;
    }
}
