using BenchmarkDotNet.Attributes;
using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Benchmarks;

/// <summary>Scenarios at the real geometry, on one core, beside FsCheck's own arrays of as many cells.</summary>
[MemoryDiagnoser]
public class GeneratorBenchmark
{
    private const int Scenarios = 1000;

    private readonly ulong _seed = 1;
    private readonly Gen<Cell[]> _cells = Gen.Elements(Cell.Plain, Cell.None).ArrayOf(Geometry.X86.Pages);

    /// <summary>Ours.</summary>
    [Benchmark(OperationsPerInvoke = Scenarios)]
    public Scenario Generated() => ScenarioGenerator.Random(_seed, Geometry.X86).Take(Scenarios).Last();

    /// <summary>The peer: tables of two kinds of cells, no settings, by FsCheck's array generator.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Scenarios)]
    public Cell[] ByFsCheck() => _cells.Sample(Scenarios).Last();
}
