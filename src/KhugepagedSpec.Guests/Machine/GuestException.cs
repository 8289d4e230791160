namespace KhugepagedSpec.Guests.Machine;

/// <summary>A guest that cannot be booted, hung, or ended: one line, and the last lines of its console.</summary>
/// <param name="message">What happened, one line.</param>
/// <param name="console">The last lines of its console.</param>
public sealed class GuestException(string message, IReadOnlyList<string> console) : Exception(message)
{
    /// <summary>The last lines of the guest's console, oldest first.</summary>
    public IReadOnlyList<string> Console { get; } = console;

    /// <summary>What the kernel said was wrong, if it did.</summary>
    public Splat? Splat { get; init; }

    /// <summary>It may have been emulation that lost it, and not the kernel.</summary>
    public bool IsOfEmulation { get; init; }
}

/// <summary>Something the machine lacks to run guests at all; the message says, in one line, what to install or run.</summary>
/// <param name="message">One line.</param>
public sealed class GuestUnavailableException(string message) : Exception(message);
