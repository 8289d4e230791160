using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Reproducers;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Cli.Text;

/// <summary><c>--c FILE</c>: write a C program that shows it on any machine.</summary>
internal static class ReproducerOption
{
    /// <summary>The option.</summary>
    /// <param name="what">What the program builds.</param>
    public static Option<string?> Create(string what) =>
        new("--c") { Description = $"Also write a C program that builds {what} and says what becomes of it.", HelpName = "FILE" };

    /// <summary>The program for a run.</summary>
    /// <param name="explained">The run.</param>
    /// <param name="command">The command that it comes from.</param>
    /// <exception cref="UsageException">No program can make it.</exception>
    public static string Text(Explained explained, string command)
    {
        if (explained.Scenario is not { } scenario)
            throw new UsageException("--c contradicts --vector: expected TABLE, as khugepaged-spec explain prints it");
        return Reproducer.Refusal(scenario, explained.Version) is { } refused ? throw new UsageException(refused)
            : Reproducer.Write(scenario, explained.Version, explained.Passes.Count, new(VersionText.Program, [$"From: {command}"]));
    }

    /// <summary>Writes the program for what a comparison made small, or says why there is none.</summary>
    /// <exception cref="UsageException">The file cannot be written.</exception>
    public static void Write(OutputFile file, LiveOutcome outcome)
    {
        var (text, whyNot) = outcome.Comparison.Smallest is { } found ? Of(found, outcome.Comparison.Model, outcome.Plan.Kernel)
            : (null, "nothing that differs was made small");
        if (text is not null)
            file.Write(text);
        else
            Console.Error.WriteLine($"khugepaged-spec: --c {file.Name}: not written: {whyNot}");
    }

    /// <summary>The program for a difference, or why there is none.</summary>
    /// <param name="found">The difference.</param>
    /// <param name="model">The version that was held against the kernel.</param>
    /// <param name="kernel">The kernel.</param>
    internal static (string? Text, string? WhyNot) Of(LiveCounterexample found, KhugepagedVersion model, string kernel)
    {
        if (found.Together is not [var scenario])
            return (null, $"it takes {found.Together.Length} processes in the same passes");
        if (Reproducer.Refusal(scenario, model) is { } refused)
            return (null, refused);
        int passes = KernelCompareText.PassesOf(found);
        var expected = scenario.Run(model, passes)[^1].After;
        var lines = new List<string>
        {
            $"From: khugepaged-spec explain {scenario} --model {model.AskedAs} --passes {passes}",
            $"Linux {kernel}",
        };
        if (found.Mismatch is { } mismatch)
            lines.Add($"differs in pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}; model {mismatch.Model}.");
        if (found.Violation is var (invariant, violation))
            lines.Add($"breaks {invariant.Name}: {violation}.");
        if (found.Splat is { } splat)
            lines.Add($"logs {splat.Lines[0]}");
        if (found.Vectors is [{ Passes: var seen }] && seen.Length >= passes
            && Reproducer.TextOf(seen[passes - 1].After) == Reproducer.TextOf(expected))
            lines.Add("The tables are the same, so that this program ends with 0: what differs is not to be seen in them.");
        return (Reproducer.Write(scenario, model, passes, new(VersionText.Program, [.. lines])), null);
    }
}
