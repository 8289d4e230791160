using System.CommandLine;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Reproducers;

namespace KhugepagedSpec.Cli.Shell;

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
}
