using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What kind of step an <see cref="ExplainStep"/> is.</summary>
internal enum StepKind
{
    /// <summary>The range was not scanned, and why.</summary>
    NotScanned,

    /// <summary>The scan of a range.</summary>
    Scan,

    /// <summary>What becomes of the mmap lock after the scan.</summary>
    Lock,

    /// <summary>A window of the walk, or a run of empty ones.</summary>
    Walk,

    /// <summary>A line in the kernel's log.</summary>
    Log,

    /// <summary>How the visit ended.</summary>
    Result,

    /// <summary>What MADV_COLLAPSE returned.</summary>
    Madvise,
}

/// <summary>One step of a pass in words: a scan, a window of the walk, how a visit ended.</summary>
/// <param name="Kind">What kind of step.</param>
/// <param name="Text">What happened.</param>
/// <param name="Line">For a walk: its line.</param>
/// <param name="Where">The range, if it is another than the explained table's.</param>
internal sealed record ExplainStep(StepKind Kind, string Text, WalkLine? Line = null, string? Where = null)
{
    /// <summary>What was in the way, in words with a PTE or a figure; null if nothing was.</summary>
    public string? Why { get; init; }

    /// <summary>What stands before the text; empty if that says it all.</summary>
    public string Label => Kind == StepKind.NotScanned ? "" : Kind.ToString().ToLowerInvariant();

    /// <summary>Text and reason in one.</summary>
    public string Whole => Why is null ? Text : $"{Text}: {Why}";

    /// <summary>All steps of one pass, in order.</summary>
    /// <param name="explained">The run.</param>
    /// <param name="pass">The pass, from 0.</param>
    /// <param name="everyStep">Steps through disabled orders and single empty windows too.</param>
    public static IEnumerable<ExplainStep> Of(Explained explained, int pass, bool everyStep)
    {
        var run = explained.Passes[pass].Run;
        if (run.Report.Tables.Count == 0)
            yield return new(StepKind.NotScanned, "not scanned") { Why = explained.Passes[pass].WhyNotScanned };
        foreach (var table in run.Report.Tables)
            foreach (var step in OfRange(explained, table, everyStep))
                yield return step;
        if (run.Madvise is { } madvise)
            yield return new(StepKind.Madvise,
                Invariant($"returns {madvise.Return}{(madvise.Errno == Errno.None ? "" : $", {madvise.Errno}")}"));
    }

    private static IEnumerable<ExplainStep> OfRange(Explained explained, TableRun table, bool everyStep)
    {
        var scan = table.Scan;
        string? where = table.Mm > 1 ? "the child's" : table.Start != explained.Base ? Invariant($"at {table.Start - explained.Base}")
            : null;
        yield return new(
            StepKind.Scan,
            table.Text.KernelNameOf(scan.Result)
            + Invariant($": {scan.NoneOrZero} none or zero, {scan.Unmapped} unmapped, {scan.Shared} shared, {scan.Referenced} referenced"),
            Where: where)
        {
            Why = scan.Why is { } why ? RefusalText.Of(why, explained.Settings, explained.Settings.Geometry.PmdOrder) : null,
        };
        if (scan.Result != ScanResult.Succeed)
        {
            if (everyStep)
                yield return new(StepKind.Lock, "the mmap lock is kept: nothing else was tried", Where: where);
            yield break;
        }
        if (everyStep)
            yield return new(StepKind.Lock, "the mmap lock is dropped: from here on the VMA may change or go", Where: where);
        foreach (var line in everyStep ? WalkText.EveryStep(table) : WalkText.Summary(table))
            yield return new(StepKind.Walk, line.Text, line, where) { Why = line.Why(explained.Settings) };
        if (table.WarnedOfMaxPtesNone)
        {
            var (value, most) = (explained.Settings.MaxPtesNone, explained.Settings.Geometry.MaxPtesLimit);
            string taken = table.Walk is [.., { Reason: WalkReason.Unsupported }] ? "not supported" : "taken for 0";
            yield return new(StepKind.Log,
                Invariant($"once a boot: max_ptes_none {value} is {taken} below the PMD order, where only 0 and {most} count"),
                    Where: where);
        }

        string result = table.Text.KernelNameOf(table.Status);
        yield return new(StepKind.Result, $"{result}{(table.Attempts.Count > 0 ? "" : WhyNothingWasTried(table))}", Where: where);
    }

    private static string WhyNothingWasTried(TableRun table) =>
        table.Walk is [.., { Reason: WalkReason.Unsupported }] ? ": the limit ended the walk"
        : table.Scan.Enabled.IsEmpty ? ": no size is enabled any more"
        : ": no window was worth a try";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
