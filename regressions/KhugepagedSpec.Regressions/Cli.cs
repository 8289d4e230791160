using KhugepagedSpec.Cli.Commands;

namespace KhugepagedSpec.Regressions;

/// <summary>Runs a command line in this process and catches what it prints.</summary>
internal static class Cli
{
    public static (int Code, string Output, string Error) Run(params string[] args) => RunWithInput("", args);

    public static (int Code, string Output, string Error) RunWithInput(string input, params string[] args)
    {
        var (oldIn, oldOut, oldError) = (Console.In, Console.Out, Console.Error);
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        try
        {
            Console.SetIn(new StringReader(input));
            Console.SetOut(output);
            Console.SetError(error);
            int code = CommandLine.Run(args);
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
