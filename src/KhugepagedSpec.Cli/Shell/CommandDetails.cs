using System.CommandLine;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>What is said of a command beyond its summary, once for --help and its manual page.</summary>
/// <param name="Text">Prose, then examples after a line <c>Examples:</c>.</param>
internal sealed partial record CommandDetails(string Text)
{
    /// <summary>Those of the program as a whole.</summary>
    private static readonly CommandDetails OfProgram = new(
        """
        Give it a page table, and it shows every scan, window, attempt and counter that the kernel would.

        Examples:
          khugepaged-spec replay
          khugepaged-spec explain 'x*16 .*4 x*100 .*392' --enabled 16k,64k --max-ptes-none 0
          khugepaged-spec man explain
        """);

    /// <summary>What stands before the examples.</summary>
    public string Prose => Heading().Split(Text)[0].TrimEnd();

    /// <summary>The examples, a command a line.</summary>
    public IEnumerable<string> Examples =>
        Heading().Split(Text)[1].Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The details of a command, or of the program.</summary>
    public static CommandDetails Of(Command command) => command is Verb verb ? verb.Details : OfProgram;

    [GeneratedRegex("^Examples?:$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
