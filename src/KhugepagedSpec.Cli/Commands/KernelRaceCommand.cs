using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Guests.Race;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Races;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel race</c>: what a kernel does while others race khugepaged, recorded.</summary>
internal static class KernelRaceCommand
{
    private const int UsualSeconds = 20, MostSeconds = 600;
    private const string UsualActors = "fault,dontneed,madv-free,gup-read,fork";

    public static Command Create()
    {
        var kernel = new KernelOption(settled: false);
        var seconds = Options.Number("--seconds", $"How long, by the guest's clock. Default: {UsualSeconds}.");
        var actors = new Option<string?>("--actors")
        {
            Description = $"Who races, as in explore; one twice is two threads. Default: {UsualActors}.",
            HelpName = "LIST",
            CompletionSources = { _ => RaceActor.All.Select(actor => actor.Name) },
        };
        var enabled = new Option<string?>("--enabled")
        {
            Description = "Sizes set to madvise, as 16k,64k or orders 2,4. Default: 16k,64k; 2M where khugepaged knows no other.",
            HelpName = "LIST",
        };
        var hold = new Option<string?>("--hold")
        {
            Description = "Stop whoever comes to a probe for so many microseconds, as copy:3000,mappte:500. Default: nowhere.",
            HelpName = "PROBE:US",
        };
        var seed = Options.Number("--seed", "What the actors draw from. Default: a fresh one.");
        var output = new Option<string?>("--output", "-o") { Description = "Keep the trace there, for validate.", HelpName = "FILE" };
        var json = new Option<bool>("--json") { Description = "Print the summary as JSON." };
        var command = new Verb(
            "race",
            "Record what a kernel does while others race khugepaged: locks, PTEs, tables, references, results.",
            $"""
            A guest of two CPUs, one process with two PMD ranges, a thread an actor, khugepaged without pause. Probes go on functions, and
            on calls in collapse_huge_page that are found in the running kernel's own text; what takes none is said. Recorded are
            khugepaged and the process alone, in the order of trace_clock=counter. A seed repeats a race in kind, not event by event.
            Actors: {RaceActor.Names}.
            A stop (--hold) takes a kernel with BPF, 6.9 or later; interrupts are off meanwhile, on that CPU. The probes in
            collapse_huge_page, in order: {string.Join(' ', RaceCoverage.InOrder)}.
            Printed: who acted between which two steps of an attempt, and what attempts came to.
            Exit code 0: recorded; 1: contents are wrong, or the guest was lost; 2: bad input; 3: events were lost, no attempt was made,
            or Ctrl-C, which keeps nothing.

            Examples:
              khugepaged-spec kernel race --kernel 7.2 --seconds 20 --seed 1 -o trace
              khugepaged-spec kernel race --kernel ~/linux --actors fault,fault,dontneed,reclaim,gup-fast -o trace
              khugepaged-spec kernel race --actors fault,split --hold mappte:3000 --seconds 10
            """)
        { seconds, actors, enabled, hold, seed, output, json };
        kernel.AddTo(command);
        command.SetAction(parsed =>
        {
            int length = parsed.GetValue(seconds) ?? UsualSeconds;
            if (length is < 1 or > MostSeconds)
                throw new UsageException($"--seconds {length}: expected 1 to {MostSeconds}");
            var plan = new RacePlan(Actors(parsed.GetValue(actors) ?? UsualActors), length,
                parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000_000))
            {
                Enabled = parsed.GetValue(enabled) is { } sizes ? Sizes.Parse(sizes, "--enabled", Geometry.X86, 4) : null,
                Holds = Holds(parsed.GetValue(hold)),
            };
            if (plan.Seed < 0)
                throw new UsageException($"--seed {plan.Seed}: expected 0 or more");
            if (plan.Enabled is { IsEmpty: true })
                throw new UsageException("--enabled none: khugepaged would do nothing: expected a size");
            var to = OutputFile.Of("--output", parsed.GetValue(output));
            var image = kernel.Get(parsed, isModelled: true);
            if (image.Flavour.Architecture != Architecture.X86)
                throw new UsageException(
                    $"--arch {image.Flavour.Architecture}: which call is which is read from x86-64 code: expected {Architecture.X86}");
            Refuse(plan, KernelAbilities.BeforeBoot(image));
            return Run(image, plan, to, parsed.GetValue(json));
        });
        return command;
    }

    private static ImmutableArray<RaceActor> Actors(string list)
    {
        var actors = ImmutableArray.CreateBuilder<RaceActor>();
        foreach (string name in list.Split(',', StringSplitOptions.TrimEntries))
        {
            string why = Actor.All.Any(actor => actor.Name == name) ? " cannot be on a kernel" : "";
            actors.Add(RaceActor.Named(name) ?? throw new UsageException($"--actors: '{name}'{why}: expected {RaceActor.Names}"));
        }
        return actors.Count <= RaceActor.Most ? actors.ToImmutable()
            : throw new UsageException($"--actors: {actors.Count} of them: expected 1 to {RaceActor.Most}");
    }

    private static ImmutableArray<RaceHold> Holds(string? list)
    {
        var holds = ImmutableArray.CreateBuilder<RaceHold>();
        foreach (string text in list?.Split(',', StringSplitOptions.TrimEntries) ?? [])
        {
            string[] parts = text.Split(':');
            if (!RaceHold.Probes.Contains(parts[0]))
                throw new UsageException($"--hold: no probe '{parts[0]}': expected {string.Join(", ", RaceHold.Probes)}");
            if (parts.Length != 2 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                || length is < 1 or > RaceHold.Longest)
                throw new UsageException($"--hold: '{text}': expected {parts[0]}:N, microseconds, 1 to {RaceHold.Longest}");
            if (holds.Any(other => other.Probe == parts[0]))
                throw new UsageException($"--hold: '{parts[0]}' twice: expected it once");
            holds.Add(new RaceHold(parts[0], length));
        }
        return holds.ToImmutable();
    }

    private static void Refuse(RacePlan plan, KernelAbilities kernel)
    {
        foreach (var actor in plan.Actors)
            if (actor.WhyNotOn(kernel) is { } why)
                throw new UsageException($"--actors: '{actor.Name}': {why}: expected others");
        if (!kernel.HasProbes || !kernel.HasEvents)
            throw new UsageException($"--kernel: Linux {kernel.Release} has no kprobe events: expected CONFIG_KPROBE_EVENTS");
    }

    private static int Run(CachedKernel kernel, RacePlan plan, OutputFile? to, bool isJson)
    {
        var interrupted = Interrupt.OfTheRun;
        RaceOutcome outcome;
        try
        {
            outcome = to is null or { IsWhole: true } ? Emulation.Retry(() => Record(kernel, plan, to, interrupted), Say)
                : Record(kernel, plan, to, interrupted);
        }
        catch (Exception error) when (interrupted.IsCancellationRequested && error is (OperationCanceledException or GuestException))
        {
            // Ctrl-C ends the guest as well.
            ExitCode.Say("interrupted: nothing is kept");
            return ExitCode.NotExhausted;
        }
        if (isJson)
            Console.WriteLine(JsonSerializer.Serialize(RaceText.ToJson(outcome), CliJson.Readable.RaceJson));
        else
            RaceText.Print(outcome);
        return outcome.WrongContents > 0 ? ExitCode.Differ
            : outcome.Lost > 0 || outcome.Coverage.Attempts == 0 ? ExitCode.NotExhausted : ExitCode.Agree;
    }

    private static void Say(GuestException lost) =>
        Console.Error.WriteLine($"khugepaged-spec: emulation lost the guest, which is run again: {lost.Message}");

    private static RaceOutcome Record(CachedKernel kernel, RacePlan plan, OutputFile? to, CancellationToken interrupted)
    {
        using var recording = RaceRecording.Boot(kernel);
        Refuse(plan, recording.Abilities);
        RaceOutcome? outcome = null;
        TerminalProgress.Steps("race", plan.Seconds, advance =>
        {
            if (to is null)
                outcome = recording.Run(plan, TextWriter.Null, advance, interrupted);
            else
                to.Write(writer => outcome = recording.Run(plan, writer, advance, interrupted));
        });
        return outcome!;
    }
}
