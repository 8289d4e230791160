using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel diff</c>: two kernels against each other.</summary>
internal static class KernelDiffCommand
{
    private const int MostScenarios = 1_000_000;

    public static Command Create()
    {
        var first = new Argument<string>("BASE") { Description = "The kernel without the patch: a release, a bzImage, or a tree." };
        var second = new Argument<string>("PATCHED") { Description = "The kernel with it." };
        var machine = new KernelOption();
        var model = ModelOption.CreateForKernel("ask with which of them it agrees");
        var count = Options.Number("--count", "Scenarios, at least; they come in batches of 16. Default: 640.");
        var seed = Options.Number("--seed", "The scenarios' seed. Default: a fresh one.");
        var json = new Option<bool>("--json") { Description = "Print the outcome as JSON." };
        var command = new Verb(
            "diff",
            "Run the same page tables on two kernels: the smallest on which they differ, by what differs.",
            """
            What differs is attempts, the table, counters, trace lines or the log; of each the first difference is shrunk on both, and
            the model says with which of them it agrees. Time is told and is no difference.
            Exit code 0: they do the same; 1: they differ; 2: bad input; 3: interrupted, or nothing could be compared.

            Examples:
              khugepaged-spec kernel diff 7.2 7.3 --count 640
              khugepaged-spec kernel diff ~/base/arch/x86/boot/bzImage ~/linux --seed 1 --json
            """)
        { first, second, model, count, seed, json };
        machine.AddMachineTo(command);
        command.SetAction(parsed =>
        {
            int scenarios = parsed.GetValue(count) ?? 640;
            if (scenarios is < 1 or > MostScenarios)
                throw new UsageException($"--count {scenarios}: expected 1 to {MostScenarios}");
            var version = ModelOption.GetIfGiven(parsed, model);
            int fresh = parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000_000);
            var one = machine.Get(parsed, "BASE", parsed.GetValue(first)!);
            var other = machine.Get(parsed, "PATCHED", parsed.GetValue(second)!);
            using var diff = new LiveDiff(one, other, version);
            int batches = LiveScenarios.BatchesOf(scenarios), done = 0;
            TerminalProgress.Steps("diff", batches, advance =>
                done = diff.Run((ulong)fresh, batches, advance, Interrupt.OfTheRun));
            var outcome = KernelDiffText.ToJson(diff, fresh, Interrupt.OfTheRun.IsCancellationRequested);
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(outcome, CliJson.Readable.KernelDiffJson));
            else
                KernelDiffText.Print(outcome);
            return outcome.Differ.Count > 0 ? ExitCode.Differ
                : outcome.Scenarios == 0 || !outcome.Complete ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }
}
