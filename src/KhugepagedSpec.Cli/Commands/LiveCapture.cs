using System.Collections.Immutable;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>Reads live processes for a command, with progress, at a low priority.</summary>
internal static class LiveCapture
{
    /// <summary>All of a process.</summary>
    public static (ulong Start, ulong End) Everything => (0, ulong.MaxValue);

    /// <summary>Captures the processes chosen. A line on stderr tells of each that could not be read, if there are others.</summary>
    /// <param name="choice">Which.</param>
    /// <param name="range">Only PMD ranges that overlap this, in bytes.</param>
    /// <param name="into">Made once there is something to tell it.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CaptureException">None can be read.</exception>
    public static void Read(ProcessChoice choice, (ulong Start, ulong End) range, Func<IMachineSink> into, CancellationToken cancellation)
    {
        using var machine = new LocalMachine();
        var pids = machine.Choose(choice);
        var lines = new List<string>();
        string name = pids.Length == 1 ? FormattableString.Invariant($"capture {pids[0]}")
            : FormattableString.Invariant($"capture {pids.Length} processes");
        using (new LowPriority())
            TerminalProgress.Amounts(name, (long)pids.Length * LocalMachine.Parts, advance => machine.Read(
                pids, choice.ToString(), range, into, advance, one => lines.Add(one.Why), cancellation));
        if (pids.Length > 1)
            foreach (string line in lines)
                ExitCode.Say($"{line}; the others are read");
    }

    /// <summary>Says once that the machine that is looked at is spared.</summary>
    public static void SayPriority() =>
        ExitCode.Say(FormattableString.Invariant($"reads live processes with nice {LowPriority.Nice} and idle I/O; none is stopped"));
}

/// <summary>Tells two of each part.</summary>
internal sealed record MachineTee(IMachineSink One, IMachineSink Other) : IMachineSink
{
    public void Add(MachineHead head) => Both(sink => sink.Add(head));

    public void Add(SkippedProcess skipped) => Both(sink => sink.Add(skipped));

    public void Add(CaptureHead head) => Both(sink => sink.Add(head));

    public void Add(CapturedRange range) => Both(sink => sink.Add(range));

    public void Add(CapturedVma vma) => Both(sink => sink.Add(vma));

    public void Add(CaptureEnd end) => Both(sink => sink.Add(end));

    public void End(CaptureEnding ending, ImmutableArray<CgroupFigures> cgroups) => Both(sink => sink.End(ending, cgroups));

    private void Both(Action<IMachineSink> tell)
    {
        tell(One);
        tell(Other);
    }
}
