using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>Pages of a process, counted by what <c>smaps</c> counts too, and by folio.</summary>
/// <param name="Anonymous">Present and anonymous, or behind an entry that stands for a page, as hwpoison's.</param>
/// <param name="PmdMapped">Of those, mapped by PMD entries (AnonHugePages).</param>
/// <param name="Large">Of those, in folios of order 1 or more, PMD-mapped or not.</param>
/// <param name="Swap">Swap entries.</param>
public readonly record struct PageCounts(long Anonymous, long PmdMapped, long Large, long Swap)
{
    /// <summary>Both together.</summary>
    public static PageCounts operator +(PageCounts a, PageCounts b) =>
        new(a.Anonymous + b.Anonymous, a.PmdMapped + b.PmdMapped, a.Large + b.Large, a.Swap + b.Swap);

    /// <summary>What is left of <paramref name="a"/> without <paramref name="b"/>.</summary>
    public static PageCounts operator -(PageCounts a, PageCounts b) =>
        new(a.Anonymous - b.Anonymous, a.PmdMapped - b.PmdMapped, a.Large - b.Large, a.Swap - b.Swap);
}

/// <summary>One PMD range of anonymous memory, or several neighbouring ones whose tables look the same.</summary>
/// <param name="Start">The first page.</param>
/// <param name="Count">How many PMD ranges.</param>
/// <param name="Table">The page table of each. An empty one counts as none: which it is cannot be seen.</param>
/// <param name="Changed">It changed each time it was read; what is here was never true at one time.</param>
public sealed record CapturedRange(long Start, long Count, PageTable Table, bool Changed);

/// <summary>One private VMA; those of hugetlb are left out, which nobody collapses and smaps counts apart.</summary>
/// <param name="Vma">Its extent, in pages, and its flags.</param>
/// <param name="Permissions">As <c>rw-p</c>.</param>
/// <param name="Name">What <c>maps</c> calls it; empty for nameless memory.</param>
/// <param name="Ranges">The PMD ranges that lie in it as a whole, if it is anonymous.</param>
/// <param name="Pages">All its pages, as counted here.</param>
/// <param name="Outside">Those that lie in no whole PMD range, or in a file's mapping: collapse never comes to them.</param>
/// <param name="Smaps">The same as <c>smaps</c> had it before, in pages; Large is 0, since it does not tell.</param>
/// <param name="Used">How many of the pages present were referenced.</param>
/// <param name="Changed">A part of it changed each time it was read.</param>
/// <param name="IsWhole">All of it was read, and not only what was asked for.</param>
public sealed record CapturedVma(
    Vma Vma, string Permissions, string Name, ImmutableArray<CapturedRange> Ranges, PageCounts Pages, PageCounts Outside, PageCounts Smaps,
        UsedPages Used, bool Changed,
    bool IsWhole = true)
{
    /// <summary>What <c>maps</c> calls it; a process may put anything into it.</summary>
    public string Name { get; } = OneLine.Of(Name);
}

/// <summary>Accessed bits cannot be read, only counted by VMA.</summary>
public enum UsedPages
{
    /// <summary>No page was referenced.</summary>
    None,

    /// <summary>Some; all count as used here.</summary>
    Some,

    /// <summary>All.</summary>
    All,
}

/// <summary>How a capture ended.</summary>
public enum CaptureEnding
{
    /// <summary>Every VMA was read.</summary>
    Complete,

    /// <summary>The process ended.</summary>
    ProcessEnded,

    /// <summary>The reader was interrupted.</summary>
    Interrupted,

    /// <summary>The file ends in the middle.</summary>
    CutShort,
}

/// <summary>What is known of a process before its memory is read.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Command">Its name.</param>
/// <param name="Kernel">The release of the kernel it runs on.</param>
/// <param name="At">When.</param>
/// <param name="PageBytes">The size of base pages.</param>
/// <param name="Settings">The machine's settings.</param>
/// <param name="ThpDisable">How the process refuses THP.</param>
public sealed record CaptureHead(int Pid, string Command, string Kernel, DateTimeOffset At, int PageBytes, ThpSettings Settings,
    ThpDisable ThpDisable)
{
    private readonly string _cgroup = "";

    /// <summary>Its name; a process may put anything into it.</summary>
    public string Command { get; } = OneLine.Of(Command);

    /// <summary>Its memory cgroup, as <c>/system.slice/redis.service</c>; empty if it is not known.</summary>
    public string Cgroup
    {
        get => _cgroup;
        init => _cgroup = OneLine.Of(value);
    }

    /// <summary>Resident pages of its shared mappings and of hugetlb: there, and not judged.</summary>
    public long Shared { get; init; }

    /// <summary>When it began, in clock ticks since boot; 0 if it is not known. With the number it tells a process from a later
    /// one.</summary>
    public long Started { get; init; }

    /// <summary>The release of the kernel it runs on.</summary>
    public string Kernel { get; } = OneLine.Of(Kernel);

    /// <summary>The geometry of its page tables.</summary>
    public Geometry Geometry => Settings.Geometry;

    /// <summary>A number of pages, in KB.</summary>
    public long Kilobytes(long pages) => pages * (PageBytes / 1024);

    /// <summary>A page's address.</summary>
    public string Address(long page) => ((ulong)page * (ulong)PageBytes).ToString("x", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>How far a capture came.</summary>
/// <param name="Ending">How it ended.</param>
/// <param name="Vmas">Private VMAs that were read.</param>
/// <param name="Of">Private VMAs there were.</param>
/// <param name="ChangedVmas">The first pages of VMAs whose figures in <c>smaps</c> changed meanwhile, or that came or went.</param>
public sealed record CaptureEnd(CaptureEnding Ending, int Vmas, int Of, ImmutableArray<long> ChangedVmas)
{
    /// <summary>Anonymous and PMD-mapped pages of the whole process by <c>smaps_rollup</c>; null if it was not read.</summary>
    public PageCounts? Rollup { get; init; }
}

/// <summary>The memory of a process at one time, or nearly.</summary>
/// <param name="Head">Whose it is.</param>
/// <param name="Vmas">Its private VMAs, ascending.</param>
/// <param name="End">How far the capture came.</param>
public sealed record ProcessCapture(CaptureHead Head, ImmutableArray<CapturedVma> Vmas, CaptureEnd End)
{
    /// <summary>Not all of the process is here.</summary>
    public bool IsPartial => End.Ending != CaptureEnding.Complete;

    /// <summary>All pages, as counted here.</summary>
    public PageCounts Pages => Vmas.Aggregate(default(PageCounts), (sum, vma) => sum + vma.Pages);

    /// <summary>The same by <c>smaps</c>.</summary>
    public PageCounts Smaps => Vmas.Aggregate(default(PageCounts), (sum, vma) => sum + vma.Smaps);

    /// <summary>Pages that collapse never comes to.</summary>
    public PageCounts Outside => Vmas.Aggregate(default(PageCounts), (sum, vma) => sum + vma.Outside);

    /// <summary>PMD ranges.</summary>
    public long Ranges => Vmas.Sum(vma => vma.Ranges.Sum(range => range.Count));

    /// <summary>PMD ranges that changed while they were read.</summary>
    public long ChangedRanges => Vmas.Sum(vma => vma.Ranges.Where(range => range.Changed).Sum(range => range.Count));

    /// <summary>The VMA that a page lies in, or the next one below it.</summary>
    public CapturedVma VmaAt(long page) => LastFrom(Vmas, page, vma => vma.Vma.Start) ?? Vmas[0];

    /// <summary>The range that a page lies in; null if it lies in none that was read.</summary>
    public CapturedRange? RangeAt(long page) =>
        !Vmas.IsEmpty && LastFrom(VmaAt(page).Ranges, page, range => range.Start) is { } range
            && page < range.Start + range.Count * Head.Geometry.Pages ? range : null;

    // Of what is sorted, the last that begins at or below a page.
    private static T? LastFrom<T>(ImmutableArray<T> sorted, long page, Func<T, long> startOf)
        where T : class
    {
        int low = 0, high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = startOf(sorted[middle]) <= page ? (middle + 1, high) : (low, middle);
        }
        return low > 0 ? sorted[low - 1] : null;
    }

    /// <summary>Every VMA was read as a whole, and none changed meanwhile.</summary>
    public bool StoodStill => !IsPartial && End.ChangedVmas.IsEmpty && Vmas.All(vma => vma.IsWhole && !vma.Changed);

    /// <summary>It stood still, and <c>smaps_rollup</c> counts otherwise.</summary>
    public bool RollupDiffers => StoodStill && End.Rollup is { } rollup
        && (rollup.Anonymous, rollup.PmdMapped) != (Pages.Anonymous, Pages.PmdMapped);

    /// <summary>VMAs that stood still and yet count differently here and in <c>smaps</c>: one of the two is wrong.</summary>
    public IEnumerable<CapturedVma> Disagreeing => Vmas.Where(vma => vma.IsWhole && !vma.Changed && !End.ChangedVmas.Contains(vma.Vma.Start)
        && vma.Pages with { Large = 0 } != vma.Smaps);
}
