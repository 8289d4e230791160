using System.CommandLine;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--machine NAME</c>: what differs by machine, and not by version.</summary>
internal static class MachineOption
{
    /// <summary>The option.</summary>
    /// <param name="description">What it is for, and what is meant without it.</param>
    public static Option<string?> Create(string description) => new("--machine")
    {
        Description = description,
        HelpName = "NAME",
        CompletionSources = { _ => MachineType.All.Select(machine => machine.Name) },
    };

    /// <summary>The machine named; null if none was.</summary>
    /// <exception cref="UsageException">There is no such machine.</exception>
    public static MachineType? Get(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is not { } name ? null
        : MachineType.Find(name) ?? throw new UsageException($"--machine {name}: expected one of {string.Join(", ", MachineType.All)}");
}
