using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Evaluators;

/// <summary>What a walk over one table comes to if every attempt succeeds.</summary>
/// <param name="Tried">Windows tried.</param>
/// <param name="Pages">PTEs they span.</param>
public readonly record struct WalkTotals(int Tried, int Pages)
{
    /// <summary>By the stepper, window by window: what the other evaluators are compared with.</summary>
    /// <param name="words">The occupancy, a bit a PTE: 8 words of a table of 512.</param>
    /// <param name="enabled">The enabled orders.</param>
    /// <param name="fillsHoles">The limit is the maximum; else 0.</param>
    public static WalkTotals ByStepper(ReadOnlySpan<ulong> words, OrderSet enabled, bool fillsHoles)
    {
        var geometry = Geometry.X86;
        var walker = new OffsetWalker(geometry, enabled);
        var occupancy = new Occupancy(geometry);
        for (int pte = 0; pte < geometry.Pages; pte++)
            if ((words[pte >> 6] >> (pte & 63) & 1) != 0)
                occupancy.Set(pte);
        int tried = 0, pages = 0;
        while (!walker.IsDone)
        {
            int size = 1 << walker.Order;
            if (enabled.Contains(walker.Order) && occupancy.Count(walker.Offset, size) >= (fillsHoles ? 1 : size))
            {
                tried++;
                pages += size;
                walker.Advance(size);
            }
            else
            {
                walker.Lower();
            }
        }
        return new WalkTotals(tried, pages);
    }
}
