namespace KhugepagedSpec.Cli.Shell;

/// <summary>What is printed, the same whatever the user's language.</summary>
internal static class Printing
{
    /// <summary>Prints a line.</summary>
    public static void Line(FormattableString text) => Console.WriteLine(FormattableString.Invariant(text));
}
