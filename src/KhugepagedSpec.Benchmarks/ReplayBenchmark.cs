using System.Text.Json;
using BenchmarkDotNet.Attributes;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Benchmarks;

/// <summary>
/// Replay of the recorded Linux 7.2.13, on one core: once from parsed vectors, once from the file, beside the JSON library's own reading of
/// as many lines.
/// </summary>
[MemoryDiagnoser]
public class ReplayBenchmark
{
    /// <summary>Vectors in the file; each operation is one vector.</summary>
    public const int Vectors = 1945;

    private string[] _lines = [];

    private readonly string _file = Path.Combine(AppContext.BaseDirectory, "recorded", "linux-7.2.13.jsonl");

    private List<RecordedVector> _vectors = [];

    /// <summary>Parses the file.</summary>
    [GlobalSetup]
    public void Parse()
    {
        _vectors = [.. VectorReader.Read(_file, Geometry.X86).Where(line => line.Vector is not null).Select(line => line.Vector!)];
        _lines = File.ReadAllLines(_file)[^Vectors..];
        if (_vectors.Count != Vectors)
            throw new InvalidOperationException($"{_vectors.Count} vectors in {_file}: expected {Vectors}");
    }

    /// <summary>The peer: a document of each line, and nothing looked at.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Vectors)]
    public int JsonDocuments()
    {
        int known = 0;
        foreach (string line in _lines)
        {
            using var document = JsonDocument.Parse(line);
            known += document.RootElement.ValueKind == JsonValueKind.Object ? 1 : 0;
        }
        return known;
    }

    /// <summary>Model and comparison only.</summary>
    [Benchmark(OperationsPerInvoke = Vectors)]
    public int Parsed() => _vectors.Count(vector => Replay.Run(vector, Catalogue.Linux72) is not null);

    /// <summary>Reading, parsing, model and comparison.</summary>
    [Benchmark(OperationsPerInvoke = Vectors)]
    public int FromFile() =>
        VectorReader.Read(_file, Geometry.X86)
            .Count(line => line.Vector is { } vector && Replay.Run(vector, Catalogue.Linux72) is not null);
}
