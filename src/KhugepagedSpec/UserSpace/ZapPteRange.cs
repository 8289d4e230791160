using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// Takes away what PTEs hold. A table that is covered as a whole and ends up empty is freed. Source: Linux 7.2,
/// <c>mm/memory.c:zap_pte_range</c>, <c>zap_pte_table_if_empty</c>.
/// </summary>
internal static class ZapPteRange
{
    /// <summary>Zaps <paramref name="count"/> PTEs from <paramref name="first"/>.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="table">The page table.</param>
    /// <param name="first">The first PTE.</param>
    /// <param name="count">How many.</param>
    /// <param name="keepGuards">Guard markers stay.</param>
    public static void Run(Machine machine, AddressSpace mm, PteTable table, int first, int count, bool keepGuards)
    {
        var memory = machine.Memory;
        bool whole = count == machine.Geometry.Pages;
        if (table.Pmd == PmdState.Huge && whole)
            memory.Unmap(table.HugePfn, count, mm.Id);
        if (table.Pmd is PmdState.Huge or PmdState.HugeZero && whole)
            table.Clear();
        table.SplitPmd();
        if (table.Pmd != PmdState.Table)
            return;
        var ptes = table.Ptes.Slice(first, count);
        for (int i = 0, batch; i < count; i += batch)
        {
            batch = memory.PteBatch(ptes, i);
            if (ptes[i].Kind is PteKind.Page or PteKind.DeviceExclusive)
                memory.Unmap(ptes[i].Pfn, batch, mm.Id);
            if (ptes[i].Kind == PteKind.Swap)
                machine.Swap.Release(memory, ptes[i]);
            if (!keepGuards || ptes[i].Kind != PteKind.GuardMarker)
                ptes.Slice(i, batch).Fill(Pte.None);
        }
        if (whole && !(keepGuards && machine.Version.KeepsEmptiedTables) && !ptes.ContainsAnyExcept(Pte.None))
            table.Clear();
    }
}
