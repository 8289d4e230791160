using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Processes;

/// <summary>
/// What page faults would do under some settings if the process began anew and touched the pages that it has now, at the same addresses:
/// khugepaged has no part in it. The least is nothing, where no large block is free, or where memory grows after it was touched. A fault
/// takes the largest size whose window lies in the VMA and is empty, so that each page touched ends up in the largest that fits, whatever
/// comes first. Source: Linux 7.2, <c>mm/memory.c:do_anonymous_page</c>, <c>mm/huge_memory.c:do_huge_pmd_anonymous_page</c>.
/// </summary>
/// <param name="Added">Pages at most, beside those that are touched.</param>
/// <param name="Large">Pages at most in large folios.</param>
public readonly record struct FaultBound(long Added, long Large)
{
    /// <summary>Both together.</summary>
    public static FaultBound operator +(FaultBound a, FaultBound b) => new(a.Added + b.Added, a.Large + b.Large);

    /// <summary>The bound for a process.</summary>
    /// <param name="capture">What it has now.</param>
    /// <param name="settings">The settings.</param>
    public static FaultBound Of(ProcessCapture capture, ThpSettings settings)
    {
        var process = new Machine(Catalogue.Linux72, settings).AddProcess();
        process.ThpDisable = capture.Head.ThpDisable;
        return capture.Vmas.Where(vma => vma.Vma.IsAnonymous).Aggregate(default(FaultBound), (sum, vma) =>
            sum + Of(vma, Eligibility.FaultOrders(settings, process, vma.Vma), settings.Geometry));
    }

    private static FaultBound Of(CapturedVma vma, OrderSet orders, Geometry geometry)
    {
        if (orders.IsEmpty)
            return default;
        var sum = default(FaultBound);
        foreach (var alike in vma.Ranges.GroupBy(range => range.Table))
        {
            var one = InRange(alike.Key, 1 << orders.Highest);
            long ranges = alike.Sum(range => range.Count);
            sum += new FaultBound(one.Added * ranges, one.Large * ranges);
        }
        return sum + AtTheEnds(vma, orders.Without(geometry.PmdOrder), geometry);
    }

    // A range lies in the VMA as a whole, and so does each window of it.
    private static FaultBound InRange(PageTable table, int pages)
    {
        if (table.Pmd == PmdState.Huge)
            return new(0, table.Cells.Length);
        long touched = 0, mapped = 0;
        for (int start = 0; table.Pmd == PmdState.Table && start < table.Cells.Length; start += pages)
        {
            int inWindow = 0;
            foreach (var cell in table.Cells.AsSpan().Slice(start, pages))
                inWindow += cell.IsNoneOrZero ? 0 : 1;
            touched += inWindow;
            mapped += inWindow > 0 ? pages : 0;
        }
        return new(mapped - touched, mapped);
    }

    // Of what lies in no whole range only the number of pages is known: each in a window of its own, as far as there is room.
    private static FaultBound AtTheEnds(CapturedVma vma, OrderSet orders, Geometry geometry)
    {
        long touched = vma.Outside.Anonymous + vma.Outside.Swap;
        if (orders.IsEmpty || touched == 0)
            return default;
        long whole = Math.Max(0, geometry.RangeStart(vma.Vma.End) - geometry.NextRangeStart(vma.Vma.Start));
        long room = vma.Vma.End - vma.Vma.Start - whole;
        long mapped = Math.Min(room, touched << orders.Highest);
        return new(mapped - touched, mapped);
    }
}
