using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What the replay of one file found.</summary>
internal sealed class ReplayReport(string path)
{
    public string Path { get; } = path;

    public string? Kernel { get; set; }

    public bool IsInterrupted { get; set; }

    public required KhugepagedVersion Version { get; set; }

    public int Vectors { get; private set; }

    public int Passes { get; private set; }

    public int Attempts { get; private set; }

    public List<(RecordedVector Vector, Mismatch Mismatch)> Differing { get; } = [];

    /// <summary>The ids of all, in the file's order.</summary>
    public List<string> Ids { get; } = [];

    public List<VectorLine> Unreadable { get; } = [];

    public SortedDictionary<string, (int Vectors, int Passes, int Attempts, int Differ)> ByPrefix { get; } = new(StringComparer.Ordinal);

    public void Add(RecordedVector vector, Mismatch? mismatch)
    {
        int attempts = vector.Passes.Sum(pass => pass.Attempts.Length);
        Vectors++;
        Ids.Add(vector.Id);
        Passes += vector.Passes.Length;
        Attempts += attempts;
        if (mismatch is not null)
            Differing.Add((vector, mismatch));
        string prefix = vector.Id.Split('_')[0];
        var sum = ByPrefix.GetValueOrDefault(prefix);
        ByPrefix[prefix] = (sum.Vectors + 1, sum.Passes + vector.Passes.Length, sum.Attempts + attempts, sum.Differ
            + (mismatch is null ? 0 : 1));
    }
}
