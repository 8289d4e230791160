using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>A lock that one may hold.</summary>
internal sealed class Mutex(string name, Variable held)
{
    public Variable Held => held;

    /// <summary>Nobody holds it: a step under the lock that nothing else can see into waits for this and needs no more.</summary>
    public Term IsFree => held.Is(0);

    public Act Lock => new(IsFree, [held.Set(1), new Effect.LockUse(name, true, false) { IsSpin = true }]);

    public Act Unlock => new(Term.True, [held.Set(0), new Effect.LockUse(name, false, false)]);
}

/// <summary>A lock that one may hold for writing or several for reading.</summary>
internal sealed class ReadWriteLock(string name, Variable readers, Variable writer)
{
    public Variable Readers => readers;

    public Variable Writer => writer;

    public Term IsFree => readers.Is(0) & writer.Is(0);

    /// <summary>Takes it for reading; waits for a writer, and may sleep.</summary>
    public Act Read => new(writer.Is(0),
        [Effect.Sleeps(Safety.NobodySleepsAtomic), readers.Increase(), new Effect.LockUse(name, true, false)]);

    /// <summary>Takes it for reading where the step has made sure that it can.</summary>
    public Effect[] TryRead => [readers.Increase(), new Effect.LockUse(name, true, true)];

    public Act ReadUnlock => new(Term.True, [readers.Decrease(), new Effect.LockUse(name, false, false)]);

    public Act Write => new(IsFree, [Effect.Sleeps(Safety.NobodySleepsAtomic), writer.Set(1), new Effect.LockUse(name, true, false)]);

    /// <summary>Keeps new readers out; those inside may still be there.</summary>
    public Act KeepReadersOut =>
        new(writer.Is(0), [Effect.Sleeps(Safety.NobodySleepsAtomic), writer.Set(1), new Effect.LockUse(name, true, false)]);

    public Act WriteUnlock => new(Term.True, [writer.Set(0), new Effect.LockUse(name, false, false)]);

    /// <summary>Turns a write lock into a read lock.</summary>
    public Act Downgrade => new(Term.True, [writer.Set(0), readers.Increase()]);
}
