using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace KhugepagedSpec.Cli;

/// <summary>A command with more to say than its summary: details and examples, printed behind the options by --help.</summary>
internal sealed class Verb(string name, string summary, string details) : Command(name, summary)
{
    public string Details { get; } = details;
}

/// <summary>The usual help, then a verb's details.</summary>
internal sealed class HelpWithDetails(HelpAction usual, string rootDetails) : SynchronousCommandLineAction
{
    // Help is given, whatever else is missing.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int result = usual.Invoke(parseResult);
        Console.Out.WriteLine(parseResult.CommandResult.Command is Verb verb ? verb.Details : rootDetails);
        return result;
    }
}
