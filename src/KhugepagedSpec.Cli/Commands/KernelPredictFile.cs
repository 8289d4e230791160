using System.Collections.Immutable;
using System.Diagnostics;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>The advice of whatif on captured processes, set in a guest that has their memory.</summary>
internal static class KernelPredictFile
{
    private const int Shown = 3;

    /// <summary>The captures of a file, if they are of one time and no more than a guest has processes.</summary>
    /// <exception cref="UsageException">They are not.</exception>
    public static MachineCapture Read(string file) => CaptureFile.ReadAll(file) switch
    {
        { Length: > 1 } => throw new UsageException($"{file}: several captures, one after the other: expected one"),
        [var one] when one.Processes.Length > RebuiltMachine.MostProcesses => throw new UsageException(
            $"{file}: {one.Processes.Length} processes: expected {RebuiltMachine.MostProcesses} at most, as a guest has"),
        var all => all[0],
    };

    /// <summary>Builds, sets, scans, and says what came of it.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="version">What to predict with; null for what models the kernel.</param>
    /// <param name="machine">The captures.</param>
    /// <param name="aim">What the advice is to reach.</param>
    /// <param name="percent">What may be added at most, of what there is; null for the aim's own bound.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CachedKernel kernel, KhugepagedVersion? version, MachineCapture machine, Aim aim, double? percent)
    {
        int pageKb = machine.Processes[0].Head.PageBytes / 1024;
        if (pageKb != kernel.Flavour.PageKilobytes)
            throw new UsageException(
                $"--kernel {kernel.Name}: its pages are of {kernel.Flavour.PageKilobytes}k, those captured of {pageKb}k: expected the same");
        var interrupted = Interrupt.OfTheRun;
        var clock = Stopwatch.StartNew();
        var head = machine.Processes[0].Head;
        ImmutableArray<RebuildableProcess> all = [.. machine.Processes.Select(RebuildableProcess.Of)];
        PrintParts(head, all);
        ImmutableArray<RebuildableProcess> processes = [.. all.Where(process => process.Process.Pages.Anonymous > 0)];
        var built = machine with { Processes = [.. processes.Select(process => process.Process)] };
        if (built.Pages.Anonymous == 0)
        {
            Line($"nothing that a guest can be given: not tried");
            return ExitCode.NotExhausted;
        }
        var model = version ?? Catalogue.ForRelease(kernel.Release) ?? Catalogue.Linux72;
        var reports = WhatIfCases.Run(built, [.. WhatIfCases.Of(model, head, asked: null, type: null)], interrupted);
        if (Advice.Of(reports, built.Pages.Anonymous, aim, percent).Taken is not { } taken)
        {
            Line($"none of the settings that whatif tries is advised: not tried");
            return ExitCode.NotExhausted;
        }
        Line($"set, as advised ({aim.ToString().ToLowerInvariant()}): "
            + $"{SettingsText.SizesAndLimits(taken.Case.Settings, pageKb)}");
        int megabytes = RebuiltMachine.MegabytesFor(built.Pages.Anonymous + taken.Added, head.PageBytes);
        var image = kernel with
        {
            Machine = kernel.Machine with { MemoryMegabytes = Math.Max(kernel.Machine.MemoryMegabytes, megabytes) },
        };
        RebuiltResult? result = null;
        RebuiltMachine? guest = null;
        try
        {
            TerminalProgress.Steps("predict", processes.Length + taken.Scans, advance =>
            {
                guest = new RebuiltMachine(image, version);
                result = guest.Run(processes, taken.Case.Settings, advance);
            });
        }
        catch (GuestException) when (interrupted.IsCancellationRequested)
        {
            Line($"interrupted");
            return ExitCode.NotExhausted;
        }
        finally
        {
            guest?.Dispose();
        }
        Line($"Linux {guest!.Abilities.Release} against {guest.Model.Name}");
        Print(head, result!, guest.Model);
        bool isPart = machine.IsPartial || all.Any(process => !process.LeftOut.IsEmpty);
        Line($"{(!result!.IsRight ? "NOT as predicted" : isPart ? "as predicted, but for what was left out" : "as predicted")}; "
            + $"{clock.Elapsed.TotalSeconds:0.0} s");
        return !result.IsRight ? ExitCode.Differ : isPart ? ExitCode.NotExhausted : ExitCode.Agree;
    }

    private static string Name(RebuildableProcess process) => $"{process.Process.Head.Command} ({process.Process.Head.Pid})";

    private static void PrintParts(CaptureHead head, ImmutableArray<RebuildableProcess> processes)
    {
        foreach (var process in processes.Where(process => process.Pages > 0))
        {
            var (built, there) = (head.Kilobytes(process.Process.Pages.Anonymous), head.Kilobytes(process.Pages));
            Line($"{Name(process)}: {built:N0} kB to build, of {there:N0} kB in whole PMD ranges");
            foreach (var (why, ranges) in process.LeftOut)
                Line($"  left out: {ranges:N0} ranges ({why})");
        }
        if (processes.Count(process => process.Pages == 0) is > 0 and var without)
            Line($"{without} of {processes.Length} processes have nothing in whole PMD ranges");
    }

    private static void Print(CaptureHead head, RebuiltResult result, KhugepagedVersion model)
    {
        Line($"\n{"",-28}{"ranges",10}{"folios",10}{"added, predicted",20}{"seen",16}{"large, predicted",20}{"seen",16}");
        foreach (var (asked, _, of, large, largePredicted) in result.Processes)
        {
            Line($"{Columns.Cut(Name(asked), 27),-28}{of.Ranges,10:N0}{of.Made,10:N0}{Kb(of.AddedPredicted),20}{Kb(of.AddedSeen),16}"
                + $"{Kb(largePredicted),20}{Kb(large),16}");
        }
        Line($"full scans until nothing is made: {result.ScansPredicted} predicted, {result.ScansSeen} seen");
        foreach (var process in result.Processes.Where(process => process.NotAsCaptured > 0))
            Line($"{Name(process.Asked)}: {process.NotAsCaptured} ranges were built otherwise than captured");
        foreach (var wrong in result.Processes.SelectMany(process => process.Result.Wrong).Take(Shown))
            KernelPredictCommand.Print(wrong, model);

        string Kb(long pages) => FormattableString.Invariant($"{head.Kilobytes(pages):N0} kB");
    }
}
