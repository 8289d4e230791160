using System.Globalization;
using KhugepagedSpec.Processes;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What was captured, for people.</summary>
internal static class CaptureText
{
    /// <summary>All but how it ended.</summary>
    public static void Print(ProcessCapture capture)
    {
        PrintHead(capture);
        bool isWhole = capture.Vmas.All(vma => vma.IsWhole);
        var (head, ours, theirs) = (capture.Head, capture.Pages, capture.Smaps);
        bool still = capture.Vmas.All(vma => !vma.Changed) && isWhole && capture.End.ChangedVmas.IsEmpty && !capture.IsPartial;
        Line($"{"",-14}{"here",14}{"smaps",14}");
        Compare("Anonymous", ours.Anonymous, theirs.Anonymous);
        Compare("AnonHugePages", ours.PmdMapped, theirs.PmdMapped);
        Compare("Swap", ours.Swap, theirs.Swap);
        Line($"{"large folios",-14}{head.Kilobytes(ours.Large),11:N0} kB   PMD-mapped or not");
        Line($"{"out of reach",-14}{head.Kilobytes(capture.Outside.Anonymous),11:N0} kB   "
            + $"of Anonymous: in no whole PMD range, or of a file's mapping");
        if (head.Shared > 0)
            Line($"{"shared",-14}{head.Kilobytes(head.Shared),11:N0} kB   of shared mappings or hugetlb: there, and not judged");
        PrintDisagreeing(capture);
        int unsure = UsedInPart(capture);
        if (unsure > 0)
            Line($"{unsure} VMAs were referenced in part: all their pages count as used");
        if (!capture.End.ChangedVmas.IsEmpty)
            Line($"{capture.End.ChangedVmas.Length} VMAs changed, came or went while the process was read: "
                + $"each range is as it was at one time, not all at the same");

        void Compare(string name, long here, long smaps) =>
            Line($"{name,-14}{head.Kilobytes(here),11:N0} kB{head.Kilobytes(smaps),11:N0} kB   "
                + $"{(here == smaps ? "the same" : still ? "DIFFERENT" : isWhole ? "it changed meanwhile" : "of whole VMAs")}");
    }

    /// <summary>VMAs whose memory was used in part: all of it counts as used.</summary>
    public static int UsedInPart(ProcessCapture capture) =>
        capture.Vmas.Count(vma => vma.Used == UsedPages.Some && vma.Pages.Anonymous > 0);

    /// <summary>What stood still and yet counts differently here and in smaps or smaps_rollup.</summary>
    public static void PrintDisagreeing(ProcessCapture capture)
    {
        var head = capture.Head;
        foreach (var vma in capture.Disagreeing)
            Line($"DIFFERS: {head.Pid}: {head.Address(vma.Vma.Start)}-{head.Address(vma.Vma.End)} {vma.Name} stood still, "
                + $"and smaps has Anonymous {head.Kilobytes(vma.Smaps.Anonymous)} kB, "
                + $"AnonHugePages {head.Kilobytes(vma.Smaps.PmdMapped)} kB, Swap {head.Kilobytes(vma.Smaps.Swap)} kB");
        if (capture is { RollupDiffers: true, End.Rollup: { } rollup })
            Line($"DIFFERS: {head.Pid}: it stood still, and smaps_rollup has "
                + $"Anonymous {head.Kilobytes(rollup.Anonymous)} kB, AnonHugePages {head.Kilobytes(rollup.PmdMapped)} kB");
    }

    /// <summary>Who was captured, and how much of it changed while it was read.</summary>
    public static void PrintHead(ProcessCapture capture)
    {
        var head = capture.Head;
        Line($"{head.Command} ({head.Pid}), Linux {head.Kernel}, {head.PageBytes / 1024}kB pages, {head.At:yyyy-MM-dd HH:mm:ss} UTC");
        long empty = capture.Vmas.Sum(vma => vma.Ranges.Where(range => range.Table.Pmd == PageTables.PmdState.None)
            .Sum(range => range.Count));
        Line($"{capture.Ranges:N0} PMD ranges in {capture.Vmas.Count(vma => !vma.Ranges.IsEmpty)} of "
            + $"{capture.Vmas.Length} private VMAs: {empty:N0} without a page, {capture.ChangedRanges} changed while they were read");
    }

    /// <summary>How the capture ended.</summary>
    public static string Ending(ProcessCapture capture) => capture.End.Ending switch
    {
        CaptureEnding.Complete => "complete",
        CaptureEnding.ProcessEnded => Text($"PARTIAL: the process ended; {capture.End.Vmas} of {capture.End.Of} VMAs were read"),
        CaptureEnding.Interrupted => Text($"PARTIAL: interrupted; {capture.End.Vmas} of {capture.End.Of} VMAs were read"),
        _ => Text($"PARTIAL: the file ends in the middle; it has {capture.End.Vmas} VMAs"),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
