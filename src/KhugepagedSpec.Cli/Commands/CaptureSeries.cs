using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Processes;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>Captures again and again, into one file. What was whole stays so, however it ends.</summary>
/// <param name="choice">Which processes; cgroups are looked at anew each time.</param>
/// <param name="every">From the beginning of one to that of the next.</param>
/// <param name="count">How many.</param>
internal sealed class CaptureSeries(ProcessChoice choice, TimeSpan every, int count)
{
    private bool _differs, _isPartial;

    /// <summary>Takes them.</summary>
    /// <param name="to">The file; null for none.</param>
    /// <param name="interrupted">Ends it.</param>
    /// <returns>The exit code.</returns>
    public int Run(OutputFile? to, CancellationToken interrupted)
    {
        CaptureFile? file = null;
        int whole = 0;
        try
        {
            for (int number = 1; number <= count && !interrupted.IsCancellationRequested; number++)
            {
                var begun = DateTime.UtcNow;
                var summary = new MachineBuilder(isSummary: true);
                try
                {
                    LiveCapture.Read(choice, LiveCapture.Everything, () => Into(summary), interrupted);
                }
                catch (CaptureException error) when (number > 1)
                {
                    _isPartial = true;
                    ExitCode.Say($"capture {number} of {count}: {error.Message}");
                    if (choice is { Cgroups: [], Units: [], IsAll: false })
                        break;
                }
                if (summary.Captures is [var machine])
                    whole += Print(machine, number) ? 1 : 0;
                if (number < count)
                    Wait(begun + every - DateTime.UtcNow, number, interrupted);
            }
        }
        finally
        {
            if (file is not null)
                to!.Guarded(file.Dispose);
        }
        string where = to is null ? "" : $", in {to.Name}", why = interrupted.IsCancellationRequested ? "; interrupted" : "";
        Line($"{whole} of {count} captures are whole{where}{why}");
        return _differs ? ExitCode.Differ : _isPartial || whole < count ? ExitCode.NotExhausted : ExitCode.Agree;

        IMachineSink Into(MachineBuilder summary)
        {
            if (to is null)
                return summary;
            if (file is null)
                LiveCapture.SayPriority();
            return new MachineTee(summary, file ??= new CaptureFile(to.Open()));
        }
    }

    private bool Print(MachineCapture machine, int number)
    {
        var head = machine.Processes[0].Head;
        _differs |= machine.Processes.Any(process => process.Disagreeing.Any() || process.RollupDiffers);
        _isPartial |= machine.IsPartial;
        Line($"{number} of {count}, {machine.Head.At:HH:mm:ss} UTC: {machine.Processes.Length} processes, "
            + $"{head.Kilobytes(machine.Pages.Anonymous):N0} kB anonymous, {head.Kilobytes(machine.Pages.Large):N0} kB of it large; "
            + $"{MachineText.Ending(machine)}");
        return machine.Ending == CaptureEnding.Complete;
    }

    private void Wait(TimeSpan time, int number, CancellationToken interrupted)
    {
        if (time <= TimeSpan.Zero)
            return;
        const int steps = 1000;
        TerminalProgress.Amounts(Said($"{number} of {count}, waits for the next"), steps, advance =>
        {
            for (int step = 0; step < steps && !interrupted.WaitHandle.WaitOne(time / steps); step++)
                advance(1);
        });
    }
}
