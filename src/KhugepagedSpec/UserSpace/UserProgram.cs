using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// What a program does to its memory between two passes. Ranges are pages; a page outside every VMA is skipped, as is what the
/// kernel would refuse.
/// </summary>
/// <param name="machine">The machine it runs on.</param>
/// <param name="mm">Its address space.</param>
public sealed class UserProgram(Machine machine, AddressSpace mm)
{
    private readonly PhysicalMemory _memory = machine.Memory;
    private readonly PageWalk _walk = new(machine.Geometry, mm);
    private readonly PageFault _fault = new(machine, mm);

    /// <summary>
    /// Writes to each page: faults it in, takes a copy of a shared one, and leaves new contents. Whoever handles userfaultfd's
    /// write-protect faults lets them pass.
    /// </summary>
    public void Write(long start, long length) => _walk.ForEachPage(start, length, page =>
    {
        if (_fault.Handle(page, write: true) is not { } pfn)
            return;
        _memory.Contents(pfn) = _memory.NextTag();
        Touch(page, PteFlags.Young | PteFlags.Dirty, gone: PteFlags.UffdWp);
    });

    /// <summary>Reads each page: an empty PTE gets the shared zero page.</summary>
    public void Read(long start, long length) => _walk.ForEachPage(start, length, page =>
    {
        _fault.Handle(page, write: false);
        Touch(page, PteFlags.Young);
    });

    /// <summary>Takes a long-lived reference to each page (vmsplice, GUP).</summary>
    public void Pin(long start, long length) => _walk.ForEachPage(start, length, page =>
    {
        if (_fault.Handle(page, write: false) is { } pfn)
            _memory.FolioOf(pfn).Pins++;
    });

    /// <summary>
    /// madvise(MADV_DONTNEED): unmaps the pages, unless they are mlocked. Guard markers stay; a table that the range covers and
    /// that ends up empty is freed. Source: Linux 7.2, <c>mm/madvise.c:madvise_dontneed_free_valid_vma</c>.
    /// </summary>
    public void DontNeed(long start, long length) => Madvise.DontNeed(start, length);

    /// <summary>
    /// madvise(MADV_COLD): the pages count as not referenced; a large folio that the range covers in part is split first.
    /// Source: Linux 7.2, <c>mm/madvise.c:madvise_cold_or_pageout_pte_range</c>.
    /// </summary>
    public void Cold(long start, long length) => Madvise.Cold(start, length);

    /// <summary>
    /// madvise(MADV_PAGEOUT): the pages go to swap, clean lazyfree ones just go, dirty ones stay and are lazyfree no more.
    /// </summary>
    public void PageOut(long start, long length) => Madvise.PageOut(start, length);

    /// <summary>
    /// madvise(MADV_FREE): the pages may be dropped until they are written again; swap entries go at once. Source: Linux 7.2,
    /// <c>mm/madvise.c:madvise_free_pte_range</c>.
    /// </summary>
    public void Free(long start, long length) => Madvise.Free(start, length);

    /// <summary>madvise(MADV_GUARD_INSTALL): whatever was there, unless it is mlocked, gives way to guard markers.</summary>
    public void Guard(long start, long length) => Madvise.GuardInstall(start, length);

    /// <summary>UFFDIO_WRITEPROTECT: marks present pages and swap entries, and leaves a marker on empty PTEs.</summary>
    public void WriteProtect(long start, long length) => _walk.ForEachTable(start, length, (_, table, first, count) =>
    {
        table.SplitPmd();
        if (table.Pmd == PmdState.None)
            table.Populate();
        foreach (ref var pte in table.Ptes.Slice(first, count))
            pte = pte.Kind == PteKind.None
                ? new Pte(PteKind.UffdWpMarker, PteFlags.None, -1)
                : pte with { Flags = pte.Flags | PteFlags.UffdWp };
    });

    /// <summary>
    /// mremap(MREMAP_MAYMOVE | MREMAP_FIXED), as the page tables see it: what was at the new place goes, the entries move there,
    /// their folios as they are, at whatever alignment. The VMA is taken for one before and after, as when the offsets let the
    /// kernel merge its parts again. Source: Linux 7.2, <c>mm/mremap.c:move_ptes</c>.
    /// </summary>
    /// <param name="from">The first page.</param>
    /// <param name="to">Where it goes; the two ranges must not overlap.</param>
    /// <param name="length">How many pages.</param>
    public void Move(long from, long to, long length)
    {
        if (from < to + length && to < from + length)
            return;
        _walk.ForEachTable(to, length, (_, table, first, count) => ZapPteRange.Run(machine, mm, table, first, count, keepGuards: false));
        MovePtes.Run(machine, mm, from, to, length);
    }

    /// <summary>
    /// fork(), after which the child unmaps all but the pages for which <paramref name="keep"/> is true and touches those.
    /// </summary>
    /// <param name="keep">Which pages the child keeps.</param>
    /// <param name="childFlags">The child's VMA flags, from the parent's.</param>
    public AddressSpace Fork(Func<long, bool> keep, Func<VmaFlags, VmaFlags> childFlags)
    {
        var child = machine.StartProcess();
        if (mm.IsRegistered)
            machine.Register(child);
        foreach (var vma in mm.Vmas)
        {
            child.Add(vma with { Flags = childFlags(vma.Flags) });
            for (long page = vma.Start; page < vma.End; page++)
            {
                if (!keep(page))
                    continue;
                var table = mm.TableAt(page);
                table.SplitPmd();
                var pte = table.Ptes[IndexOf(page)];
                if (pte.Kind != PteKind.Page)
                    continue;
                var copy = child.TableAt(page);
                if (copy.Pmd == PmdState.None)
                    copy.Populate();
                copy.Ptes[IndexOf(page)] = pte with { Flags = (pte.Flags | PteFlags.Young) & ~PteFlags.SecondaryYoung };
                _memory.Map(pte.Pfn, 1, child.Id);
            }
        }
        return child;
    }

    /// <summary>Takes everything away below one PMD entry, as munmap() does before the VMA goes.</summary>
    /// <param name="start">The range's first page.</param>
    internal void ZapTable(long start) => ZapPteRange.Run(machine, mm, mm.TableAt(start), 0, machine.Geometry.Pages, keepGuards: false);

    private Madvise Madvise => new(machine, mm);

    private int IndexOf(long page) => machine.Geometry.IndexOf(page);

    private void Touch(long page, PteFlags flags, PteFlags gone = PteFlags.None)
    {
        var table = mm.TableAt(page);
        if (table.Pmd == PmdState.Huge)
        {
            table.HugeFlags |= flags;
            return;
        }
        ref var pte = ref table.Ptes[IndexOf(page)];
        if (table.Pmd == PmdState.Table && pte.IsPresent)
            pte = pte with { Flags = (pte.Flags | flags) & ~gone };
    }
}
