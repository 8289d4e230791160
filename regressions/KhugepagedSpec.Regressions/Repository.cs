using System.Runtime.CompilerServices;

namespace KhugepagedSpec;

/// <summary>The checkout that the tests were built from: snapshots and counterexamples are written into it, so it must be there.</summary>
internal static class Repository
{
    /// <summary>Its folder, in every configuration.</summary>
    public static string Folder { get; } = Found(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..")));

    /// <summary>A file or folder in it.</summary>
    public static string At(params ReadOnlySpan<string> parts) => Path.Combine([Folder, .. parts]);

    private static string Found(string folder) =>
        File.Exists(Path.Combine(folder, "KhugepagedSpec.sln")) ? folder
        : throw new DirectoryNotFoundException($"{folder}: no KhugepagedSpec.sln: expected the folder that the tests were built in");

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
