using System.Net.Sockets;
using System.Text;
using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Regressions;

/// <summary>What is said between this side and a guest's agent, with an agent of this side's.</summary>
public sealed class GuestKernelTests : IDisposable
{
    private const string Hello = "hello";

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200), Long = TimeSpan.FromSeconds(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // What each guest answers: h its greeting, a a step; then it is silent, or ends with a BUG on its console: k.
    [Theory]
    [InlineData("ha", 1, true)]
    [InlineData(",ha", 2, true)]
    [InlineData("h,ha", 2, true)]
    [InlineData("h,h,ha", 2, false)]
    [InlineData("k,ha", 2, true)]
    [InlineData("k,k,ha", 2, false)]
    [InlineData("hk,ha", 1, false)]
    public void A_guest_that_does_not_come_up_or_falls_silent_while_it_is_prepared_has_one_more_chance(string guests, int boots, bool isUp)
    {
        var answers = new Queue<string>(guests.Split(','));
        int booted = 0;
        string Boot() => GuestKernel.Boot(
            _ =>
            {
                booted++;
                return Answering(answers.Dequeue());
            },
            isKvm: false, cpus: 2, Patience, guest =>
            {
                guest.Take(0, "step");
                return guest.Greeting;
            });
        if (isUp)
            Assert.Equal(Hello, Boot());
        else
            Assert.Throws<GuestException>(() => Boot());
        Assert.Equal(boots, booted);
    }

    // An agent that answers the first when it has all of them is not waited for.
    [Fact]
    public void Requests_to_many_are_sent_before_the_first_is_answered()
    {
        const int many = 60;
        using var guest = With(agent =>
        {
            var requests = Enumerable.Range(0, many).Select(_ => agent.Read()).ToList();
            foreach (var (process, steps) in requests)
            {
                agent.Say('f', $"{process} {steps}");
                agent.Say('d', process == 7 ? "failed" : "");
            }
        });
        var answers = guest.TryEach(Enumerable.Range(1, many).Select(process => (process, $"step {process}")));
        Assert.Equal(
            Enumerable.Range(1, many).Select(process => ($"{process} step {process}", process == 7 ? "failed" : "")),
            answers.Select(answer => (Encoding.ASCII.GetString(answer.Parts.Single().Data), answer.Error)));
    }

    // Else both sides would wait for the other to read.
    [Fact]
    public void No_more_is_sent_ahead_than_the_guest_takes_while_it_answers()
    {
        const int many = 20, each = 50_000, answer = 500_000;
        using var guest = With(agent =>
        {
            for (int i = 0; i < many; i++)
            {
                agent.Read();
                agent.Say('f', new string('x', answer));
                agent.Say('d', "");
            }
        });
        var answers = guest.TakeEach(Enumerable.Range(1, many).Select(process => (process, new string('y', each))));
        Assert.Equal(Enumerable.Repeat(answer, many), answers.Select(parts => parts.Single().Data.Length));
    }

    [Fact]
    public void A_step_that_fails_where_nothing_can_is_the_guests_failure()
    {
        using var guest = With(agent =>
        {
            for (int i = 0; i < 2; i++)
            {
                agent.Read();
                agent.Say('d', i == 0 ? "" : "process died");
            }
        });
        var failure = Assert.Throws<GuestException>(() => guest.TakeEach([(1, "step"), (2, "step")]));
        Assert.Equal("the guest's agent: process died", failure.Message);
    }

    private GuestKernel With(Action<Machine> agent) => GuestKernel.Boot(
        _ =>
        {
            var machine = Answering("h");
            new Thread(() => machine.Until(agent)) { IsBackground = true }.Start();
            return machine;
        },
        isKvm: false, cpus: 2, Long, guest => guest);

    private Machine Answering(string answers) => new(Path.Combine(_folder, Path.GetRandomFileName()), answers);

    private sealed class Machine : IAgentMachine
    {
        private readonly Socket _agent;

        public Machine(string path, string answers)
        {
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            Connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            Connection.Connect(new UnixDomainSocketEndPoint(path));
            _agent = listener.Accept();
            foreach (char answer in answers)
            {
                if (answer == 'k')
                {
                    Splat = Splat.First(["kernel BUG at mm/khugepaged.c:1!"]);
                    _agent.Close();
                }
                else
                    Say(answer == 'h' ? 'h' : 'd', answer == 'h' ? Hello : "");
            }
        }

        public Socket Connection { get; }

        public IReadOnlyList<string> Console => Splat is null ? [] : [.. Splat.Lines];

        public Splat? Splat { get; }

        public void ForgetSplat()
        {
        }

        public void Dispose()
        {
            Connection.Dispose();
            _agent.Dispose();
        }

        // Until this side has given up.
        public void Until(Action<Machine> agent)
        {
            try
            {
                agent(this);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or EndOfStreamException)
            {
            }
        }

        // What the agent hears, and says.
        public (int Process, string Steps) Read()
        {
            byte[] header = Filled(8);
            return (BitConverter.ToInt32(header), Encoding.ASCII.GetString(Filled(BitConverter.ToInt32(header, 4))));
        }

        public void Say(char kind, string data)
        {
            int[] header = [0, kind, data.Length];
            byte[] part = [.. header.SelectMany(BitConverter.GetBytes), .. Encoding.ASCII.GetBytes(data)];
            for (int said = 0; said < part.Length;)
                said += _agent.Send(part.AsSpan(said));
        }

        private byte[] Filled(int length)
        {
            byte[] data = new byte[length];
            for (int got = 0; got < length;)
            {
                int more = _agent.Receive(data.AsSpan(got));
                got += more > 0 ? more : throw new EndOfStreamException();
            }
            return data;
        }
    }
}
