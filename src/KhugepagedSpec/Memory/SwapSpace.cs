using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>Pages in and out of swap. A swap slot is a frame of its own that only holds contents.</summary>
internal static class SwapSpace
{
    /// <summary>Makes <paramref name="pte"/>, a swap entry, map a new small page with the same contents.</summary>
    public static void BringBack(Machine machine, AddressSpace mm, ref Pte pte)
    {
        int pfn = machine.Memory.Allocate(0);
        machine.Memory.Contents(pfn) = machine.Memory.Contents(pte.Pfn);
        machine.Memory.Map(pfn, 1, mm.Id);
        pte = new Pte(PteKind.Page, PteFlags.Young | (pte.Flags & PteFlags.UffdWp), pfn);
    }

    /// <summary>A swap entry with the contents of the page that <paramref name="pte"/> maps; the caller unmaps the page.</summary>
    public static Pte Entry(Machine machine, Pte pte)
    {
        int slot = machine.Memory.Allocate(0);
        machine.Memory.Contents(slot) = machine.Memory.Contents(pte.Pfn);
        return new Pte(PteKind.Swap, pte.Flags & PteFlags.UffdWp, slot);
    }
}
