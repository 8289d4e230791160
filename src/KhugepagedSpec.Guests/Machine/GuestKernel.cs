using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>What the agent answers with, one part of an answer.</summary>
/// <param name="Kind">s snapshot, t trace, n numbers, f file, c collapse's return, w wrong pages, h hello.</param>
/// <param name="Data">The part.</param>
internal readonly record struct AgentPart(char Kind, byte[] Data)
{
    /// <summary>The number that it is, or begins with.</summary>
    public long Number => BinaryPrimitives.ReadInt64LittleEndian(Data);
}

/// <summary>A running kernel with the agent in it: takes steps and answers them.</summary>
internal sealed class GuestKernel : IDisposable
{
    private const int HeaderBytes = 12, LongestPart = 1 << 24, MostAhead = 1 << 16, RoomOfEach = 1 << 10;

    private static readonly TimeSpan ToConnect = TimeSpan.FromSeconds(10);

    private readonly IAgentMachine _machine;
    private readonly TimeSpan _patience;
    private readonly bool _isEmulated;

    private GuestKernel(IAgentMachine machine, TimeSpan patience, bool isEmulated, int cpus)
    {
        (_machine, _patience) = (machine, patience);
        (_isEmulated, Cpus) = (isEmulated, cpus);
        machine.Connection.SendTimeout = machine.Connection.ReceiveTimeout = (int)patience.TotalMilliseconds;
    }

    /// <summary>Its CPUs.</summary>
    public int Cpus { get; }

    /// <summary>The kernel's release, version and what swap it has: the agent's greeting.</summary>
    public string Greeting { get; private set; } = "";

    /// <summary>Boots a kernel and prepares it. One that does not come up, or falls silent before it is prepared, is given a second chance:
    /// emulation fails now and then, and KVM where it is emulated.</summary>
    /// <param name="kernel">The kernel, with its machine.</param>
    /// <param name="patience">How long an answer may take.</param>
    /// <param name="prepare">What is done before the guest is asked anything; what it makes is the guest's owner.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static T Boot<T>(CachedKernel kernel, TimeSpan patience, Func<GuestKernel, T> prepare) =>
        Boot(isKvm => new Qemu(kernel, isKvm, ToConnect), Accelerator.IsKvm && kernel.Flavour.Architecture.IsOfHost, kernel.Machine.Cpus,
            patience, prepare);

    /// <summary>The same, on any machine.</summary>
    /// <param name="machine">Starts one, on KVM or emulated.</param>
    /// <param name="isKvm">There is KVM.</param>
    /// <param name="cpus">The machine's CPUs.</param>
    /// <param name="patience">How long an answer may take.</param>
    /// <param name="prepare">What is done before the guest is asked anything.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    internal static T Boot<T>(Func<bool, IAgentMachine> machine, bool isKvm, int cpus, TimeSpan patience, Func<GuestKernel, T> prepare)
    {
        bool isUp = false;
        try
        {
            return Prepared(new GuestKernel(machine(isKvm), patience, !isKvm, cpus), guest =>
            {
                isUp = true;
                return prepare(guest);
            });
        }
        catch (GuestException lost) when (isKvm || !isUp || lost.Splat is null)
        {
            if (isKvm)
                Accelerator.GiveUpKvm();
            return Prepared(new GuestKernel(machine(false), patience, isEmulated: true, cpus), prepare);
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
        return error.Length == 0 ? parts : throw OfAgent(error);
    }

    /// <summary>What the console showed is known: the next BUG or WARNING is a new one.</summary>
    public void ForgetSplat() => _machine.ForgetSplat();

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _machine.Dispose();

    /// <summary>The same, where what is reported may be longer than is to be kept.</summary>
    /// <param name="process">Which one; 0 is the agent itself.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="take">Told of each part.</param>
    /// <returns>What went wrong; empty if nothing.</returns>
    /// <exception cref="GuestException">The guest does not answer, or has ended.</exception>
    public string Take(int process, string steps, Action<AgentPart> take)
    {
        Send(Request(process, steps));
        return Answer(take);
    }

    /// <summary>Has processes take steps, one after another: so many are sent ahead that the guest need not wait until an answer was
    /// read.</summary>
    /// <param name="requests">Which process, and its steps.</param>
    /// <returns>What each reported, and what went wrong; empty if nothing.</returns>
    /// <exception cref="GuestException">The guest does not answer, or has ended.</exception>
    public List<(List<AgentPart> Parts, string Error)> TryEach(IEnumerable<(int Process, string Steps)> requests)
    {
        byte[][] asked = [.. requests.Select(one => Request(one.Process, one.Steps))];
        var answers = new List<(List<AgentPart>, string)>(asked.Length);
        for (int sent = 0, ahead = 0; answers.Count < asked.Length;)
        {
            int first = sent;
            while (sent < asked.Length && (sent == answers.Count || ahead + Room(sent) <= MostAhead))
                ahead += Room(sent++);
            if (first < sent)
                Send([.. asked[first..sent].SelectMany(request => request)]);
            ahead -= Room(answers.Count);
            var parts = new List<AgentPart>();
            string error = Answer(parts.Add);
            answers.Add((parts, error));
        }
        return answers;

        // Of the socket's; what finds none there waits for the guest, which may wait until its answers are read.
        int Room(int request) => asked[request].Length + RoomOfEach;
    }

    /// <summary>The same, where nothing can go wrong.</summary>
    /// <exception cref="GuestException">It does go wrong.</exception>
    public List<List<AgentPart>> TakeEach(IEnumerable<(int Process, string Steps)> requests) =>
        [.. TryEach(requests).Select(answer => answer.Error.Length == 0 ? answer.Parts : throw OfAgent(answer.Error))];

    private static byte[] Request(int process, string steps)
    {
        byte[] text = Encoding.ASCII.GetBytes(steps);
        byte[] request = new byte[8 + text.Length];
        BinaryPrimitives.WriteInt32LittleEndian(request, process);
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(4), text.Length);
        text.CopyTo(request, 8);
        return request;
    }

    private void Send(byte[] request)
    {
        try
        {
            for (int sent = 0; sent < request.Length;)
                sent += _machine.Connection.Send(request.AsSpan(sent));
        }
        catch (SocketException error)
        {
            throw Lost(error);
        }
    }

    private string Answer(Action<AgentPart> take)
    {
        while (true)
        {
            var part = Receive();
            if (part.Kind == 'd')
                return Encoding.ASCII.GetString(part.Data);
            take(part);
        }
    }

    /// <summary>Prepares the kernel that runs here.</summary>
    /// <param name="patience">How long an answer may take.</param>
    /// <param name="prepare">What is done before the kernel is asked anything.</param>
    /// <exception cref="GuestException">Its agent does not start.</exception>
    /// <exception cref="GuestUnavailableException">A compiler is missing.</exception>
    public static T Here<T>(TimeSpan patience, Func<GuestKernel, T> prepare) =>
        Prepared(new GuestKernel(new ThisMachine(ToConnect), patience, isEmulated: false, Environment.ProcessorCount), prepare);

    private static T Prepared<T>(GuestKernel guest, Func<GuestKernel, T> prepare)
    {
        try
        {
            guest.Greeting = Encoding.ASCII.GetString(guest.Receive().Data);
            guest.ForgetSplat();
            return prepare(guest);
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
        while (!buffer.IsEmpty)
        {
            int got;
            try
            {
                got = _machine.Connection.Receive(buffer);
            }
            catch (SocketException error)
            {
                throw Lost(error);
            }
            if (got == 0)
                throw Ended();
            buffer = buffer[got..];
        }
    }

    private GuestException Lost(SocketException error) => error.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
        ? Failed(FormattableString.Invariant($"the guest did not answer for {_patience.TotalSeconds:0} s")) : Ended();

    // The console's last words come a moment after the connection has ended.
    private GuestException Ended()
    {
        Thread.Sleep(300);
        var splat = _machine.Splat;
        string? agent = _machine.Console.LastOrDefault(line => line.StartsWith("agent: ", StringComparison.Ordinal));

        // Where the agent gives up the kernel panics, as init may not end.
        string? why = splat is null || splat.Kind.StartsWith("Kernel panic", StringComparison.Ordinal) ? agent ?? splat?.Lines[0]
            : splat.Lines[0];
        return Failed($"the guest ended{(why is null ? "" : $": {why.Trim()}")}");
    }

    private GuestException OfAgent(string error) => Failed($"the guest's agent: {error}");

    private GuestException Failed(string message)
    {
        var splat = _machine.Splat;
        return new GuestException(message, _machine.Console)
        {
            Splat = splat,
            IsOfEmulation = Emulation.MayHaveLost(splat, _isEmulated, Cpus),
        };
    }
}
