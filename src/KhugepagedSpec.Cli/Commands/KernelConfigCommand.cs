using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel config</c>: what to build a kernel with.</summary>
internal static class KernelConfigCommand
{
    public static Command Create()
    {
        var check = new Option<string?>("--check") { Description = "Say what of it a .config lacks, instead.", HelpName = "FILE" };
        var command = new Verb(
            "config",
            "The configuration that a kernel of your own needs to be a guest, and what each option is for.",
            """
            Prints a fragment for scripts/kconfig/merge_config.sh. On top of make tinyconfig it builds in some minutes.
            With --check FILE, exit code 0: it has all; 1: it lacks some, each with what then never occurs; 2: no guest runs with it.

            Examples:
              khugepaged-spec kernel config > guest.config && scripts/kconfig/merge_config.sh .config guest.config
              khugepaged-spec kernel config --check .config
            """)
        { check };
        command.SetAction(parsed => parsed.GetValue(check) is { } file ? Check(file) : Print());
        return command;
    }

    private static int Print()
    {
        Console.Write(GuestConfig.Fragment());
        return ExitCode.Agree;
    }

    private static int Check(string file)
    {
        GuestConfigOption[] lacking = [.. GuestConfig.Lacking(InputFile.All(file, "the .config of a kernel"))];
        foreach (var option in lacking)
            Console.WriteLine($"{option.Line,-40}{(option.IsNeeded ? "needed" : "never")}: {option.What}");
        return lacking.Any(option => option.IsNeeded) ? ExitCode.BadInput : lacking.Length > 0 ? ExitCode.Differ : ExitCode.Agree;
    }
}
