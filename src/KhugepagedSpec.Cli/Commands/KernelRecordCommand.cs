using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel record</c>: what a kernel does with page tables, as vectors.</summary>
internal static class KernelRecordCommand
{
    public static Command Create()
    {
        var kernel = new KernelOption(here: true);
        var scenario = new ScenarioOptions();
        var passes = Options.Number("--passes", "Full scans, or MADV_COLLAPSE calls (3).");
        var from = new Option<string?>("--from")
        {
            Description = "Record the scenarios of recorded vectors anew, instead of TABLE.",
            HelpName = "FILE"
        };
        var count = Options.Number("--count", "Record so many fresh scenarios, instead of TABLE.");
        var seed = Options.Number("--seed", "Their seed (1).");
        var output = new Option<string?>(
            "--out")
        { Description = "Write the vectors to FILE, once all are there. Default: standard output.", HelpName = "FILE" };
        var neighbours = new Option<bool>("--neighbours")
        {
            Description = "Populate up to 64 pages of the VMA on each side, next to the range, as compare does.",
        };
        var command = new Verb(
            "record",
            "Have a kernel under QEMU do scenarios, each in passes of its own, and write down what it did.",
            """
            Writes one JSON object a line, as khugepaged-spec replay and explain --vector read them. What is asked for is built, or
            refused in one line, before the guest boots where that is known: what user space cannot make, or this kernel does not have.
            Fresh scenarios are made to fit the kernel, and it is said what never occurs; of --from what it lacks is left out, and said.

            Examples:
              khugepaged-spec kernel record 'x*210 K x*33 K x*267' --kernel 7.2 --out ksm.jsonl
              khugepaged-spec kernel record --from linux-7.2.13.jsonl --kernel 7.3 --out linux-7.3.jsonl
            """);
        scenario.AddTo(command);
        foreach (var option in new Option[] { passes, neighbours, from, count, seed, output })
            command.Add(option);
        kernel.AddTo(command);
        command.SetAction(parsed =>
        {
            string? file = parsed.GetValue(from);
            if (new[] { file is not null, parsed.GetValue(count) is not null, scenario.IsGiven(parsed) }.Count(given => given) != 1)
                throw new UsageException("what to record: expected one of TABLE, --program STEPS, --from FILE and --count N");
            int many = parsed.GetValue(passes) ?? LiveComparison.Passes;
            if (many < 1 || parsed.GetValue(count) is < 1)
                throw new UsageException("--passes, --count: expected 1 or more");
            if ((file is not null || parsed.GetValue(count) is not null) && (scenario.FirstGiven(parsed) ?? Given(neighbours)) is { } stray)
                throw new UsageException(
                    $"{stray} contradicts {(file is not null ? "--from" : "--count")}: expected it with TABLE or --program STEPS");
            if ((file is not null ? Given(passes) : null) is { } set)
                throw new UsageException($"{set} contradicts --from: a recorded vector has its own number");
            if (parsed.GetValue(count) is null && Given(seed) is { } idle)
                throw new UsageException($"{idle}: expected it with --count N");
            Func<KernelAbilities, IEnumerable<RecordRequest>> requests = abilities =>
                file is not null ? RecordRequest.FromFile(file, abilities)
                : parsed.GetValue(count) is { } fresh ? RecordRequest.Fresh(abilities, (ulong)(parsed.GetValue(seed) ?? 1), fresh, many)
                : [RecordRequest.Of(scenario.Scenario(parsed, abilities.Machine), abilities, many, parsed.GetValue(neighbours))];
            var image = kernel.Get(parsed, isModelled: true);

            // What can be refused without a guest is; one with a word for it decides on the rest.
            if (file is null && parsed.GetValue(count) is null)
                requests(KernelAbilities.BeforeBoot(image));
            return Run(image, requests, OutputFile.Of("--out", parsed.GetValue(output)));

            string? Given(Option option) => parsed.GetResult(option) is { Implicit: false } ? option.Name : null;
        });
        return command;
    }

    private static int Run(CachedKernel kernel, Func<KernelAbilities, IEnumerable<RecordRequest>> requests, OutputFile? to)
    {
        var interrupted = Interrupt.OfTheRun;
        using var recording = new Recording(kernel);
        int code = ExitCode.Agree;
        var lines = TerminalProgress.Counting("vectors", done =>
        {
            var written = new List<string> { VectorWriter.Meta(recording.Abilities.FullName) };
            foreach (var request in requests(recording.Abilities))
            {
                if (interrupted.IsCancellationRequested)
                    break;
                if (request.Input is not { } input || request.Refused is not null)
                {
                    code = ExitCode.Refuse($"{request.Id}: {request.Refused}");
                    continue;
                }
                var (vector, error) = Record(recording, input, interrupted);
                if (interrupted.IsCancellationRequested && vector is null)
                    break;
                if (vector is { } built && request.Otherwise(built) is { } otherwise)
                    (vector, error) = request.TakenAs(built, otherwise);
                bool isWhole = vector is not null && Recording.IsWhole(vector);
                if (isWhole)
                    written.Add(VectorWriter.Line(vector!));
                else
                    code = ExitCode.Refuse($"{request.Id}: {WhyNot(recording, vector, error)}");
                if (recording.Logged is { } splat)
                    code = Complain(request.Id, splat);
                done(written.Count - 1);
            }
            return written;
        });
        if (to is null)
            lines.ForEach(Console.WriteLine);
        else
            to.Write(string.Concat(lines.Select(line => line + "\n")));
        if (!interrupted.IsCancellationRequested)
            return code;
        ExitCode.Say($"interrupted: {lines.Count - 1} vectors were recorded");
        return ExitCode.NotExhausted;
    }

    private static string WhyNot(Recording recording, RecordedVector? vector, string error) =>
        vector is not null ? "no vector: the kernel does not tell where its attempts stand, and they are not the model's"
        : recording.Strange is { } strange ? $"no vector: {strange}: no model knows that"
        : $"could not be built: {error}";

    private static int Complain(string id, Splat splat)
    {
        ExitCode.Refuse($"{id}: the kernel logged");
        foreach (string line in splat.Lines)
            Console.Error.WriteLine($"  {line}");
        return ExitCode.Differ;
    }

    // A guest that Ctrl-C ended as well costs this vector, not those before it.
    private static (RecordedVector? Vector, string Error) Record(Recording recording, VectorInput input, CancellationToken interrupted)
    {
        try
        {
            return recording.Record(input);
        }
        catch (GuestException) when (interrupted.IsCancellationRequested)
        {
            return (null, "interrupted");
        }
    }
}
