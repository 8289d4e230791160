using System.Runtime.CompilerServices;
using KhugepagedSpec.Checking;

namespace KhugepagedSpec.Properties;

/// <summary>Where counterexamples are kept: beside the snapshots.</summary>
internal static class Counterexamples
{
    public static string Folder { get; } = Path.GetFullPath(Path.Combine(
        Path.GetDirectoryName(ThisFile())!, "..", "..", "regressions", "KhugepagedSpec.Regressions", "counterexamples"));

    public static Corpus Corpus { get; } = new(Folder);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
