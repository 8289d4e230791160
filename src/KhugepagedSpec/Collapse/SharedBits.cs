using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// A PTE as ptep_get() shows it on a machine whose contiguous PTEs share accessed and dirty bits: set if any of the block has it. Source:
/// Linux 7.2, <c>arch/arm64/mm/contpte.c:contpte_ptep_get</c>.
/// </summary>
internal static class SharedBits
{
    private const PteFlags Shared = PteFlags.Young | PteFlags.Dirty;

    /// <summary>The PTE at <paramref name="index"/> of a whole table.</summary>
    public static Pte Get(Machine machine, ReadOnlySpan<Pte> table, int index)
    {
        int order = machine.Type.SharedBitsOrder;
        var pte = table[index];
        if (order == 0 || pte.Kind != PteKind.Page || machine.Memory.FolioOf(pte.Pfn).Order < order
            || (pte.Flags & Shared) == Shared || 1 << order > table.Length)
            return pte;
        var block = table.Slice(index >> order << order, 1 << order);
        if (!IsContiguous(machine.Memory, block))
            return pte;
        foreach (var other in block)
            pte = pte with { Flags = pte.Flags | (other.Flags & Shared) };
        return pte;
    }

    // Folded whenever the last of its PTEs is set: pages in a row of one folio, as aligned as the addresses, and no other bit differs.
    // A folio is as aligned as it is large. Source: Linux 7.2, arch/arm64/mm/contpte.c:__contpte_try_fold.
    private static bool IsContiguous(PhysicalMemory memory, ReadOnlySpan<Pte> block)
    {
        var first = block[0];
        if (first.Kind != PteKind.Page || block[^1].Kind != PteKind.Page)
            return false;
        int head = memory.HeadOf(first.Pfn);
        if (memory.HeadOf(block[^1].Pfn) != head || ((first.Pfn - head) & (block.Length - 1)) != 0)
            return false;
        for (int i = 1; i < block.Length; i++)
            if (block[i].Kind != PteKind.Page || block[i].Pfn != first.Pfn + i || ((block[i].Flags ^ first.Flags) & PteFlags.UffdWp) != 0)
                return false;
        return true;
    }
}
