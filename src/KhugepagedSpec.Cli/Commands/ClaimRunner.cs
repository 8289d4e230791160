using System.Collections.Immutable;
using KhugepagedSpec.Cli.Threads;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>Runs in this process what shows a verdict.</summary>
internal static class ClaimRunner
{
    // Many claims are shown by the same command, which prints the same each time.
    private static readonly Dictionary<string, (int Exit, string Output)> Done = [];

    /// <summary>Runs and judges.</summary>
    public static Shown Run(ClaimRun run) => Run(run, ClaimWords.Of(run.Command));

    /// <summary>Runs the same with what is known to make it show otherwise.</summary>
    /// <exception cref="InvalidOperationException">Nothing is named.</exception>
    public static Shown RunOtherwise(ClaimRun run) => Run(run, ClaimWords.With(
        ClaimWords.Of(run.Command), run.Unless ?? throw new InvalidOperationException($"{run.Command}: nothing makes it show otherwise")));

    private static Shown Run(ClaimRun run, ImmutableArray<string> words)
    {
        string command = string.Join('\0', words);
        if (!Done.TryGetValue(command, out var done))
            Done.Add(command, done = Caught([.. words]));
        return ClaimJudge.Judge(run, done.Exit, done.Output);
    }

    private static (int Exit, string Output) Caught(string[] words)
    {
        var (output, error) = (Console.Out, Console.Error);
        using var text = new StringWriter { NewLine = "\n" };
        using var complaint = new StringWriter { NewLine = "\n" };
        try
        {
            Console.SetOut(text);
            Console.SetError(complaint);
            int exit = CommandLine.Run(words);
            return (exit, $"{text}{complaint}");
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }
}
