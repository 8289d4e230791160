using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using KhugepagedSpec.Benchmarks;

var config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
var summary = BenchmarkRunner.Run<ReplayBenchmark>(config);
foreach (var report in summary.Reports)
    if (report.ResultStatistics is { } statistics)
        Console.WriteLine($"{report.BenchmarkCase.Descriptor.WorkloadMethod.Name,-10} {1e9 / statistics.Mean,10:N0} vectors a second on one core");
return summary.Reports.All(report => report.Success) ? 0 : 1;
