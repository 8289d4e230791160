using System.Collections.Immutable;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Regressions;

/// <summary>A version of khugepaged as the kernel of a recording: what a kernel that does what it does would be seen to do.</summary>
internal static class ModelRecorder
{
    /// <summary>The first scenarios that compare would give Linux 7.2.</summary>
    public static ImmutableArray<VectorInput> Inputs(int batches, ulong seed)
    {
        var scenarios = new LiveScenarios(seed, KernelAbilities.FromGreeting("7.2.13 #1\nswap 1\n"));
        return [.. Enumerable.Range(0, batches).SelectMany(number => scenarios.Batch(number)
            .Select((scenario, i) => LiveInput.Of($"b{number}_{i + 1}", scenario, LiveComparison.Passes, beside: true)))];
    }

    /// <summary>A file of what a version did, one vector a line, as a recording of that release.</summary>
    public static string File(IEnumerable<VectorInput> inputs, KhugepagedVersion version, string release = "7.2.13") =>
        string.Join('\n', inputs.Select(input => VectorWriter.Line(Record(input, version))).Prepend(VectorWriter.Meta(release))) + "\n";

    /// <summary>What a version did.</summary>
    /// <param name="input">With what.</param>
    /// <param name="version">The version.</param>
    /// <param name="traced">With its trace lines, and what it counted towards pages_to_scan.</param>
    public static RecordedVector Record(VectorInput input, KhugepagedVersion version, bool traced = false)
    {
        var asked = new RecordedVector { Input = input, Before = TableBuilder.Wish(input), Passes = [] };
        var guest = new VectorMachine([asked], version, traced);
        var process = guest.Processes[0];
        var before = input.Program.IsEmpty ? asked.Before : process.TableBefore;
        var passes = ImmutableArray.CreateBuilder<RecordedPass>();
        for (int pass = 0; pass < input.Passes; pass++)
        {
            var run = guest.Pass()[0];
            var counted = guest.ReadStatistics();
            passes.Add(new RecordedPass
            {
                Counters = new PassCounters(counted.FullScans, counted.PagesCollapsed,
                    [.. counted.Sizes().Select(size => (size.Name, size.Order, size.Value))],
                    [.. counted.Events().Select(one => (one.Name, one.Value))]),
                After = process.Table,
                PmdMappedKb = process.PmdMappedKb,
                Attempts = [.. run.Tables.SelectMany(table => table.Attempts.Select(attempt => attempt with
                {
                    Offset = attempt.Offset + (int)(table.Start - process.Base),
                }))],
                Scans = [.. run.Tables.Select(table =>
                    new ScanLine(table.Status, table.Scan.Referenced, table.Scan.NoneOrZero, table.Scan.Unmapped))],
                Trace = traced ? run.Trace : null,
                Progress = run.Progress,
                Return = run.Madvise?.Return,
                Errno = (int?)run.Madvise?.Errno,
            });
        }
        return asked with { Before = before, Passes = passes.ToImmutable() };
    }
}
