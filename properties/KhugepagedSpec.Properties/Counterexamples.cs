using KhugepagedSpec.Checking;

namespace KhugepagedSpec.Properties;

/// <summary>Where counterexamples are kept: beside the snapshots.</summary>
internal static class Counterexamples
{
    public static string Folder { get; } = Repository.At("regressions", "KhugepagedSpec.Regressions", "counterexamples");

    public static Corpus Corpus { get; } = new(Folder);
}
