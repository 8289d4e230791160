namespace ModelChecker.Exploration;

/// <summary>Something whose every behaviour can be searched: a first state, and what each state can become.</summary>
/// <typeparam name="TState">A state: plain bits.</typeparam>
/// <typeparam name="TAction">What leads from one state to the next.</typeparam>
public interface IModel<TState, TAction>
    where TState : unmanaged
{
    /// <summary>The first state; a model with several begins with a choice.</summary>
    TState Initial { get; }

    /// <summary>No state has more successors.</summary>
    int MostSuccessors { get; }

    /// <summary>Hands every successor of a state to <paramref name="sink"/>; always in the same order.</summary>
    void Expand<TSink>(in TState state, ref TSink sink)
        where TSink : ISuccessors<TState, TAction>, allows ref struct;

    /// <summary>64 bits that stand for the state; the same for states that need not be told apart. Never 0.</summary>
    ulong Fingerprint(in TState state);

    /// <summary>What is wrong with a state: the number of a property, or -1.</summary>
    int Judge(in TState state);

    /// <summary>What is wrong with a state that has no successor: the number of a property, or -1.</summary>
    int JudgeFinal(in TState state);
}

/// <summary>Takes the successors of a state.</summary>
/// <typeparam name="TState">A state.</typeparam>
/// <typeparam name="TAction">What leads there.</typeparam>
public interface ISuccessors<TState, TAction>
{
    /// <summary>Takes one.</summary>
    void Add(TAction action, in TState next);
}
