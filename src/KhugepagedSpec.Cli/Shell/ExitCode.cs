using System.Collections.Immutable;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>How the program ends.</summary>
internal static class ExitCode
{
    /// <summary>Fine: what was compared agrees, what was checked holds.</summary>
    public const int Agree = 0;

    /// <summary>Something differs or is broken.</summary>
    public const int Differ = 1;

    /// <summary>Bad input: one line says what, where, and what was expected.</summary>
    public const int BadInput = 2;

    /// <summary>Not all was gone through.</summary>
    public const int NotExhausted = 3;

    /// <summary>What they mean, to a reader.</summary>
    public static ImmutableArray<(int Code, string Meaning)> All { get; } =
        [(Agree, "fine"), (Differ, "something differs or is broken"), (BadInput, "bad input"), (NotExhausted, "not all was gone through")];

    /// <summary>Says in one line, on stderr, why there is no answer.</summary>
    public static int Refuse(string message)
    {
        Say(message);
        return BadInput;
    }

    /// <summary>Says something in one line, on stderr.</summary>
    public static void Say(string message) => Console.Error.WriteLine($"khugepaged-spec: {OneLine.Of(message)}");
}
