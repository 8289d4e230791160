using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using KhugepagedSpec.Benchmarks;

if (args is ["walks"])
{
    WalkPeers.Run();
    return 0;
}
if (args is ["interleavings"])
{
    InterleavingPeers.Run();
    return 0;
}
var config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
var reports = new[] { BenchmarkRunner.Run<ReplayBenchmark>(config), BenchmarkRunner.Run<GeneratorBenchmark>(config) }.SelectMany(summary =>
    summary.Reports).ToList();
foreach (var report in reports)
    if (report.ResultStatistics is { } statistics)
        Console.WriteLine($"{report.BenchmarkCase.Descriptor.DisplayInfo,-32} {1e9 / statistics.Mean,10:N0} a second on one core");
return reports.All(report => report.Success) ? 0 : 1;
