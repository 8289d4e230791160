using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>
/// Ctrl-C or SIGTERM ends what is being done, not the program, so that it says how far it came and clears up. Who does not
/// look at the token is ended after a while, at once by a second signal.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    // A batch of a guest takes some seconds; a guest ends with this process, however that ends.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Twice = TimeSpan.FromSeconds(0.5);

    private static Interrupt? s_ofTheRun;

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _signals;
    private readonly Interrupt? _before;
    private long _first;

    private Interrupt()
    {
        _before = Interlocked.Exchange(ref s_ofTheRun, this);
        _signals = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, Cancel))];
        Token = _source.Token;
    }

    /// <summary>Cancelled by the signal.</summary>
    public CancellationToken Token { get; }

    /// <summary>The token of the run under way.</summary>
    public static CancellationToken OfTheRun => s_ofTheRun?.Token ?? CancellationToken.None;

    /// <summary>Listens for a whole run.</summary>
    public static Interrupt ForTheRun() => new();

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
        Interlocked.CompareExchange(ref s_ofTheRun, _before, this);
        _source.Dispose();
    }

    private void Cancel(PosixSignalContext context)
    {
        context.Cancel = true;
        if (_source.IsCancellationRequested)
        {
            // timeout(1) and some shells signal a process and its group, which is one signal to whoever sent it.
            if (Stopwatch.GetElapsedTime(_first) > Twice)
                End();
            return;
        }
        _first = Stopwatch.GetTimestamp();
        _source.Cancel();
        Task.Delay(Patience).ContinueWith(_ => End(), TaskScheduler.Default);
    }

    private static void End()
    {
        ExitCode.Say("interrupted");
        Environment.Exit(ExitCode.NotExhausted);
    }
}

/// <summary>Ended by Ctrl-C or SIGTERM.</summary>
/// <param name="known">What is known all the same.</param>
internal sealed class InterruptedException(string known) : OperationCanceledException(known);
