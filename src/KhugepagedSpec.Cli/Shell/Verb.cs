using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>A command with more to say than its summary: details and examples, printed after the options by --help.</summary>
internal sealed class Verb(string name, string summary, string details) : Command(name, summary)
{
    public CommandDetails Details { get; } = new(details);
}

/// <summary>The usual help, then a verb's details.</summary>
internal sealed class HelpWithDetails(HelpAction usual) : SynchronousCommandLineAction
{
    // Help is given, whatever else is missing.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int result = usual.Invoke(parseResult);
        var command = parseResult.CommandResult.Command;
        if (command is RootCommand)
            Console.Out.WriteLine($"Exit codes: {string.Join(", ", ExitCode.All.Select(exit => $"{exit.Code} {exit.Meaning}"))}.\n");
        Console.Out.WriteLine(CommandDetails.Of(command).Text);
        return result;
    }
}
