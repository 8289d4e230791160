using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// Moves page table entries, their folios as they are, at whatever alignment. Source: Linux 7.2, <c>mm/mremap.c:move_ptes</c>.
/// </summary>
internal static class MovePtes
{
    /// <summary>Moves what <paramref name="length"/> pages hold to where nothing is mapped.</summary>
    public static void Run(Machine machine, AddressSpace mm, long from, long to, long length)
    {
        var geometry = machine.Geometry;
        new PageWalk(geometry, mm).ForEachPage(from, length, page =>
        {
            var source = mm.TableAt(page);
            source.SplitPmd();
            ref var pte = ref source.Ptes[geometry.IndexOf(page)];
            if (pte.Kind == PteKind.None || mm.FindVma(page - from + to) is null)
                return;
            var target = mm.TableAt(page - from + to);
            if (target.Pmd == PmdState.None)
                target.Populate();
            target.Ptes[geometry.IndexOf(page - from + to)] = pte;
            pte = Pte.None;
        });
    }
}
