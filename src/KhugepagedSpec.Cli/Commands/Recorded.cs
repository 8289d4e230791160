using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>The recordings this program came with.</summary>
internal static class Recorded
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "recorded");

    /// <summary>All of them, by name.</summary>
    /// <exception cref="UsageException">There are none.</exception>
    public static List<string> All()
    {
        List<string> paths = Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder, "*.jsonl").Order(StringComparer.Ordinal)] : [];
        return paths.Count > 0 ? paths : throw new UsageException("no recordings beside the program: expected a FILE");
    }

    /// <summary>The file that is called <paramref name="path"/>, or else the recording of that name; the path as it is if there is
    /// neither.</summary>
    public static string Find(string path)
    {
        string shipped = Path.Combine(Folder, path);
        return !File.Exists(path) && File.Exists(shipped) ? shipped : path;
    }
}
