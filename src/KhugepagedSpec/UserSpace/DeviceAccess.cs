using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>What a device does to a page of the process that it shares: the driver's part of an access.</summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
internal readonly struct DeviceAccess(Machine machine, AddressSpace mm)
{
    /// <summary>
    /// Takes a page for atomic access: it is faulted in for writing, a PMD entry gives way to PTEs, and an entry that keeps the mapping
    /// stands for the page, old and clean. The folio stays as it is. Source: Linux 7.2, <c>mm/rmap.c:make_device_exclusive</c>.
    /// </summary>
    public void TakeExclusively(long page)
    {
        if (mm.FindVma(page) is not { } vma || !vma.Has(VmaFlags.Write)
            || new PageFault(machine, mm).Handle(page, write: true) is not { } pfn
            || machine.Memory.FolioOf(pfn).Has(FolioFlags.NotAnon))
            return;
        var table = mm.TableAt(page);
        table.SplitPmd();
        table.Ptes[machine.Geometry.IndexOf(page)] = new Pte(PteKind.DeviceExclusive, PteFlags.None, pfn);
    }

    /// <summary>
    /// Moves a page to the device's memory, for a driver that asks for single pages: a large folio is split first. Source: Linux 7.2, the
    /// migration of memory to devices, which collects page by page.
    /// </summary>
    public void MoveToDevice(long page)
    {
        var table = mm.TableAt(page);
        int index = machine.Geometry.IndexOf(page);
        if (mm.FindVma(page) is not { } vma || table.Pmd is not (PmdState.Table or PmdState.Huge))
            return;
        if (table.Pmd == PmdState.Huge
            || (table.Ptes[index].Kind == PteKind.Page && machine.Memory.FolioOf(table.Ptes[index].Pfn).Order > 0))
            FolioSplit.Run(machine, mm, vma, table, index);
        ref var pte = ref table.Ptes[index];
        if (pte.Kind != PteKind.Page || machine.Memory.FolioOf(pte.Pfn).MaybeMappedShared
            || machine.Memory.FolioOf(pte.Pfn).Has(FolioFlags.NotAnon))
            return;
        machine.Memory.Unmap(pte.Pfn, 1, mm.Id);
        pte = new Pte(PteKind.DevicePrivate, PteFlags.None, pte.Pfn);
    }
}
