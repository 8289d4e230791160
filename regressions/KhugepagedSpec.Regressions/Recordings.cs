using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Regressions;

/// <summary>The recorded kernels, and what the model makes of them.</summary>
internal static class Recordings
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "recorded");

    public static IReadOnlyList<RecordedVector> Read(string file)
    {
        var lines = VectorReader.Read(Path.Combine(Folder, file), Geometry.X86).ToList();
        Assert.DoesNotContain(lines, line => line.Error is not null);
        return [.. lines.Where(line => line.Vector is not null).Select(line => line.Vector!)];
    }

    public static IReadOnlyList<string> Differing(string file, KhugepagedVersion version) =>
        [.. Read(file).Where(vector => Replay.Run(vector, version) is not null).Select(vector => vector.Id)];
}
