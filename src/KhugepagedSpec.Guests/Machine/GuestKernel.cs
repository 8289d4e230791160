using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>What the agent answers with, one part of an answer.</summary>
/// <param name="Kind">s snapshot, t trace, n numbers, f file, c collapse's return, w wrong pages, h hello.</param>
/// <param name="Data">The part.</param>
internal readonly record struct AgentPart(char Kind, byte[] Data);

/// <summary>A running kernel with the agent in it: takes steps and answers them.</summary>
internal sealed class GuestKernel : IDisposable
{
    private const int HeaderBytes = 12, LongestPart = 1 << 24;

    private readonly Qemu _qemu;
    private readonly TimeSpan _patience;

    private GuestKernel(Qemu qemu, TimeSpan patience)
    {
        _qemu = qemu;
        _patience = patience;
    }

    /// <summary>The kernel's release, version and what swap it has: the agent's greeting.</summary>
    public string Greeting { get; private set; } = "";

    /// <summary>Boots a kernel. One that does not come up is given a second chance: emulation fails now and then, and KVM where it is
    /// emulated.</summary>
    /// <param name="image">The kernel's image.</param>
    /// <param name="modules">Modules to insert, in order.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="patience">How long an answer may take.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static GuestKernel Boot(string image, IReadOnlyList<string> modules, GuestMachine machine, TimeSpan patience)
    {
        bool isKvm = Accelerator.IsKvm;
        try
        {
            return BootOnce(image, modules, machine, isKvm, patience);
        }
        catch (GuestException)
        {
            if (isKvm)
                Accelerator.GiveUpKvm();
            return BootOnce(image, modules, machine, isKvm: false, patience);
        }
    }

    /// <summary>Has a process take steps, one a line.</summary>
    /// <param name="process">Which one; 0 is the agent itself.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="error">What went wrong; empty if nothing.</param>
    /// <returns>What the steps reported.</returns>
    /// <exception cref="GuestException">The guest does not answer, or has ended.</exception>
    public List<AgentPart> Take(int process, string steps, out string error)
    {
        var parts = new List<AgentPart>();
        error = Take(process, steps, parts.Add);
        return parts;
    }

    /// <summary>The same, where nothing can go wrong.</summary>
    /// <exception cref="GuestException">It does go wrong.</exception>
    public List<AgentPart> Take(int process, string steps)
    {
        var parts = Take(process, steps, out string error);
        return error.Length == 0 ? parts : throw Failed($"the guest's agent: {error}");
    }

    /// <summary>What the console showed is known: the next BUG or WARNING is a new one.</summary>
    public void ForgetSplat() => _qemu.ForgetSplat();

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _qemu.Dispose();

    /// <summary>The same, where what is reported may be longer than is to be kept.</summary>
    /// <param name="process">Which one; 0 is the agent itself.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="take">Told of each part.</param>
    /// <returns>What went wrong; empty if nothing.</returns>
    /// <exception cref="GuestException">The guest does not answer, or has ended.</exception>
    public string Take(int process, string steps, Action<AgentPart> take)
    {
        byte[] text = Encoding.ASCII.GetBytes(steps);
        byte[] request = new byte[8 + text.Length];
        BinaryPrimitives.WriteInt32LittleEndian(request, process);
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(4), text.Length);
        text.CopyTo(request, 8);
        try
        {
            for (int sent = 0; sent < request.Length;)
                sent += _qemu.Connection.Send(request.AsSpan(sent));
        }
        catch (SocketException)
        {
            throw Ended();
        }
        while (true)
        {
            var part = Receive();
            if (part.Kind == 'd')
                return Encoding.ASCII.GetString(part.Data);
            take(part);
        }
    }

    private static GuestKernel BootOnce(string image, IReadOnlyList<string> modules, GuestMachine machine, bool isKvm, TimeSpan patience)
    {
        var guest = new GuestKernel(new Qemu(image, modules, machine, isKvm, TimeSpan.FromSeconds(10)), patience);
        try
        {
            guest.Greeting = Encoding.ASCII.GetString(guest.Receive().Data);
            guest.ForgetSplat();
            return guest;
        }
        catch
        {
            guest.Dispose();
            throw;
        }
    }

    private AgentPart Receive()
    {
        byte[] header = new byte[HeaderBytes];
        Fill(header);
        int length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8));
        if (length is < 0 or > LongestPart)
            throw Failed($"the guest's agent sent a part of {length} bytes");
        byte[] data = new byte[length];
        Fill(data);
        return new AgentPart((char)BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)), data);
    }

    private void Fill(Span<byte> buffer)
    {
        _qemu.Connection.ReceiveTimeout = (int)_patience.TotalMilliseconds;
        while (!buffer.IsEmpty)
        {
            int got;
            try
            {
                got = _qemu.Connection.Receive(buffer);
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                throw Failed(FormattableString.Invariant($"the guest did not answer for {_patience.TotalSeconds:0} s"));
            }
            catch (SocketException)
            {
                throw Ended();
            }
            if (got == 0)
                throw Ended();
            buffer = buffer[got..];
        }
    }

    // The console's last words come a moment after the connection has ended.
    private GuestException Ended()
    {
        Thread.Sleep(300);
        var splat = _qemu.Splat;
        string? agent = _qemu.Console.LastOrDefault(line => line.StartsWith("agent: ", StringComparison.Ordinal));

        // Where the agent gives up the kernel panics, as init may not end.
        string? why = splat is null || splat.Kind.StartsWith("Kernel panic", StringComparison.Ordinal) ? agent ?? splat?.Lines[0]
            : splat.Lines[0];
        return Failed($"the guest ended{(why is null ? "" : $": {why.Trim()}")}");
    }

    private GuestException Failed(string message) => new(message, _qemu.Console) { Splat = _qemu.Splat };
}
