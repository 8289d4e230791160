using System.Diagnostics;
using System.Net.Sockets;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// The machine that this process runs on: the agent is a child of it, and puts back what it set when it ends, which it does when this
/// process does.
/// </summary>
internal sealed class ThisMachine : IAgentMachine
{
    private readonly ConsoleTail _console = new();
    private readonly Process _agent;
    private readonly string _folder;
    private bool _isDisposed;

    public ThisMachine(TimeSpan timeout)
    {
        _folder = Directory.CreateTempSubdirectory("khugepaged-here-").FullName;
        using var socket = new AgentSocket(_folder);
        string agent = Agent.Path(Packages.Architecture.OfHost!);
        _agent = Process.Start(new ProcessStartInfo(agent, ["here", socket.Path]) { RedirectStandardError = true })!;
        _agent.ErrorDataReceived += (_, line) => Printed(line.Data);
        _agent.BeginErrorReadLine();
        if (socket.Accept(timeout) is not { } connection)
        {
            _agent.Kill();
            Directory.Delete(_folder, recursive: true);
            throw new GuestException("the agent did not start", Console);
        }
        Connection = connection;
    }

    public Socket Connection { get; }

    public IReadOnlyList<string> Console => _console.Lines;

    // The kernel's log is read by the agent, nothing of it is printed.
    public Splat? Splat => null;

    public void ForgetSplat()
    {
    }

    // The agent ends when all is put back.
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        Connection.Dispose();
        _agent.WaitForExit();
        _agent.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Printed(string? line)
    {
        if (line is not null)
            _console.Add(line);
    }
}
