using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// Splits a large folio of one process into single pages. Pages that hold only zeroes come back as the shared zero page, unless
/// the VMA is mlocked. Source: Linux 7.2, <c>mm/huge_memory.c:__folio_split</c>, <c>mm/migrate.c:try_to_map_unused_to_zeropage</c>.
/// </summary>
internal static class FolioSplit
{
    /// <summary>Splits the folio behind PTE (or huge page) <paramref name="index"/> of <paramref name="table"/>.</summary>
    public static void Run(Machine machine, AddressSpace mm, Vma vma, PteTable table, int index)
    {
        var memory = machine.Memory;
        bool wasHuge = table.Pmd == PmdState.Huge;
        if (wasHuge)
        {
            memory.Unmap(table.HugePfn, machine.Geometry.Pages, mm.Id);
            table.SplitPmd();
        }
        int head = memory.HeadOf(table.Ptes[index].Pfn);
        // mremap() may have left pieces of it in other tables.
        var pieces = new List<(PteTable Table, int Index)>();
        foreach (var other in mm.Tables)
        {
            for (int i = 0; other.Pmd == PmdState.Table && i < other.Ptes.Length; i++)
            {
                var pte = other.Ptes[i];
                if (pte.Kind is not (PteKind.Page or PteKind.DeviceExclusive) || memory.HeadOf(pte.Pfn) != head)
                    continue;
                pieces.Add((other, i));
                if (!wasHuge)
                    memory.Unmap(pte.Pfn, 1, mm.Id);
            }
        }
        memory.Split(head);
        foreach (var (other, i) in pieces)
        {
            ref var pte = ref other.Ptes[i];
            pte = pte with { Kind = PteKind.Page };
            if (memory.Contents(pte.Pfn) == 0 && !vma.IsLocked)
                pte = Pte.ZeroPage with { Flags = PteFlags.Young | (pte.Flags & PteFlags.UffdWp) };
            else
                memory.Map(pte.Pfn, 1, mm.Id);
        }
    }
}
