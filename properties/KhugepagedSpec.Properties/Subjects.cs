using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>The versions under test. KHUGEPAGEDSPEC_MODEL puts another, say a known-bad one, in the place of Linux 7.2.</summary>
internal static class Subjects
{
    public const string Variable = "KHUGEPAGEDSPEC_MODEL";

    /// <summary>What stands in the place of Linux 7.2.</summary>
    public static KhugepagedVersion Linux72 { get; } = Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" => Catalogue.Linux72,
        { } name => Catalogue.Find(name) ?? throw new FormatException(
            $"{Variable}={name}: no khugepaged is called that; khugepaged-spec versions lists them"),
    };

    /// <summary>All of them.</summary>
    public static ImmutableArray<KhugepagedVersion> All { get; } = Catalogue.Versions.Replace(Catalogue.Linux72, Linux72);
}
