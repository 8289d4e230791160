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
var summaries = new[] { BenchmarkRunner.Run<ReplayBenchmark>(config), BenchmarkRunner.Run<GeneratorBenchmark>(config) };
foreach (var summary in summaries)
{
    double? peer = summary.Reports.FirstOrDefault(report => report.BenchmarkCase.Descriptor.Baseline)?.ResultStatistics?.Mean;
    foreach (var report in summary.Reports)
        if (report.ResultStatistics is { } statistics)
            Console.WriteLine(FormattableString.Invariant(
                $"{report.BenchmarkCase.Descriptor.DisplayInfo,-32} {1e9 / statistics.Mean,10:N0} a second on one core, {peer / statistics.Mean:0.000} of its peer"));
}
return summaries.All(summary => summary.Reports.All(report => report.Success)) ? 0 : 1;
