using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli;

/// <summary>One step of a pass in words: a scan, a window of the walk, how a visit ended.</summary>
/// <param name="Label">What kind of step; empty if the text says it all.</param>
/// <param name="Text">What happened and why.</param>
/// <param name="Line">For a walk: its line.</param>
/// <param name="Where">The range, if it is another than the explained table's.</param>
internal sealed record ExplainStep(string Label, string Text, WalkLine? Line = null, string? Where = null)
{
    /// <summary>All steps of one pass, in order.</summary>
    /// <param name="explained">The run.</param>
    /// <param name="pass">The pass, from 0.</param>
    /// <param name="everyStep">Steps through disabled orders and single empty windows too.</param>
    public static IEnumerable<ExplainStep> Of(Explained explained, int pass, bool everyStep)
    {
        var run = explained.Passes[pass].Run;
        if (run.Report.Tables.Count == 0)
            yield return new("", $"not scanned: {WhyNotScanned(explained)}");
        foreach (var table in run.Report.Tables)
            foreach (var step in OfRange(explained, table, everyStep))
                yield return step;
        if (run.Madvise is { } madvise)
            yield return new("madvise", Invariant($"returns {madvise.Return}{(madvise.Errno == Errno.None ? "" : $", {madvise.Errno}")}"));
    }

    private static IEnumerable<ExplainStep> OfRange(Explained explained, TableRun table, bool everyStep)
    {
        var scan = table.Scan;
        string? where = table.Mm > 1 ? "the child's" : table.Start != explained.Base ? Invariant($"at {table.Start - explained.Base}") : null;
        yield return new(
            "scan",
            table.Text.KernelNameOf(scan.Result)
            + Invariant($": {scan.NoneOrZero} none or zero, {scan.Unmapped} unmapped, {scan.Shared} shared, {scan.Referenced} referenced"),
            Where: where);
        if (scan.Result != ScanResult.Succeed)
        {
            if (everyStep)
                yield return new("lock", "the mmap lock is kept: nothing else was tried", Where: where);
            yield break;
        }
        if (everyStep)
            yield return new("lock", "the mmap lock is dropped: from here on the VMA may change or go", Where: where);
        foreach (var line in everyStep ? WalkText.EveryStep(table) : WalkText.Summary(table))
            yield return new("walk", line.Text, line, where);
        if (table.WarnedOfMaxPtesNone)
        {
            var (value, most) = (explained.Settings.MaxPtesNone, explained.Settings.Geometry.MaxPtesLimit);
            yield return new("log", Invariant($"once a boot: max_ptes_none {value} is taken for 0 below the PMD order, where only 0 and {most} count"), Where: where);
        }

        string result = table.Text.KernelNameOf(table.Status);
        yield return new("result", $"{result}{(table.Attempts.Count > 0 ? "" : scan.Enabled.IsEmpty ? ": no size is enabled any more" : ": no window was worth a try")}", Where: where);
    }

    private static string WhyNotScanned(Explained explained)
    {
        var (vma, settings) = (explained.Vma, explained.Settings);
        int pages = settings.Geometry.Pages;
        return explained.Process is { IsRegistered: false } ? "khugepaged does not know the process"
            : !vma.Covers(explained.Base, explained.Base + pages) ? "the VMA does not span the PMD range"
            : vma.Has(VmaFlags.NoHugePage) ? "the VMA has VM_NOHUGEPAGE"
            : !vma.HasAnonVma ? "no page was ever faulted in: the VMA has no anon_vma"
            : settings.OrdersFor(vma.IsAdvised).IsEmpty && explained.Kind == CollapseKind.Khugepaged ? "no size is enabled for this VMA"
            : "the process or the VMA refuses THP";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
