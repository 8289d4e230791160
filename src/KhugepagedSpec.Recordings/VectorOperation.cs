using System.Collections.Immutable;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Recordings;

/// <summary>One thing that the recorder's program did to its pages, as <c>ops</c> and <c>then</c> have it: <c>D0+16</c>.</summary>
/// <param name="Verb">What; one that has a letter.</param>
/// <param name="Offset">The first page, from the start of the PMD range.</param>
/// <param name="Length">How many pages.</param>
public readonly record struct VectorOperation(ProgramVerb Verb, int Offset, int Length)
{
    /// <summary>The letter of each.</summary>
    public static ImmutableArray<(char Letter, ProgramVerb Verb)> Letters { get; } =
    [
        ('D', ProgramVerb.DontNeed),
        ('W', ProgramVerb.Touch),
        ('R', ProgramVerb.Read),
        ('C', ProgramVerb.Cold),
        ('P', ProgramVerb.PageOut),
        ('F', ProgramVerb.Free),
        ('G', ProgramVerb.Guard),
        ('N', ProgramVerb.Pin),
        ('H', ProgramVerb.Share),
    ];

    /// <summary>It can be done only before the first pass: a child shares nothing that comes after it was forked.</summary>
    public static bool IsSetup(ProgramVerb verb) => verb == ProgramVerb.Share;

    /// <summary>As the recorder writes it.</summary>
    public override string ToString()
    {
        var verb = Verb;
        return $"{Letters.First(each => each.Verb == verb).Letter}{Offset}+{Length}";
    }
}
