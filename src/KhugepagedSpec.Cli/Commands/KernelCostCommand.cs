using System.CommandLine;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel cost</c>: what a kernel gains and spends on random tables, beside its model.</summary>
internal static class KernelCostCommand
{
    public static Command Create()
    {
        var kernel = new KernelOption(here: true);
        var model = ModelOption.CreateForKernel("count beside it");
        var tables = new CostTables(usualCount: 200);
        var against = new Option<string?>("--against")
        {
            Description = "Measure as well: how long khugepaged runs on the same tables on this kernel and on that of --kernel.",
            HelpName = "KERNEL",
        };
        var times = Options.Number("--times", "With --against: how often on each, in turn (5).");
        var json = new Option<bool>("--json") { Description = "Print the figures as JSON." };
        var command = new Verb(
            "cost",
            "Count what a kernel gains and spends on random tables, as its trace tells, beside its model.",
            """
            The tables are those of khugepaged-spec cost that a guest can be given, in their order. Locks and flushes leave no trace.
            With --against nothing is traced, and the time from khugepaged's wake-up to its sleep is measured on both kernels, pass by pass,
            each time in a guest that is booted for it, one at a time: the median and the spread, and what of it the model's counts explain.
            Exit code 0: kernel and model count the same; 1: they do not; 2: bad input; 3: interrupted, the figures are of the tables done.

            Examples:
              khugepaged-spec kernel cost --kernel 7.2 --uffd
              khugepaged-spec kernel cost --kernel 7.1 --max-ptes-none 0 --count 100
              khugepaged-spec kernel cost --kernel 7.1 --against 7.2 --max-ptes-none 0 --times 5
            """)
        { };
        kernel.AddTo(command);
        command.Add(model);
        tables.AddTo(command);
        command.Add(against);
        command.Add(times);
        command.Add(json);
        command.SetAction(parsed =>
        {
            var asked = tables.Get(parsed);
            var named = ModelOption.GetIfGiven(parsed, model);
            if (parsed.GetValue(times) is { } often && (often < 1 || parsed.GetValue(against) is null))
                throw new UsageException($"--times {often}: expected {(often < 1 ? "1 or more" : "it with --against")}");
            if (parsed.GetValue(against) is { } other)
            {
                if (named is not null)
                    throw new UsageException($"--model {named.Name} contradicts --against: expected one of them");
                return Time(asked, kernel.Get(parsed), kernel.Get(parsed, "--against", other), parsed.GetValue(times) ?? 5,
                    parsed.GetValue(json));
            }
            var image = kernel.Get(parsed, isModelled: named is not null);
            using var recording = new Recording(image, named);
            var version = named ?? recording.Abilities.KnownModel
                ?? throw new UsageException($"Linux {recording.Abilities.Release} is not modelled: expected --model NAME");
            var (seen, counted) = (default(CostSurvey), default(CostSurvey));
            int done = 0;
            TerminalProgress.Steps("tables", asked.Count, advance =>
            {
                foreach (var scenario in asked.Scenarios().Where(one => LiveRefusal.Of(one, recording.Abilities) is null).Take(asked.Count))
                {
                    if (Interrupt.OfTheRun.IsCancellationRequested)
                        break;
                    var (vector, error) = recording.Record(LiveInput.Of("cost", scenario, asked.Passes, beside: false));
                    if (vector is null)
                        throw new UsageException($"{scenario}: {error}");
                    seen += Of(vector);
                    counted += Of(vector, version);
                    done++;
                    advance();
                }
            });
            CostText.Print(asked, done,
            [
                new CostRow(version.Name, counted.Pages, counted.Cost),
                new CostRow($"Linux {recording.Abilities.Release}, seen", seen.Pages, seen.Cost, IsSeen: true),
            ], parsed.GetValue(json));
            bool same = seen.Pages == counted.Pages && seen.Cost with
            {
                WriteLocks = counted.Cost.WriteLocks,
                PmdFlushes = counted.Cost.PmdFlushes,
            } == counted.Cost;
            return !same ? ExitCode.Differ : done < asked.Count ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }

    private static int Time(CostRequest asked, CachedKernel first, CachedKernel second, int times, bool isJson)
    {
        var (here, there) = (KernelTimer.AbilitiesOf(first), KernelTimer.AbilitiesOf(second));
        var tables = KernelTimer.PossibleOnBoth(asked.Scenarios(), here, there).Take(asked.Count).ToList();
        var (one, other) = (Counted(here, tables, asked.Passes), Counted(there, tables, asked.Passes));
        TerminalProgress.Steps("times", 2 * times, advance =>
        {
            for (int time = 0; time < times && !Interrupt.OfTheRun.IsCancellationRequested; time++)
                // The one that comes first is now this, now that.
                for (int turn = 0; turn < 2; turn++)
                {
                    bool isFirst = (time + turn) % 2 == 0;
                    (isFirst ? one : other).Times.Add(
                        [.. KernelTimer.Run(isFirst ? first : second, tables, asked.Passes).Select(ran => ran.TotalMilliseconds)]);
                    advance();
                }
        });
        if (Interrupt.OfTheRun.IsCancellationRequested)
            throw new InterruptedException($"{other.Times.Count} of {times} times were measured");
        KernelTimeText.Print(asked, tables.Count, one, other, isJson);
        return ExitCode.Agree;
    }

    private static TimedKernel Counted(KernelAbilities kernel, List<Scenario> tables, int passes)
    {
        var version = kernel.KnownModel ?? throw new UsageException($"Linux {kernel.Release} is not modelled: expected one that is");
        var costs = new CollapseCost[passes];
        foreach (var scenario in tables)
            foreach (var (pass, run) in scenario.Run(version, passes).Index())
                costs[pass] += CollapseCost.Of(run.Report.Tables);
        return new TimedKernel(kernel.FullName, version.Name, [.. costs], []);
    }

    // One that came out otherwise than it was asked for is still one: the model is given what came out.
    private static CostSurvey Of(RecordedVector vector, KhugepagedVersion version)
    {
        var guest = new VectorMachine([vector], version);
        return CostSurvey.Of([.. vector.Passes.SelectMany(_ => guest.Pass().SelectMany(pass => pass.Tables))]);
    }

    private static CostSurvey Of(RecordedVector vector)
    {
        var attempts = vector.Passes.SelectMany(pass => pass.Attempts).ToList();
        var made = attempts.Where(attempt => attempt.Status == ScanResult.Succeed).ToList();
        long cleared = made.Sum(attempt => (long)(attempt.Isolate?.NoneOrZero ?? 0)), mapped = made.Sum(attempt => 1L << attempt.Order);
        return new(CostSurvey.MadeOf(attempts), new CollapseCost(vector.Passes.Sum(pass => (long)pass.Scans.Length), attempts.Count,
            attempts.Count - made.Count, 0, 0, mapped - cleared, cleared, mapped));
    }
}
