using System.Globalization;
using System.Runtime.CompilerServices;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>What is printed, the same whatever the user's language.</summary>
internal static class Printing
{
    /// <summary>Prints a line.</summary>
    public static void Line(InvariantText text) => Console.WriteLine(text.Take());

    /// <summary>A text.</summary>
    public static string Said(InvariantText text) => text.Take();
}

/// <summary>An interpolated string in no language; several with + between are one.</summary>
/// <param name="literal">Characters that stand as they are.</param>
/// <param name="holes">What is filled in.</param>
[InterpolatedStringHandler]
internal ref struct InvariantText(int literal, int holes)
{
    private DefaultInterpolatedStringHandler _text = new(literal, holes, CultureInfo.InvariantCulture);

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value, int alignment = 0, string? format = null) => _text.AppendFormatted(value, alignment, format);

    public string Take() => _text.ToStringAndClear();
}
