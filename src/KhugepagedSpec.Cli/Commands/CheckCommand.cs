using System.Collections.Immutable;
using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec check</c>: every invariant on every version, and every known-bad variant.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var count = Options.Number("--count", "Random scenarios a version (4000).");
        var seed = Options.Number("--seed", "The seed of the random scenarios (1).");
        var seeds = Options.Number("--seeds",
            "Only: is each known-bad variant found by the invariant it is made for, on each of so many seeds?");
        var models = ModelOption.CreateForSeveral("Only this version or variant, or file; may be given several times.",
            oneAfterTheOther: false);
        var invariants = new Option<string[]>("--invariant")
        {
            Description = "Only this invariant; may be given several times.",
            HelpName = "NAME",
            CompletionSources = { InvariantsCommand.Names }
        };
        var exhaustive = new Option<bool>("--exhaustive") { Description = "Every table of a small geometry instead of random ones." };
        var order = Options.Number("--order", "With --exhaustive: the PMD's order, 2 to 5 (4).");
        var kinds = new Option<string?>(
            "--kinds")
        {
            Description =
                "With --exhaustive: every table of these kinds of PTEs, through the whole model, as .xzhs; else occupancies.",
            HelpName = "LETTERS"
        };
        var shard = new Option<string?>("--shard") { Description = "With --exhaustive: only this share of it.", HelpName = "I/N" };
        var output = new Option<string?>("--out")
        {
            Description = "With --exhaustive: keep results there, and go on from them.",
            HelpName = "FILE"
        };
        var minutes = Options.Number("--minutes", "With --exhaustive: stop after so many, and say how far it came.");
        var machine = MachineOption.Create("The machine that the random scenarios are on (x86-64).");
        var json = new Option<bool>("--json") { Description = "Print the verdicts as JSON." };
        var ktap = Ktap.Option();
        var html = HtmlOption.Create("the verdicts, and each counterexample as a walk");
        var command = new Verb(
            "check",
            "Judge every version, every known-bad variant and the recorded kernels by every invariant.",
            """
            Exit code 1 only if a version breaks an invariant it is claimed to satisfy, or a known-bad variant goes undetected.

            Examples:
              khugepaged-spec check
              khugepaged-spec check --model linux-7.2 --invariant no-none-creep --count 100000 --seed 7
              khugepaged-spec check --model linux-7.2 --with none-limit=scaled
              khugepaged-spec check --html check.html
              khugepaged-spec check --seeds 20 --count 1000
              khugepaged-spec check --model linux-7.2 --machine arm64-16k
              khugepaged-spec check --exhaustive --order 4
              khugepaged-spec check --exhaustive --order 3 --kinds .xzhs --shard 3/16 --out 3.jsonl
            """)
        { count, seed, seeds, models, invariants, exhaustive, order, kinds, shard, output, minutes, machine, json, ktap, html };
        var with = WithOption.AddTo(command, "the last model, linux-7.2 where none is named");
        Option[] ofExhaustive = [order, kinds, shard, output, minutes];
        Option[] ofRandom = [count, seed, seeds, invariants, machine, json, ktap, html];
        Option[] ofOneSeed = [seed, invariants, machine, json, ktap, html];
        command.SetAction(parsed =>
        {
            bool isExhaustive = parsed.GetValue(exhaustive);
            if ((isExhaustive ? ofRandom : ofExhaustive)
                .FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } stray)
                throw new UsageException(isExhaustive ? $"{stray.Name} contradicts --exhaustive: expected one of them"
                    : $"{stray.Name}: expected --exhaustive with it");
            if (isExhaustive)
            {
                if (parsed.GetValue(models) is { Length: > 1 })
                    throw new UsageException("--model: expected one with --exhaustive");
                var swept = Named(parsed)?[0] ?? Catalogue.Linux72;
                return ExhaustiveCheck.Run(
                    swept, ExhaustiveCheck.Plan(swept, parsed.GetValue(order) ?? 4, parsed.GetValue(kinds)),
                        ExhaustiveCheck.Shard(parsed.GetValue(shard)),
                    OutputFile.Journal("--out", parsed.GetValue(output)), parsed.GetValue(minutes), Interrupt.OfTheRun);
            }
            Ktap.RefuseBoth(parsed.GetValue(ktap), parsed.GetValue(json));
            var page = HtmlOption.Get(parsed, html);
            int scenarios = parsed.GetValue(count) ?? 4000;
            if (scenarios < 1)
                throw new UsageException($"--count {scenarios}: expected 1 or more");
            if (parsed.GetValue(seeds) is { } many)
            {
                if (many < 1)
                    throw new UsageException($"--seeds {many}: expected 1 or more");
                if (ofOneSeed.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } contradicting)
                    throw new UsageException($"{contradicting.Name} contradicts --seeds: expected one of them");
                return SeedCheckCommand.Run(Named(parsed) ?? KnownBad.Variants, many, scenarios);
            }
            var asked = parsed.GetValue(invariants) is { Length: > 0 } names ? [.. names.Select(InvariantsCommand.Find)]
                : Contract.Invariants;
            var versions = Named(parsed) ?? Catalogue.Versions.AddRange(KnownBad.Variants);
            var result = Run(versions, asked, scenarios, parsed.GetValue(seed) ?? 1, MachineOption.Get(parsed, machine));
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(CheckText.ToJson(result), CliJson.Readable.CheckJson));
            else if (parsed.GetValue(ktap))
                Ktap.Print(CheckText.ToKtap(result));
            else
                CheckText.Print(result);
            if (result.IsPartial)
                ExitCode.Say($"interrupted: {result.Reports.Length} of {result.Asked} versions and variants were judged");
            if (page is not null)
                page.Write(CheckPage.Of(result, CommandText.Of(parsed, html)).ToString());
            return !result.IsFine ? ExitCode.Differ : result.IsPartial ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;

        ImmutableArray<KhugepagedVersion>? Named(ParseResult parsed) =>
            parsed.GetValue(models) is { Length: > 0 } names
                ? with.ChangeLast(parsed, [.. names.Select(name => ModelOption.Find(name, "--model: "))])
            : with.IsGiven(parsed) ? [with.Change(parsed, Catalogue.Linux72)]
            : null;
    }

    private static CheckResult Run(ImmutableArray<KhugepagedVersion> versions, ImmutableArray<Invariant> invariants, int count, int seed,
        MachineType? machine)
    {
        var clock = Stopwatch.StartNew();
        var vectors = Recorded.All().SelectMany(path => VectorReader.Read(path, Geometry.X86)).Where(line => line.Vector is not null)
            .Select(line => line.Vector!).ToList();
        var reports = Interruptible.Each("check", versions, (version, stop) =>
        {
            bool isVariant = KnownBad.Variants.Contains(version);
            var random = ScenarioMix.Random(seed).Take(count).Select(one => machine is null ? one : one with { Machine = machine });
            var scenarios = isVariant ? random : random.Concat(vectors.Where(IsOneRange).Select(RecordedHistory.ScenarioOf));
            // A variant that breaks only what the version it varies breaks too is not detected.
            var judges = isVariant ? [.. invariants.Where(invariant => invariant.ExceptionFor(version) is null)] : invariants;
            var report = Checker.Run(version, scenarios.TakeWhile(_ => !stop.IsCancellationRequested), judges);

            // What was cut short is no verdict.
            stop.ThrowIfCancellationRequested();
            return report;
        });
        return new CheckResult(
            [.. reports.OfType<CheckReport>()], invariants,
                Kernel(vectors, invariants), vectors.Count, count, seed, clock.Elapsed)
        { Asked = versions.Length };
    }

    private static bool IsOneRange(RecordedVector vector) => vector.Input.HasWholeNeighbours == default;

    // The first recorded vector on which each invariant is broken by the kernel itself.
    private static ImmutableDictionary<string,
        (int Count, string First)> Kernel(IEnumerable<RecordedVector> vectors, ImmutableArray<Invariant> invariants)
    {
        var broken = ImmutableDictionary.CreateBuilder<string, (int Count, string First)>();
        foreach (var vector in vectors)
        {
            if (RecordedHistory.Of(vector) is not { } history)
                continue;
            foreach (var invariant in invariants)
                if (invariant.Check(history) is { } violation)
                {
                    var (seen, first) = broken.GetValueOrDefault(invariant.Name, (0, $"{vector.Id}, {violation}"));
                    broken[invariant.Name] = (seen + 1, first);
                }
        }
        return broken.ToImmutable();
    }
}
