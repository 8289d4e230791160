using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>--pid</c>, <c>--cgroup</c>, <c>--unit</c> and <c>--all</c>: which live processes.</summary>
internal sealed class ProcessOptions
{
    private readonly Option<int[]> _pid = new("--pid")
    {
        Description = "The process, or several: 7,12 or repeated. In a container, its number on the host.",
        HelpName = "N",
        CustomParser = Pids,
    };

    private readonly Option<string[]> _cgroup = new("--cgroup")
    {
        Description = "The processes of a memory cgroup and of those below it: its path, or its name.",
        HelpName = "PATH|NAME",
    };

    private readonly Option<string[]> _unit = new("--unit")
    {
        Description = "The processes of a unit of systemd, as redis or user.slice.",
        HelpName = "NAME",
    };

    private readonly Option<bool> _all = new("--all") { Description = "All processes that have memory of their own." };

    /// <summary>Makes them options of a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _pid, _cgroup, _unit, _all })
            command.Options.Add(option);
    }

    /// <summary>What was chosen.</summary>
    /// <exception cref="UsageException">A name is none.</exception>
    public ProcessChoice Get(ParseResult parsed)
    {
        var choice = new ProcessChoice([.. parsed.GetValue(_pid) ?? []], Names(parsed, _cgroup), Names(parsed, _unit),
            parsed.GetValue(_all));
        if (choice.IsAll && !(choice with { IsAll = false }).IsNone)
            throw new UsageException($"--all contradicts {choice with { IsAll = false }}: expected one of them");
        return choice;
    }

    private static ImmutableArray<string> Names(ParseResult parsed, Option<string[]> option)
    {
        ImmutableArray<string> names = [.. parsed.GetValue(option) ?? []];
        return names.FirstOrDefault(name => name.Trim().Length == 0 || name.Contains('\0', StringComparison.Ordinal)) is null ? names
            : throw new UsageException($"{option.Name}: no name: expected {option.HelpName}");
    }

    private static int[]? Pids(ArgumentResult result)
    {
        var pids = new List<int>();
        foreach (string word in result.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            if (!int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int pid))
            {
                result.AddError($"--pid: '{word}': expected a whole number");
                return null;
            }
            pids.Add(pid);
        }
        return [.. pids];
    }
}
