using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Kernel.Vectors;

/// <summary>The first place where model and kernel part.</summary>
/// <param name="Pass">The pass, from 1.</param>
/// <param name="What">What differs: scan, attempt 17, table, ...</param>
/// <param name="Kernel">What the kernel did.</param>
/// <param name="Model">What the model did.</param>
/// <param name="Agreed">The last steps before it, on which they agree.</param>
public sealed record Mismatch(int Pass, string What, string Kernel, string Model, ImmutableArray<string> Agreed);

/// <summary>Runs the model on a recorded vector and compares, pass by pass: scan, attempts, table, statistics, return value.</summary>
public static class Replay
{
    private const int ContextSteps = 2;

    /// <summary>Replays a vector.</summary>
    /// <returns>The first difference, or null if model and kernel agree in everything.</returns>
    public static Mismatch? Run(RecordedVector vector, KhugepagedVersion version)
    {
        var guest = new VectorMachine(vector, version);
        for (int pass = 1; pass <= vector.Passes.Length; pass++)
        {
            var (report, madvise) = guest.Pass();
            if (Compare(guest, vector.Passes[pass - 1], report, madvise, pass) is { } mismatch)
                return mismatch;
            if (pass == vector.ThenAfter)
                guest.RunThen();
        }
        return null;
    }

    /// <summary>Compares the pass that <paramref name="guest"/> just ran with what the kernel did.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="recorded">What the kernel did.</param>
    /// <param name="report">What the model did.</param>
    /// <param name="madvise">What the model's MADV_COLLAPSE returned; null for khugepaged.</param>
    /// <param name="pass">The pass's number, from 1.</param>
    /// <returns>The first difference, or null.</returns>
    public static Mismatch? Compare(VectorMachine guest, RecordedPass recorded, PassReport report, MadviseReport? madvise, int pass) =>
        FirstDifference(guest, recorded, report, madvise) is { } found ? new Mismatch(pass, found.What, found.Kernel, found.Model, found.Agreed ?? []) : null;

    private static Difference? FirstDifference(VectorMachine guest, RecordedPass recorded, PassReport report, MadviseReport? madvise)
    {
        var foreign = ForeignLines(guest, recorded, report);
        var added = guest.ReadStatistics();
        return CompareScans(recorded.Scans.AsSpan()[foreign.Length..], report)
            ?? CompareAttempts(recorded.Attempts, report, guest.Base)
            ?? CompareTables(recorded.After, guest.Table)
            ?? Differ("AnonHugePages", recorded.PmdMappedKb, guest.PmdMappedKb)
            ?? CompareStatistics(recorded, added, foreign)
            ?? Differ("pages_collapsed", recorded.PagesCollapsed, added.PagesCollapsed)
            ?? (madvise is null
                ? Differ("full_scans", recorded.FullScans, added.FullScans)
                : Differ("return", recorded.Return, madvise.Return) ?? Differ("errno", recorded.Errno, (int)madvise.Errno));
    }

    // Where VMAs are eligible that never asked, the recorder's own processes are scanned before ours. They have no attempts;
    // their lines come first, and what they add to the statistics is taken off.
    private static ReadOnlySpan<ScanLine> ForeignLines(VectorMachine guest, RecordedPass recorded, PassReport report) =>
        guest.OthersAreEligible && recorded.Scans.Length > report.Tables.Count
            ? recorded.Scans.AsSpan()[..(recorded.Scans.Length - report.Tables.Count)]
            : [];

    private static Difference? CompareScans(ReadOnlySpan<ScanLine> recorded, PassReport report)
    {
        for (int i = 0; i < Math.Max(recorded.Length, report.Tables.Count); i++)
        {
            ScanLine? kernel = i < recorded.Length ? recorded[i] : null;
            ScanLine? model = i < report.Tables.Count ? LineOf(report.Tables[i]) : null;
            if (kernel != model)
                return new($"scan {i + 1}", kernel?.ToString() ?? "none", model?.ToString() ?? "none");
        }
        return null;
    }

    private static ScanLine LineOf(TableRun run) => new(run.Status, run.Scan.Referenced, run.Scan.NoneOrZero, run.Scan.Unmapped);

    private static Difference? CompareAttempts(ImmutableArray<Attempt> recorded, PassReport report, long origin)
    {
        int index = 0;
        foreach (var run in report.Tables)
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

    private static Difference? CompareTables(PageTable recorded, PageTable model)
    {
        for (int i = 0; i < recorded.Cells.Length; i++)
        {
            var (kernel, mine) = (Observed(recorded.Cells[i]), Observed(model.Cells[i]));
            if (kernel != mine)
                return new($"table at {i}", TableNotation.WriteRecorded(recorded), TableNotation.WriteRecorded(Observed(model)));
        }
        return null;
    }

    private static PageTable Observed(PageTable table) => new(table.Geometry, [.. table.Cells.Select(cell => Observed(cell) is { Kind: PteKind.Page } seen
        ? seen with { Flags = seen.Flags | (seen.Has(CellFlags.LazyFree) && seen.Order == 0 ? CellFlags.None : CellFlags.Young | CellFlags.Dirty) }
        : Observed(cell))]);

    // A recorder sees no accessed bit, no pin and no contents, and tells only large folios by their age.
    private static Cell Observed(Cell cell) => new(cell.Kind, cell.Flags & CellFlags.Observable, cell.Order, cell.Page);

    private static Difference? CompareStatistics(RecordedPass recorded, Statistics added, ReadOnlySpan<ScanLine> foreign)
    {
        var kernel = new Statistics();
        foreach (var (name, order, value) in recorded.Statistics)
        {
            if (!Statistics.TryParse(name, out var statistic))
                return new("statistics", $"{name}.{order}={value}", "not modelled");
            kernel.Count(statistic, order, value);
        }
        int pmdOrder = recorded.After.Geometry.PmdOrder;
        foreach (var line in foreign)
        {
            MthpStatistic? counted = line.Status switch
            {
                ScanResult.ExceedNonePte => MthpStatistic.CollapseExceedNonePte,
                ScanResult.ExceedSwapPte => MthpStatistic.CollapseExceedSwapPte,
                ScanResult.ExceedSharedPte => MthpStatistic.CollapseExceedSharedPte,
                _ => null,
            };
            if (counted is { } statistic)
                kernel.Count(statistic, pmdOrder, -1);
        }
        return kernel.SizesEqual(added) ? null : new("statistics", List(kernel), List(added));
    }

    private static string List(Statistics statistics) =>
        string.Join(' ', statistics.Sizes().Select(entry => $"{entry.Name}.{entry.Order}={entry.Value}"));

    private static Difference? Differ<T>(string what, T kernel, T model) =>
        EqualityComparer<T>.Default.Equals(kernel, model) ? null : new(what, $"{kernel}", $"{model}");

    private sealed record Difference(string What, string Kernel, string Model, ImmutableArray<string>? Agreed = null);
}
