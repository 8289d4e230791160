using System.Net.Sockets;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>A machine that the agent runs on.</summary>
internal interface IAgentMachine : IDisposable
{
    /// <summary>The agent's end.</summary>
    Socket Connection { get; }

    /// <summary>The last lines that it printed, oldest first.</summary>
    IReadOnlyList<string> Console { get; }

    /// <summary>What they show of the kernel's first BUG, WARNING or oops; null if nothing.</summary>
    Splat? Splat { get; }

    /// <summary>What is shown so far is known: the next is a new one.</summary>
    void ForgetSplat();
}
