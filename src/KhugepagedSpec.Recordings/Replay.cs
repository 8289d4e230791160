using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Recordings;

/// <summary>The first place where model and kernel part.</summary>
/// <param name="Pass">The pass, from 1.</param>
/// <param name="What">What differs: scan, attempt 17, table, ...</param>
/// <param name="Kernel">What the kernel did.</param>
/// <param name="Model">What the model did.</param>
/// <param name="Agreed">The last steps before it, on which they agree.</param>
public sealed record Mismatch(int Pass, string What, string Kernel, string Model, ImmutableArray<string> Agreed)
{
    /// <summary>For a scan line: the result that the kernel reported; null if there was no line, or something else differs.</summary>
    public ScanResult? KernelScan { get; init; }
}

/// <summary>Runs the model on recorded vectors and compares, pass by pass: scan, attempts, trace lines, table, statistics, return
/// value.</summary>
public static class Replay
{
    private const int ContextSteps = 2;

    /// <summary>Replays a vector that was recorded alone.</summary>
    /// <returns>The first difference, or null if model and kernel agree in everything.</returns>
    public static Mismatch? Run(RecordedVector vector, KhugepagedVersion version) => Run([vector], version);

    /// <summary>Replays vectors that were recorded in the same passes.</summary>
    /// <returns>The first difference, or null if model and kernel agree in everything.</returns>
    public static Mismatch? Run(IReadOnlyList<RecordedVector> together, KhugepagedVersion version)
    {
        var guest = new VectorMachine(together, version);
        for (int i = 0; i < together.Count; i++)
            if (!together[i].Input.Program.IsEmpty && CompareTables(together[i].Before, guest.Processes[i].TableBefore) is { } program)
                return new Mismatch(1, $"{program.What} before, as the program left it", program.Kernel, program.Model, []);
        for (int pass = 1; pass <= together[0].Passes.Length; pass++)
        {
            var runs = guest.Pass();
            if (Compare(guest, [.. together.Select(vector => vector.Passes[pass - 1])], runs, pass) is { } mismatch)
                return mismatch;
            for (int i = 0; i < together.Count; i++)
                if (pass == together[i].ThenAfter)
                    guest.Processes[i].RunThen();
        }
        return null;
    }

    /// <summary>Compares the pass that <paramref name="guest"/> just ran with what the kernel did.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="recorded">What the kernel did, process by process.</param>
    /// <param name="runs">What the model did, process by process.</param>
    /// <param name="pass">The pass's number, from 1.</param>
    /// <returns>The first difference, or null.</returns>
    public static Mismatch? Compare(VectorMachine guest, ImmutableArray<RecordedPass> recorded, ImmutableArray<ProcessPass> runs,
        int pass) =>
        FirstDifference(guest, recorded, runs) is { } found
            ? new Mismatch(pass, found.What, found.Kernel, found.Model, found.Agreed ?? []) { KernelScan = found.KernelScan } : null;

    private static Difference? FirstDifference(VectorMachine guest, ImmutableArray<RecordedPass> recorded, ImmutableArray<ProcessPass> runs)
    {
        var foreign = new List<ScanLine>();
        for (int i = 0; i < runs.Length; i++)
        {
            int others = ForeignLines(guest, recorded[i], runs[i]);
            foreign.AddRange(recorded[i].Scans[..others]);
            if (Compare(guest.Processes[i], recorded[i], recorded[i].Scans.AsSpan()[others..], runs[i]) is { } difference)
                return runs.Length == 1 ? difference : difference with { What = $"{difference.What}, process {i + 1}" };
        }
        var counters = recorded[0].Counters;
        return Counters.Compare(counters, guest.ReadStatistics(), foreign, recorded[0].After.Geometry,
            isKhugepaged: runs[0].Madvise is null)
            ?? IfRead("memory.stat thp_collapse_alloc", counters.CgroupCollapseAllocs, guest.Machine.Statistics.CgroupCollapseAllocs)
            ?? IfRead("warning about max_ptes_none", counters.WarnedOfMaxPtesNone, guest.Machine.HasWarnedOfMaxPtesNone);

        static Difference? IfRead<T>(string what, T? kernel, T model)
            where T : struct => kernel is { } read ? Difference.If(what, read, model) : null;
    }

    private static Difference? Compare(VectorProcess process, RecordedPass recorded, ReadOnlySpan<ScanLine> scans, ProcessPass run) =>
        (recorded.IsTraced ? CompareScans(scans, run) ?? CompareAttempts(recorded.Attempts, run, process.Base) : null)
        ?? CompareTraces(recorded.Trace, run.Trace)
        ?? (recorded.Progress is { } progress && run.Progress is { } counted ? Difference.If("pages_to_scan", progress, counted) : null)
        ?? CompareTables(recorded.After, process.Table)
        ?? Difference.If("AnonHugePages", recorded.PmdMappedKb, process.PmdMappedKb)
        ?? (run.Madvise is null ? null
            : Difference.If("return", recorded.Return, run.Madvise.Return) ?? Difference.If("errno", recorded.Errno,
            (int)run.Madvise.Errno));

    // Where VMAs are eligible that never asked, the recorder's own processes are scanned before ours. They have no attempts;
    // their lines come first, and what they add to the statistics is taken off.
    private static int ForeignLines(VectorMachine guest, RecordedPass recorded, ProcessPass run) =>
        guest.OthersAreEligible ? Math.Max(0, recorded.Scans.Length - run.Tables.Length) : 0;

    private static Difference? CompareScans(ReadOnlySpan<ScanLine> recorded, ProcessPass run)
    {
        for (int i = 0; i < Math.Max(recorded.Length, run.Tables.Length); i++)
        {
            ScanLine? kernel = i < recorded.Length ? recorded[i] : null;
            ScanLine? model = i < run.Tables.Length ? LineOf(run.Tables[i]) : null;
            if (kernel != model)
                return new($"scan {i + 1}", kernel?.ToString() ?? "none", model?.ToString() ?? "none") { KernelScan = kernel?.Status };
        }
        return null;
    }

    private static ScanLine LineOf(TableRun run) => new(run.Status, run.Scan.Referenced, run.Scan.NoneOrZero, run.Scan.Unmapped);

    private static Difference? CompareAttempts(ImmutableArray<Attempt> recorded, ProcessPass pass, long origin)
    {
        int index = 0;
        foreach (var run in pass.Tables)
        {
            int shift = (int)(run.Start - origin);
            foreach (var attempt in run.Attempts)
            {
                var model = shift == 0 ? attempt : attempt with { Offset = attempt.Offset + shift };
                if (index >= recorded.Length || recorded[index] != model)
                    return At(index, model.ToString());
                index++;
            }
        }
        return index < recorded.Length ? At(index, "none") : null;

        Difference At(int index, string model) => new(
            $"attempt {index + 1}", index < recorded.Length ? recorded[index].ToString() : "none", model,
            [.. recorded.AsSpan()[Math.Max(0, index - ContextSteps)..index].ToArray().Select(attempt => attempt.ToString())]);
    }

    private static Difference? CompareTraces(ImmutableArray<string>? recorded, ImmutableArray<string> model)
    {
        if (recorded is not { } kernel)
            return null;
        for (int i = 0; i < Math.Max(kernel.Length, model.Length); i++)
        {
            string theirs = i < kernel.Length ? kernel[i] : "none", ours = i < model.Length ? model[i] : "none";
            if (!TraceNormalForm.Agree(theirs, ours))
                return new($"trace line {i + 1}", theirs, ours, [.. kernel.AsSpan()[Math.Max(0, i - ContextSteps)..i]]);
        }
        return null;
    }

    private static Difference? CompareTables(PageTable recorded, PageTable model)
    {
        if ((recorded.Pmd == PmdState.HugeZero) != (model.Pmd == PmdState.HugeZero))
            return new("table", TableNotation.WriteRecorded(recorded), TableNotation.WriteRecorded(model));
        for (int i = 0; i < recorded.Cells.Length; i++)
        {
            var (kernel, mine) = (Observed(recorded.Cells[i]), Observed(model.Cells[i]));
            if (kernel != mine)
                return new($"table at {i}", TableNotation.WriteRecorded(recorded), TableNotation.WriteRecorded(Observed(model)));
        }
        return null;
    }

    private static PageTable Observed(PageTable table) =>
        new(table.Geometry, [.. table.Cells.Select(cell => Observed(cell) is { Kind: PteKind.Page } seen
        ? seen with { Flags = seen.Flags | (seen.Has(CellFlags.LazyFree) && seen.Order == 0 ? CellFlags.None
            : CellFlags.Young | CellFlags.Dirty) }
        : Observed(cell))]);

    // A recorder sees no accessed bit, no pin and no contents, and tells only large folios by their age.
    private static Cell Observed(Cell cell) => new(cell.Kind, cell.Flags & CellFlags.Observable, cell.Order, cell.Page);
}

/// <summary>Something that differs.</summary>
internal sealed record Difference(string What, string Kernel, string Model, ImmutableArray<string>? Agreed = null)
{
    /// <summary>For a scan line: the kernel's result.</summary>
    public ScanResult? KernelScan { get; init; }

    /// <summary>The difference between two values, or null if they are equal.</summary>
    public static Difference? If<T>(string what, T kernel, T model) =>
        EqualityComparer<T>.Default.Equals(kernel, model) ? null : new(what, $"{kernel}", $"{model}");
}
