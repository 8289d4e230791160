using System.Numerics;
using System.Runtime.CompilerServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Checking.Exhaustive;

/// <summary>
/// Whether a window is worth a try, for tables of at most 32 PTEs whose occupancy is one word, under one of the two limits that
/// mTHP knows.
/// </summary>
/// <param name="enabled">The enabled orders.</param>
/// <param name="fillsHoles">max_ptes_none is the maximum: one page will do. Else it is 0, and every PTE must hold one.</param>
public readonly struct Windows64(OrderSet enabled, bool fillsHoles)
{
    /// <summary>True if the order is enabled and enough of the window is occupied.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Tries(ulong occupancy, int offset, int order)
    {
        int pages = 1 << order;
        ulong window = occupancy >> offset & ((1ul << pages) - 1);
        return enabled.Contains(order) && BitOperations.PopCount(window) >= (fillsHoles ? 1 : pages);
    }

    /// <summary>The bit of a script that says how an attempt at this window ends: windows are numbered as in a heap.</summary>
    /// <param name="pmdOrder">The PMD's order.</param>
    /// <param name="offset">The window's first PTE.</param>
    /// <param name="order">Its order.</param>
    public static int ScriptBit(int pmdOrder, int offset, int order) => (1 << (pmdOrder - order)) - 1 + (offset >> order);

    /// <summary>How many windows there are: the bits of a script.</summary>
    public static int ScriptBits(int pmdOrder) => (2 << (pmdOrder - Geometry.MinOrder)) - 1;
}
