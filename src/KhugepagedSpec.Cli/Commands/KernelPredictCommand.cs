using System.CommandLine;
using System.Diagnostics;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Settings;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel predict</c>: what-if, held against what khugepaged then does.</summary>
internal static class KernelPredictCommand
{
    private const int Shown = 3, MostVmas = 1_000_000;

    public static Command Create()
    {
        var kernel = new KernelOption();
        var model = ModelOption.CreateForKernel("predict with");
        var count = Options.Number("--count", "VMAs, at least; each process has 16. Default: 320.");
        var seed = Options.Number("--seed", "Their seed. Default: a fresh one.");
        var file = new Argument<string?>("FILE")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "What capture wrote of real processes; - for standard input. Without it, generated ones.",
        };
        var aims = new AimOptions("With FILE, which of whatif's advice to try");
        var command = new Verb(
            "predict",
            "Hold whatif against a kernel under QEMU: capture a process, predict, let khugepaged do it, capture again.",
            """
            The captures are those of the command capture, through the guest's /proc. Each range that did not change while it was read
            must become what whatif predicted of it, and the memory added must be what it said.
            Of a FILE the memory of its processes is built in the guest, at the same addresses, the settings that whatif advises are set,
            and khugepaged scans until it makes nothing more. What a guest cannot have by touching memory is left out, and said: swapped
            out, in large folios, shared after fork, in no whole PMD range.
            Exit code 0: all as predicted; 1: something is not, or the guest was lost; 2: bad input; 3: interrupted, or FILE is a part,
            or a part of it was left out.

            Examples:
              khugepaged-spec kernel predict --kernel 7.2 --count 320 --seed 1
              khugepaged-spec kernel predict redis.jsonl --aim tlb --kernel 7.2
            """)
        { file, model, count, seed };
        aims.AddTo(command);
        kernel.AddTo(command);
        command.SetAction(parsed =>
        {
            var (aim, percent) = aims.Get(parsed);
            if (parsed.GetValue(file) is { } name)
            {
                if ((parsed.GetValue(count) ?? parsed.GetValue(seed)) is not null)
                    throw new UsageException($"{name}: --count and --seed are of generated processes: expected them without FILE");
                if (aim is null)
                    throw new UsageException($"{name}: expected --aim memory, tlb or balanced: which of whatif's advice to try");
                var ofFile = ModelOption.GetIfGiven(parsed, model);
                var captured = KernelPredictFile.Read(name);
                return KernelPredictFile.Run(kernel.Get(parsed, isModelled: ofFile is not null), ofFile, captured, aim.Value, percent);
            }
            if (aim is not null)
                throw new UsageException($"--aim {aim.ToString()!.ToLowerInvariant()}: expected it with FILE");
            int vmas = parsed.GetValue(count) ?? 320;
            if (vmas is < 1 or > MostVmas)
                throw new UsageException($"--count {vmas}: expected 1 to {MostVmas}");
            var version = ModelOption.GetIfGiven(parsed, model);
            var image = kernel.Get(parsed, isModelled: version is not null);
            return Run(image, version, LiveScenarios.BatchesOf(vmas),
                parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000_000));
        });
        return command;
    }

    private static int Run(CachedKernel kernel, KhugepagedVersion? version, int processes, int seed)
    {
        var interrupted = Interrupt.OfTheRun;
        var clock = Stopwatch.StartNew();
        using var prediction = new Prediction(kernel, version);
        var results = new List<PredictionResult>();
        TerminalProgress.Steps("predict", processes, advance =>
        {
            for (int number = 0; number < processes && !interrupted.IsCancellationRequested; number++)
            {
                try
                {
                    results.Add(prediction.Run((ulong)seed, number));
                }
                catch (GuestException) when (interrupted.IsCancellationRequested)
                {
                    // Ctrl-C ended the guest as well.
                    break;
                }
                advance();
            }
        });
        bool isRight = results.TrueForAll(result => result.IsRight);
        Line($"Linux {prediction.Abilities.Release} against {prediction.Model.Name}, seed {seed}");
        foreach (var lack in prediction.Abilities.Lacks)
            Line($"never occurred: {lack}");
        foreach (var wrong in results.SelectMany(result => result.Wrong).Take(Shown))
            Print(wrong, prediction.Model);
        foreach (var vma in results.SelectMany(result => result.Disagreeing).Take(Shown))
            Line($"DIFFERS from smaps: pages {vma.Vma.Start} to {vma.Vma.End - 1} {vma.Name}: here {vma.Pages}, smaps {vma.Smaps}");
        Line($"{results.Count} of {processes} processes captured, {results.Sum(result => result.Ranges)} PMD ranges, {results.Sum(result => result.Changed)} left out because they changed while they were read");
        Line($"{results.Sum(result => result.Made)} folios predicted; {results.Sum(result => result.Wrong.Length)} ranges became something else");
        Line($"pages added: {results.Sum(result => result.AddedPredicted)} predicted, {results.Sum(result => result.AddedSeen)} seen; {results.Sum(result => result.Disagreeing.Length)} VMAs differ from smaps; {clock.Elapsed.TotalSeconds:0.0} s");
        return !isRight ? ExitCode.Differ : results.Count < processes ? ExitCode.NotExhausted : ExitCode.Agree;
    }

    internal static void Print(WrongPrediction wrong, KhugepagedVersion model)
    {
        Line($"WRONG at {wrong.Address}");
        Line($"  before    {wrong.Before}");
        Line($"  predicted {wrong.Predicted}");
        Line($"  seen      {wrong.Seen}");
        Line($"  explain {Asked(wrong)} --model {model.AskedAs}\n");
    }

    // What the guest's machine has besides makes nothing else of one range.
    internal static Scenario Asked(WrongPrediction wrong)
    {
        var usual = ThpSettings.Defaults(wrong.Settings.Geometry);
        return Scenario.Of(wrong.Before) with
        {
            Vma = wrong.Vma,
            Settings = wrong.Settings with
            {
                PagesToScan = usual.PagesToScan,
                ScanSleepMilliseconds = usual.ScanSleepMilliseconds,
                AllocSleepMilliseconds = usual.AllocSleepMilliseconds,
                UseZeroPage = usual.UseZeroPage,
            },
        };
    }
}
