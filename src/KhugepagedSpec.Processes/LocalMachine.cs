using System.Collections.Immutable;

namespace KhugepagedSpec.Processes;

/// <summary>This machine, of which processes are to be captured. Needs root.</summary>
public sealed class LocalMachine : IDisposable
{
    private readonly LocalProc _proc = new();
    private readonly MachineReader _reader;

    /// <summary>Looks at nothing yet.</summary>
    public LocalMachine() => _reader = new MachineReader(_proc, Environment.SystemPageSize, Environment.ProcessId);

    /// <summary>What a process amounts to in progress.</summary>
    public static int Parts => MachineReader.Parts;

    /// <summary>The processes meant, the oldest first.</summary>
    /// <exception cref="CaptureException">There is no such cgroup or unit, or nothing in it.</exception>
    public ImmutableArray<int> Choose(ProcessChoice choice) => _reader.Choose(choice);

    /// <summary>Captures processes one after the other, part by part, so that what was read before an interruption is kept.</summary>
    /// <param name="pids">Which, in order.</param>
    /// <param name="asked">How they were chosen, in words.</param>
    /// <param name="range">Only PMD ranges that overlap this, in bytes.</param>
    /// <param name="into">Made once there is something to tell it; told of each part as soon as it is read.</param>
    /// <param name="advance">Told how many of <see cref="Parts"/> of a process were gone through since the last time.</param>
    /// <param name="onSkipped">Told of each process that could not be read, or not to its end.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CaptureException">None can be read.</exception>
    public void Read(ImmutableArray<int> pids, string asked, (ulong Start, ulong End) range, Func<IMachineSink> into, Action<long> advance,
        Action<SkippedProcess> onSkipped, CancellationToken cancellation) =>
        _reader.Read(pids, asked, range, into, advance, onSkipped, cancellation);

    /// <summary>Lets go of the processes.</summary>
    public void Dispose() => _proc.Dispose();
}
