using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Guests.Live;

/// <summary>As much of a captured process as a guest can build by touching memory: the whole PMD ranges of its private anonymous VMAs, with
/// pages of order 0 that nobody else maps, and the zero page.</summary>
/// <param name="Process">The process, without the rest.</param>
/// <param name="Pages">Pages in whole PMD ranges of the process as it was captured.</param>
/// <param name="LeftOut">PMD ranges with pages that are empty here, by what they hold or why.</param>
public sealed record RebuildableProcess(ProcessCapture Process, long Pages, ImmutableSortedDictionary<string, long> LeftOut)
{
    /// <summary>Chooses.</summary>
    /// <param name="capture">The process.</param>
    public static RebuildableProcess Of(ProcessCapture capture)
    {
        var left = new Dictionary<string, long>();
        var vmas = ImmutableArray.CreateBuilder<CapturedVma>();
        foreach (var vma in capture.Vmas.Where(vma => !vma.Ranges.IsEmpty))
        {
            string? whole = WhyNot(capture.Head, vma.Vma.Flags);
            ImmutableArray<CapturedRange> ranges = [.. vma.Ranges.Select(range => Kept(range, whole))];
            if (whole is null)
                vmas.Add(Of(vma, ranges));
        }
        return new(
            capture with { Vmas = vmas.ToImmutable(), End = capture.End with { Rollup = null } },
            capture.Pages.Anonymous - capture.Outside.Anonymous, left.ToImmutableSortedDictionary(StringComparer.Ordinal));

        CapturedRange Kept(CapturedRange range, string? whole)
        {
            if (SeenTable.IsEmpty(range.Table) || (whole ?? WhyNot(range)) is not { } why)
                return range;
            left[why] = left.GetValueOrDefault(why) + range.Count;
            return range with { Table = PageTable.Empty(range.Table.Geometry), Changed = false };
        }
    }

    private static CapturedVma Of(CapturedVma vma, ImmutableArray<CapturedRange> ranges)
    {
        var pages = new PageCounts(ranges.Sum(range => range.Count * SeenTable.Pages(range.Table)), 0, 0, 0);
        return vma with
        {
            Vma = vma.Vma with { Start = ranges[0].Start, End = ranges[^1].Start + ranges[^1].Count * ranges[^1].Table.Cells.Length },
            Ranges = ranges,
            Pages = pages,
            Smaps = pages,
            Outside = default,
        };
    }

    private static string? WhyNot(CaptureHead head, VmaFlags flags) =>
        head.ThpDisable != ThpDisable.No ? "the process refuses THP"
        : (flags & ~(VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.HugePage | VmaFlags.NoHugePage)) is not VmaFlags.None and var others
            ? $"VMA: {others}" : null;

    private static string? WhyNot(CapturedRange range) =>
        range.Changed ? "changed while it was read"
        : range.Table.Pmd == PmdState.Huge ? "large folios"
        : range.Table.Cells.Select(WhyNot).FirstOrDefault(why => why is not null);

    private static string? WhyNot(Cell cell) => cell switch
    {
        { Kind: PteKind.None or PteKind.ZeroPage } => null,
        { Kind: PteKind.Swap } => "swap entries",
        { Kind: not PteKind.Page } => "non-swap entries",
        { Order: > 0 } => "large folios",
        _ when cell.Has(CellFlags.Shared) => "pages shared after fork",
        _ when cell.Has(CellFlags.LazyFree) => "MADV_FREE",
        _ when cell.Has(CellFlags.NotAnon) || cell.Has(CellFlags.Ksm) || cell.Has(CellFlags.UffdWp) => "KSM, a file's pages or userfaultfd",
        _ => null,
    };
}
