using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// Goes over a range of pages, VMA by VMA; what lies outside every VMA is skipped. Source: Linux 7.2,
/// <c>mm/pagewalk.c:walk_page_range</c>.
/// </summary>
/// <param name="geometry">The geometry of the page tables.</param>
/// <param name="mm">The address space.</param>
internal readonly struct PageWalk(Geometry geometry, AddressSpace mm)
{
    /// <summary>Calls an action with each page that lies in a VMA.</summary>
    public void ForEachPage(long start, long length, Action<long> act)
    {
        for (long page = start; page < start + length; page++)
            if (mm.FindVma(page) is { } vma && vma.Start <= page)
                act(page);
    }

    /// <summary>Calls an action with what the range takes up of each page table: the VMA, the table, its first PTE and how many.</summary>
    public void ForEachTable(long start, long length, Action<Vma, PteTable, int, int> act)
    {
        foreach (var vma in mm.Vmas.ToArray())
        {
            long from = Math.Max(start, vma.Start), end = Math.Min(start + length, vma.End);
            while (from < end)
            {
                long next = Math.Min(end, geometry.NextRangeStart(from + 1));
                act(vma, mm.TableAt(from), geometry.IndexOf(from), (int)(next - from));
                from = next;
            }
        }
    }
}
