using System.Collections.Immutable;
using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel compare</c>: a model against a running kernel.</summary>
internal static class KernelCompareCommand
{
    private static readonly TimeSpan MostDiagnosing = TimeSpan.FromMinutes(1);
    private static readonly int MostGuests = Math.Max(16, Environment.ProcessorCount);

    public static Command Create()
    {
        var kernel = new KernelOption(here: true);
        var model = ModelOption.CreateForKernel("hold against it");
        var count = Options.Number("--count", "Scenarios, at least; they come in batches of 16. Default: 2000.");
        var seed = Options.Number("--seed", "The scenarios' seed. Default: a fresh one.");
        var guests = Options.Number("--guests", "Guests at once. Default: one a CPU.");
        var output = new Option<string?>("--out")
        {
            Description = "Keep what is done in FILE; given again, go on from there.",
            HelpName = "FILE"
        };
        var json = new Option<bool>("--json") { Description = "Print the outcome as JSON." };
        var ktap = Ktap.Option();
        var bisect = new Option<bool>(
            Bisection.Name)
        {
            Description =
                "Exit codes for git bisect run: 0 good, 1 bad, 125 nothing was judged. Ends at the first difference."
        };
        var machine = MachineOption.Create("The machine that the model is held to be: who shares accessed bits. Default: the guest's own.");
        var c = ReproducerOption.Create("the smallest table on which they differ");
        var command = new Verb(
            "compare",
            "Hold a model against a kernel under QEMU: fresh page tables, pass by pass, attempt by attempt.",
            """
            The scenarios are those of the properties, of what user space can build. Compared are scans, attempts with offsets, tables
            and folios, statistics, vmstat, contents. The contract judges the kernel's own passes. The first difference is shrunk
            on the kernel and shown to a second boot. What differs is diagnosed, as by khugepaged-spec diagnose, for a minute at most.
            What the kernel lacks (swap, memory cgroups, KSM, guards) never occurs, and is said.
            Exit code 0: all agree; 1: something differs, or a guest was lost; 2: bad input; 3: interrupted, or all that was
            looked at agrees, and something was not that other kernels of the release have.

            Examples:
              khugepaged-spec kernel compare --kernel 7.2 --count 2000 --seed 1
              khugepaged-spec kernel compare --kernel ~/linux --count 320 --c difference.c
              khugepaged-spec kernel compare --here --count 320
              git bisect run sh -c 'make -j8 bzImage || exit 125; khugepaged-spec kernel compare --kernel . --bisect --seed 1'
            """)
        { model, machine, count, seed, guests, output, json, ktap, bisect, c };
        kernel.AddTo(command);
        var with = WithOption.AddTo(command);
        command.SetAction(parsed =>
        {
            int scenarios = AtLeastOne("--count", parsed.GetValue(count) ?? 2000);
            var version = ModelOption.GetIfGiven(parsed, model);
            int many = AtLeastOne("--guests", parsed.GetValue(guests) ?? Environment.ProcessorCount);
            if (many > MostGuests)
                throw new UsageException(
                    $"--guests {many}: expected 1 to {MostGuests}: each is a machine of its own, with 1 GB of memory or --memory");
            Ktap.RefuseBoth(parsed.GetValue(ktap), parsed.GetValue(json));
            var kept = OutputFile.Journal("--out", parsed.GetValue(output));
            var program = OutputFile.Of(c.Name, parsed.GetValue(c));
            if (program is not null && parsed.GetValue(bisect))
                throw new UsageException($"--c contradicts {Bisection.Name}, which makes nothing small: expected one of them");
            int fresh = parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000_000);
            var image = kernel.Get(parsed, isModelled: version is not null);
            image = image with { Machine = image.Machine with { ModelledAs = MachineOption.Get(parsed, machine) } };
            Action<LiveOutcome> print = parsed.GetValue(json) ? PrintJson : parsed.GetValue(ktap) ? outcome =>
                Ktap.Print(KernelKtap.Of(outcome)) : KernelCompareText.Print;
            if (image.IsHere && parsed.GetValue(guests) is > 1)
                throw new UsageException($"--guests {many}: this machine is one: expected 1 with --here");
            if (image.IsHere)
                many = 1;
            if (program is not null)
                print += outcome => ReproducerOption.Write(program, outcome);
            return Run(image, abilities => with.Change(parsed, version ?? abilities.Model), scenarios, (ulong)fresh, many, kept, print,
                parsed.GetValue(bisect));
        });
        return command;
    }

    private static int AtLeastOne(string option, int value) =>
        value >= 1 ? value : throw new UsageException($"{option} {value}: expected 1 or more");

    private static int Run(CachedKernel kernel, Func<KernelAbilities, KhugepagedVersion> version, int count, ulong seed, int guests,
        OutputFile? kept, Action<LiveOutcome> print, bool isBisection)
    {
        var clock = Stopwatch.StartNew();
        int batches = LiveScenarios.BatchesOf(count);
        using var comparison = new LiveComparison(kernel, version, Math.Min(guests, batches)) { EndsAtFirst = isBisection };
        var plan = new LivePlan(comparison.Abilities.FullName, comparison.Model.FullName, seed);
        var earlier = kept is { Exists: true } ? LiveJournal.Read(kept.Name, plan) : [];
        var finished = earlier.Where(batch => batch.Number < batches).ToDictionary(batch => batch.Number);
        var results = new List<BatchResult>(finished.Values);
        using (var writer = kept?.Begin(path => LiveJournal.Begin(path, plan, earlier), to => LiveJournal.Begin(to, plan, earlier)))
        {
            TerminalProgress.Steps("compare", batches - finished.Count, advance => comparison.Run(
                seed, Enumerable.Range(0, batches).Where(number => !finished.ContainsKey(number)), batch =>
                {
                    results.Add(batch);
                    if (writer is not null)
                        kept!.Guarded(() => LiveJournal.Append(writer, batch));
                    advance();
                }, Interrupt.OfTheRun));
        }
        var outcome = new LiveOutcome(plan, comparison, results, finished.Values.Sum(batch => batch.Scenarios), batches - results.Count,
            guests, clock.Elapsed);
        if (!isBisection && outcome.Batches.Any(batch => batch.Differs is not null))
            outcome = outcome with { Diagnosis = Diagnose(comparison) };
        print(outcome);
        return isBisection ? Bisection.CodeOf(outcome.Batches)
            : Code(outcome.IsFine, outcome.BatchesLeft, outcome.Comparison.Abilities.Lacks);
    }

    // What is seen of the kernel is at hand, and the answer should be there when the difference is read.
    private static Diagnosis? Diagnose(LiveComparison comparison)
    {
        var seen = comparison.Seen;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Interrupt.OfTheRun);
        ending.CancelAfter(MostDiagnosing);
        var diagnosis = Diagnosis.Of(seen, comparison.Model, cancellation: ending.Token);
        return diagnosis.Differ == 0 ? null : diagnosis;
    }

    private static void PrintJson(LiveOutcome outcome) =>
        Console.WriteLine(JsonSerializer.Serialize(KernelCompareText.ToJson(outcome), CliJson.Readable.LiveOutcomeJson));

    /// <summary>What a comparison ends with: it is not exhausted either where a kernel lacks what others of its release have.</summary>
    internal static int Code(bool isFine, int batchesLeft, ImmutableArray<Lack> lacks) =>
        !isFine ? ExitCode.Differ
        : batchesLeft > 0 || lacks.Any(lack => lack.OthersHaveIt) ? ExitCode.NotExhausted
        : ExitCode.Agree;
}
