using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KhugepagedSpec.Cli;

/// <summary>
/// Ctrl-C or SIGTERM ends what is being done, not the program, so that it says how far it came and clears up. Who does not
/// look at the token is ended after a while, at once by a second signal.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    // A batch of a guest takes some seconds; a guest ends with this process, however that ends.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Twice = TimeSpan.FromSeconds(0.5);

    private static readonly List<Interrupt> s_all = [];

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _signals;
    private readonly bool _isOfTheRun;
    private long _first;

    public Interrupt()
        : this(isOfTheRun: false)
    {
    }

    private Interrupt(bool isOfTheRun)
    {
        _isOfTheRun = isOfTheRun;
        lock (s_all)
            s_all.Add(this);
        _signals = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, Cancel))];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>The token of the whole run, for what has no interrupt of its own.</summary>
    public static CancellationToken OfTheRun
    {
        get
        {
            lock (s_all)
                return s_all.Find(one => one._isOfTheRun)?.Token ?? CancellationToken.None;
        }
    }

    /// <summary>Listens for a whole run.</summary>
    public static Interrupt ForTheRun() => new(isOfTheRun: true);

    /// <summary>What a signal does.</summary>
    public static void Raise()
    {
        Interrupt[] all;
        lock (s_all)
            all = [.. s_all];
        foreach (var one in all)
            one._source.Cancel();
    }

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
        lock (s_all)
            s_all.Remove(this);
        _source.Dispose();
    }

    private void Cancel(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!_isOfTheRun)
            return;
        if (_source.IsCancellationRequested)
        {
            // timeout(1) and some shells signal a process and its group, which is one signal to whoever sent it.
            if (Stopwatch.GetElapsedTime(_first) > Twice)
                End();
            return;
        }
        _first = Stopwatch.GetTimestamp();
        Raise();
        Task.Delay(Patience).ContinueWith(_ => End(), TaskScheduler.Default);
    }

    private static void End()
    {
        CommandLine.Refuse("interrupted");
        Environment.Exit(CommandLine.NotExhausted);
    }
}

/// <summary>Ended by Ctrl-C or SIGTERM.</summary>
/// <param name="known">What is known all the same.</param>
internal sealed class InterruptedException(string known) : OperationCanceledException(known);
