using KhugepagedSpec.Checking.Guarded;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>A lock that one may hold.</summary>
internal sealed class Mutex(string name, Variable held)
{
    public Variable Held => held;

    /// <summary>Nobody holds it: a step under the lock that nothing else can see into waits for this and needs no more.</summary>
    public Term IsFree => held.Is(0);

    public Act Lock => new(IsFree, [held.Set(1), new Effect.LockUse(name, true, false)]);

    public Act Unlock => new(Term.True, [held.Set(0), new Effect.LockUse(name, false, false)]);

    /// <summary>Takes it where the step has made sure that it is free.</summary>
    public Effect[] Trylock => [held.Set(1), new Effect.LockUse(name, true, true)];
}

/// <summary>A lock that one may hold for writing or several for reading.</summary>
internal sealed class ReadWriteLock(string name, Variable readers, Variable writer)
{
    public Variable Readers => readers;

    public Variable Writer => writer;

    public Term IsFree => readers.Is(0) & writer.Is(0);

    public Act Read => new(writer.Is(0), [readers.Increase(), new Effect.LockUse(name, true, false)]);

    public Act ReadUnlock => new(Term.True, [readers.Decrease(), new Effect.LockUse(name, false, false)]);

    public Act Write => new(IsFree, [writer.Set(1), new Effect.LockUse(name, true, false)]);

    public Act WriteUnlock => new(Term.True, [writer.Set(0), new Effect.LockUse(name, false, false)]);

    /// <summary>Turns a write lock into a read lock.</summary>
    public Act Downgrade => new(Term.True, [writer.Set(0), readers.Increase()]);
}
