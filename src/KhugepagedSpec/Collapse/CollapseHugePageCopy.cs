using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Copies an isolated window into a new folio, and lets go of what it was copied from. Source: Linux 7.2,
/// <c>mm/khugepaged.c:__collapse_huge_page_copy</c>, <c>__collapse_huge_page_copy_succeeded</c>.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
/// <param name="order">The window's order.</param>
internal readonly ref struct CollapseHugePageCopy(Machine machine, AddressSpace mm, int order)
{
    /// <summary>Page by page; an empty or zero-page PTE becomes a cleared page.</summary>
    /// <param name="window">The window.</param>
    /// <param name="folio">The new folio's first frame.</param>
    public void Run(ReadOnlySpan<Pte> window, int folio)
    {
        KernelAssert.BugOn(window.Length != 1 << order);
        for (int i = 0; i < window.Length; i++)
        {
            if (window[i].IsNoneOrZero)
            {
                machine.Memory.Contents(folio + i) = 0;
                machine.Statistics.AnonPagesAdded++;
                continue;
            }
            machine.Memory.Contents(folio + i) = machine.Memory.Contents(window[i].Pfn);
        }
        machine.Version.Sabotage?.AfterCopy(machine, window, folio);
    }

    /// <summary>
    /// The sources lose their mapping and go back through the LRU batch. Pages of one large folio that lie side by side are unmapped in
    /// one step, within the window.
    /// </summary>
    public void Succeeded(ReadOnlySpan<Pte> window)
    {
        var memory = machine.Memory;
        List<int>? largeFolios = null;
        for (int i = 0, pages; i < window.Length; i += pages)
        {
            pages = 1;
            var pte = window[i];
            if (pte.IsNoneOrZero)
                continue;
            int head = memory.HeadOf(pte.Pfn);
            bool isLarge = memory.FolioOf(pte.Pfn).Order > 0;
            if (isLarge)
            {
                pages = memory.PteBatch(window, i);
                largeFolios ??= [];
                if (!largeFolios.Contains(head))
                    largeFolios.Add(head);
            }
            memory.Unmap(pte.Pfn, pages, mm.Id);
            if (!isLarge && machine.Version.LruPutbackIsBatched)
                machine.LruBatch.Add(head, isLarge: false);
        }
        if (largeFolios is { Count: > 0 } && machine.Version.LruPutbackIsBatched)
            machine.LruBatch.Drain();
    }
}
