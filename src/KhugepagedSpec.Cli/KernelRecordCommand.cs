using System.CommandLine;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Kernel.Guest;
using KhugepagedSpec.Kernel.Live;
using KhugepagedSpec.Kernel.Packages;
using KhugepagedSpec.Kernel.Vectors;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli;

/// <summary><c>khugepaged-spec kernel record</c>: what a kernel does with page tables, as vectors.</summary>
internal static class KernelRecordCommand
{
    public static Command Create()
    {
        var kernel = KernelOption.Create();
        var scenario = new ScenarioOptions();
        var passes = Options.Number("--passes", "Full scans, or MADV_COLLAPSE calls (3).");
        var from = new Option<string?>("--from") { Description = "Record the scenarios of recorded vectors anew, instead of TABLE.", HelpName = "FILE" };
        var count = Options.Number("--count", "Record so many fresh scenarios, instead of TABLE.");
        var seed = Options.Number("--seed", "Their seed (1).");
        var output = new Option<string?>("--out") { Description = "Write the vectors to FILE, once all are there. Default: standard output.", HelpName = "FILE" };
        var command = new Verb(
            "record",
            "Have a kernel under QEMU do scenarios, each in passes of its own, and write down what it did.",
            """
            Writes one JSON object a line, as khugepaged-spec replay and explain --vector read them. A kind that user space cannot
            make on that kernel is made as a plain page; a scenario that cannot be built is one line on stderr.

            Examples:
              khugepaged-spec kernel record 'x*210 K x*33 K x*267' --kernel 7.2 --out ksm.jsonl
              khugepaged-spec kernel record --from linux-7.2.13.jsonl --kernel 7.3 --out linux-7.3.jsonl
            """);
        scenario.AddTo(command);
        foreach (var option in new Option[] { kernel, passes, from, count, seed, output })
            command.Add(option);
        command.SetAction(parsed =>
        {
            string? file = parsed.GetValue(from);
            if (new[] { file is not null, parsed.GetValue(count) is not null, scenario.IsGiven(parsed) }.Count(given => given) != 1)
                throw new UsageException("what to record: expected one of TABLE, --program STEPS, --from FILE and --count N");
            int many = parsed.GetValue(passes) ?? LiveComparison.Passes;
            if (many < 1 || parsed.GetValue(count) is < 1)
                throw new UsageException("--passes, --count: expected 1 or more");
            Func<KernelAbilities, IEnumerable<VectorInput>> inputs = abilities =>
                file is not null ? Inputs(file)
                : parsed.GetValue(count) is { } fresh ? Fresh(abilities, (ulong)(parsed.GetValue(seed) ?? 1), fresh, many)
                : [One(scenario.Scenario(parsed), abilities, many)];
            return Run(KernelOption.Get(parsed, kernel, isModelled: true), inputs, OutputFile.Of("--out", parsed.GetValue(output)));
        });
        return command;
    }

    private static int Run(CachedKernel kernel, Func<KernelAbilities, IEnumerable<VectorInput>> inputs, OutputFile? to)
    {
        using var interrupt = new Interrupt();
        using var recording = new Recording(kernel);
        int code = CommandLine.Agree;
        var lines = TerminalProgress.Counting("vectors", done =>
        {
            var written = new List<string> { VectorWriter.Meta(recording.Abilities.FullName) };
            foreach (var input in inputs(recording.Abilities))
            {
                if (interrupt.Token.IsCancellationRequested)
                    break;
                var (vector, error) = Record(recording, input, interrupt.Token);
                if (interrupt.Token.IsCancellationRequested && vector is null)
                    break;
                if (vector is not null)
                    written.Add(VectorWriter.Line(vector));
                else
                    code = CommandLine.Refuse($"{input.Id}: could not be built: {error}");
                done(written.Count - 1);
            }
            return written;
        });
        if (to is null)
            lines.ForEach(Console.WriteLine);
        else
            to.Write(string.Concat(lines.Select(line => line + "\n")));
        if (!interrupt.Token.IsCancellationRequested)
            return code;
        CommandLine.Refuse($"interrupted: {lines.Count - 1} vectors were recorded");
        return CommandLine.NotExhausted;
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

    private static VectorInput One(Scenario scenario, KernelAbilities kernel, int passes)
    {
        UffdModes.Check(scenario.Vma, kernel.KnownModel ?? Catalogue.Linux73);
        return LiveInput.Of("recorded", LiveInput.Fit(scenario, kernel, keepsReclaimable: true), passes);
    }

    private static IEnumerable<VectorInput> Inputs(string file)
    {
        return VectorReader.Read(Recorded.Find(file), Geometry.X86).Where(line => line.Vector is not null).Select(line => line.Vector!.Input);
    }

    private static IEnumerable<VectorInput> Fresh(KernelAbilities kernel, ulong seed, int count, int passes)
    {
        var scenarios = new LiveScenarios(seed, kernel);
        return scenarios.All().Take(count).Select((scenario, i) => LiveInput.Of($"s{seed}_{i + 1}", scenario, passes));
    }
}
