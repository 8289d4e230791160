using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Maps the new folio: by the PMD entry, or by PTEs in the table, which is put back first. Source: Linux 7.2, the end of
/// <c>mm/khugepaged.c:collapse_huge_page</c>; <c>mm/huge_memory.c:map_anon_folio_pmd_nopf</c>, <c>mm/memory.c:map_anon_folio_pte_nopf</c>.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
/// <param name="vma">The VMA.</param>
/// <param name="offset">The window's first PTE.</param>
/// <param name="order">The window's order.</param>
internal readonly ref struct MapAnonFolio(Machine machine, AddressSpace mm, Vma vma, int offset, int order)
{
    /// <summary>Maps it; cannot fail.</summary>
    /// <param name="table">The table, detached.</param>
    /// <param name="window">The window in it.</param>
    /// <param name="folio">The folio's first frame.</param>
    public void Run(PteTable table, Span<Pte> window, int folio)
    {
        machine.Memory.Map(folio, window.Length, mm.Id);
        if (order == machine.Geometry.PmdOrder)
        {
            table.MapHuge(folio);
        }
        else
        {
            // pmd_populate
            table.Attach();
            MapPtes(window, folio);
        }

        // In an mlocked VMA the new folio takes the mlock batch instead, and the LRU batch keeps what is in it.
        if (machine.Version.LruPutbackIsBatched && !vma.IsLocked)
            machine.LruBatch.Add(folio, isLarge: true);
        machine.Version.Sabotage?.AfterInstall(machine, mm, table, offset, order);
    }

    private void MapPtes(Span<Pte> window, int folio)
    {
        var flags = vma.Has(VmaFlags.Write) ? PteFlags.Young | PteFlags.Dirty : PteFlags.Young;
        for (int i = 0; i < window.Length; i++)
            window[i] = new Pte(PteKind.Page, flags, folio + i);
    }
}
