using System.Globalization;
using FsCheck.Xunit;

namespace KhugepagedSpec.Properties;

/// <summary>
/// How much chance: 100 cases a property, or as many as KHUGEPAGEDSPEC_CASES says; from a seed of the day, or from
/// KHUGEPAGEDSPEC_SEED.
/// </summary>
public sealed class CasesAttribute : PropertiesAttribute
{
    public const string CasesVariable = "KHUGEPAGEDSPEC_CASES", SeedVariable = "KHUGEPAGEDSPEC_SEED";

    // FsCheck's second number must be odd; any will do.
    private const int Gamma = 1;

    public CasesAttribute()
    {
        Arbitrary = [typeof(Scenarios)];
        QuietOnSuccess = true;
        if (Number(CasesVariable) is { } cases)
            MaxTest = (int)Math.Min(cases, int.MaxValue);
        if (Number(SeedVariable) is { } seed)
            Replay = string.Create(CultureInfo.InvariantCulture, $"({seed},{Gamma})");
    }

    private static ulong? Number(string variable) => Environment.GetEnvironmentVariable(variable) switch
    {
        null or "" => null,
        { } text when ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number > 0 => number,
        { } text => throw new FormatException($"{variable}={text}: expected a whole number above 0"),
    };
}
