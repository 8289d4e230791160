using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Copies an isolated window into a new folio and maps that in its place: empty and zero-page PTEs become zeroed pages, sources
/// lose their mapping and go back through the LRU batch. Source: Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_copy</c>,
/// <c>__collapse_huge_page_copy_succeeded</c>, <c>collapse_huge_page</c>.
/// </summary>
internal readonly ref struct Installation(Machine machine, AddressSpace mm, Vma vma, int offset, int order, int node)
{
    /// <summary>Copies and maps; cannot fail.</summary>
    public void Run(PteTable table, Span<Pte> window)
    {
        var memory = machine.Memory;
        int folio = memory.Allocate(order, (byte)node);
        Copy(window, folio);
        ReleaseSources(window);
        memory.Map(folio, window.Length, mm.Id);
        if (order == machine.Geometry.PmdOrder)
            table.MapHuge(folio);
        else
            MapPtes(table, window, folio);

        // In an mlocked VMA the new folio takes the mlock batch instead, and the LRU batch keeps what is in it.
        if (machine.Version.LruPutbackIsBatched && !vma.IsLocked)
            machine.LruBatch.Add(folio, isLarge: true);
    }

    private void Copy(ReadOnlySpan<Pte> window, int folio)
    {
        var rule = machine.Version.Copy;
        int pages = rule == CopyRule.LastPageForgotten ? window.Length - 1 : window.Length;
        for (int i = 0; i < pages; i++)
        {
            var source = window[rule == CopyRule.FromTheWrongPage ? i ^ 1 : i];
            if (source.Kind == PteKind.Page)
                machine.Memory.Contents(folio + i) = machine.Memory.Contents(source.Pfn);
            else if (rule == CopyRule.HolesNotCleared)
                machine.Memory.Contents(folio + i) = machine.Memory.NextTag();
            if (window[i].Kind != PteKind.Page)
                machine.Statistics.AnonPagesAdded++;
        }
    }

    // Pages of one large folio that lie side by side are unmapped in one step, within the window.
    private void ReleaseSources(ReadOnlySpan<Pte> window)
    {
        var memory = machine.Memory;
        List<int>? largeFolios = null;
        for (int i = 0, pages; i < window.Length; i += pages)
        {
            pages = 1;
            var pte = window[i];
            if (pte.Kind != PteKind.Page)
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

    private void MapPtes(PteTable table, Span<Pte> window, int folio)
    {
        var rule = machine.Version.Install;
        var flags = vma.Has(VmaFlags.Write) ? PteFlags.Young | PteFlags.Dirty : PteFlags.Young;
        if (rule == InstallRule.NotYoung)
            flags &= ~PteFlags.Young;
        for (int i = 0; i < window.Length; i++)
            window[i] = new Pte(PteKind.Page, flags, folio + i);
        int behind = offset + window.Length;
        if (rule == InstallRule.OneTooFew)
            Overwrite(ref window[^1], Pte.None);
        if (rule == InstallRule.OneTooMany && behind < table.Ptes.Length)
            Overwrite(ref table.Ptes[behind], window[^1]);
    }

    private void Overwrite(ref Pte pte, Pte other)
    {
        if (pte.Kind == PteKind.Page)
            machine.Memory.Unmap(pte.Pfn, 1, mm.Id);
        pte = other;
        if (pte.Kind == PteKind.Page)
            machine.Memory.Map(pte.Pfn, 1, mm.Id);
    }
}
