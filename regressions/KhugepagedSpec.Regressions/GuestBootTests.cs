using System.Net;
using System.Net.Sockets;
using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Regressions;

/// <summary>A guest that is lost before it was asked anything is booted once more; one that says what is wrong with it is not.</summary>
public sealed class GuestBootTests
{
    private const string Hello = "hello";

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    // What each guest answers: h its greeting, a a step; then it is silent, or ends with a BUG on its console: k.
    [Theory]
    [InlineData("ha", 1, true)]
    [InlineData(",ha", 2, true)]
    [InlineData("h,ha", 2, true)]
    [InlineData("h,h,ha", 2, false)]
    [InlineData("k,ha", 1, false)]
    [InlineData("hk,ha", 1, false)]
    public void One_that_falls_silent_while_it_is_prepared_has_one_more_chance(string guests, int boots, bool isUp)
    {
        var answers = new Queue<string>(guests.Split(','));
        int booted = 0;
        string Boot() => GuestKernel.Boot(
            _ =>
            {
                booted++;
                return new Machine(answers.Dequeue());
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

    private sealed class Machine : IAgentMachine
    {
        private readonly Socket _agent;

        public Machine(string answers)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            Connection = new Socket(SocketType.Stream, ProtocolType.Tcp);
            Connection.Connect(listener.LocalEndpoint);
            _agent = listener.AcceptSocket();
            foreach (char answer in answers)
            {
                if (answer == 'k')
                {
                    Splat = Splat.First(["kernel BUG at mm/khugepaged.c:1!"]);
                    _agent.Close();
                }
                else
                    Send(answer == 'h' ? ('h', Hello) : ('d', ""));
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

        private void Send((char Kind, string Data) part)
        {
            var words = new[] { 0, part.Kind, part.Data.Length };
            _agent.Send([.. words.SelectMany(BitConverter.GetBytes), .. System.Text.Encoding.ASCII.GetBytes(part.Data)]);
        }
    }
}
