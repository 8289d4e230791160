using KhugepagedSpec.Cli.Commands;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Runs a command line in this process and catches what it prints, one at a time. Classes that change what else a process has one of are
/// the collection "environment" (<see cref="EnvironmentCollection"/>).
/// </summary>
internal static class Cli
{
    private static readonly Lock OneConsole = new();

    public static (int Code, string Output, string Error) Run(params string[] args) => RunWithInput("", args);

    public static (int Code, string Output, string Error) RunWithInput(string input, params string[] args) =>
        Printed(input, () => CommandLine.Run(args));

    /// <summary>Work that takes the console by itself, while nobody else has it.</summary>
    public static T Alone<T>(Func<T> work)
    {
        lock (OneConsole)
            return work();
    }

    /// <summary>What is printed meanwhile.</summary>
    public static (int Code, string Output, string Error) Printed(string input, Func<int> run)
    {
        lock (OneConsole)
        {
            var (oldIn, oldOut, oldError) = (Console.In, Console.Out, Console.Error);
            using var output = new StringWriter { NewLine = "\n" };
            using var error = new StringWriter { NewLine = "\n" };
            try
            {
                Console.SetIn(new StringReader(input));
                Console.SetOut(output);
                Console.SetError(error);
                int code = run();
                return (code, output.ToString(), error.ToString());
            }
            finally
            {
                Console.SetIn(oldIn);
                Console.SetOut(oldOut);
                Console.SetError(oldError);
            }
        }
    }
}
