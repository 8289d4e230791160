using System.CommandLine;
using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec completion</c>: the script that has a shell ask this program what may come next.</summary>
internal static class CompletionCommand
{
    private static readonly string[] Shells = ["bash", "zsh", "fish"];

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL")
        {
            Description = "bash, zsh or fish.",
            HelpName = "SHELL",
            CompletionSources = { Shells }
        };
        var command = new Verb(
            "completion",
            "Print a script that completes commands, options and names in a shell.",
            """
            The script asks this program itself at each TAB; where nothing has a name, file names are completed.

            Examples:
              source <(khugepaged-spec completion bash)
              source <(khugepaged-spec completion zsh)
              khugepaged-spec completion fish | source
            """)
        { shell };
        command.SetAction(parsed => Print(parsed.GetValue(shell)!));
        return command;
    }

    private static int Print(string shell)
    {
        if (!Shells.Contains(shell))
            throw new UsageException($"'{shell}': expected {string.Join(", ", Shells)}");
        using var script = new StreamReader(
            typeof(CompletionCommand).Assembly.GetManifestResourceStream($"KhugepagedSpec.Cli.Completion.{shell}")!);
        Console.Write(script.ReadToEnd());
        return ExitCode.Agree;
    }
}
