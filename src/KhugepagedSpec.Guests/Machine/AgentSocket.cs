using System.Net.Sockets;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>Where an agent is waited for: a socket in a folder of its own.</summary>
internal sealed class AgentSocket : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Listens.</summary>
    /// <param name="folder">The folder, which is there.</param>
    public AgentSocket(string folder)
    {
        Path = System.IO.Path.Combine(folder, "agent");
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen(1);
    }

    /// <summary>The socket's path.</summary>
    public string Path { get; }

    /// <summary>The agent's end; null if it does not come in time.</summary>
    public Socket? Accept(TimeSpan timeout) => _listener.Poll(timeout, SelectMode.SelectRead) ? _listener.Accept() : null;

    /// <summary>Listens no more.</summary>
    public void Dispose() => _listener.Dispose();
}
