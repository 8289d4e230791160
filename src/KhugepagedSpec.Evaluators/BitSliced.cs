using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Evaluators;

/// <summary>
/// 512 tables at a time, of any geometry: one vector a PTE, a bit of it a table. The same logic operations walk all of them, as
/// every attempt succeeds: which windows are tried then follows from the summaries of the blocks alone.
/// </summary>
public sealed class BitSliced
{
    /// <summary>Tables walked at once.</summary>
    public const int Tables = 512;

    private readonly Geometry _geometry;

    // Of each window, numbered as in a heap from 1 on: may be tried; is done with, by itself or by one around it.
    private readonly Vector512<ulong>[] _eligible, _done;

    /// <summary>Makes room for tables of a geometry.</summary>
    public BitSliced(Geometry geometry)
    {
        _geometry = geometry;
        int windows = 2 << (geometry.PmdOrder - Geometry.MinOrder);
        _eligible = new Vector512<ulong>[windows];
        _done = new Vector512<ulong>[windows];
        Tried = new Vector512<ulong>[windows];
    }

    /// <summary>
    /// For each window, numbered as in a heap from 1 on, the tables in which the last run tried it: window <c>offset/order</c> has
    /// the number 2^(PMD order - order) + offset / 2^order.
    /// </summary>
    public Vector512<ulong>[] Tried { get; }

    /// <summary>Walks all tables.</summary>
    /// <param name="ptes">For each PTE, the tables in which it is occupied.</param>
    /// <param name="enabled">The enabled orders.</param>
    /// <param name="fillsHoles">The limit is the maximum; else 0.</param>
    public void Run(ReadOnlySpan<Vector512<ulong>> ptes, OrderSet enabled, bool fillsHoles)
    {
        int smallest = 1 << (_geometry.PmdOrder - Geometry.MinOrder);
        ArgumentOutOfRangeException.ThrowIfNotEqual(ptes.Length, smallest << Geometry.MinOrder);
        // The lengths are known here, and checking each index would cost half of the speed.
        ref var pte = ref MemoryMarshal.GetReference(ptes);
        ref var eligible = ref MemoryMarshal.GetArrayDataReference(_eligible);
        ref var done = ref MemoryMarshal.GetArrayDataReference(_done);
        ref var tried = ref MemoryMarshal.GetArrayDataReference(Tried);
        if (fillsHoles)
            SummarizeAny(ref pte, ref eligible, smallest);
        else
            SummarizeAll(ref pte, ref eligible, smallest);
        done = Vector512<ulong>.Zero;
        for (int order = _geometry.PmdOrder, from = 1; order >= Geometry.MinOrder; order--, from *= 2)
        {
            bool isEnabled = enabled.Contains(order);
            for (int window = from; window < 2 * from; window++)
            {
                var around = Unsafe.Add(ref done, window >> 1);
                var may = isEnabled ? Unsafe.Add(ref eligible, window) : Vector512<ulong>.Zero;
                Unsafe.Add(ref tried, window) = Vector512.AndNot(may, around);
                Unsafe.Add(ref done, window) = may | around;
            }
        }
    }

    /// <summary>What table number <paramref name="table"/> of the last run came to.</summary>
    public WalkTotals Of(int table)
    {
        int tried = 0, pages = 0;
        for (int window = 1; window < Tried.Length; window++)
            if ((Tried[window][table >> 6] >> (table & 63) & 1) != 0)
            {
                tried++;
                pages += 1 << (_geometry.PmdOrder - BitOperations.Log2((uint)window));
            }
        return new WalkTotals(tried, pages);
    }

    private static void SummarizeAll(ref Vector512<ulong> pte, ref Vector512<ulong> block, int smallest)
    {
        for (int i = 0; i < smallest; i++)
        {
            ref var four = ref Unsafe.Add(ref pte, 4 * i);
            Unsafe.Add(ref block, smallest + i) = four & Unsafe.Add(ref four, 1) & Unsafe.Add(ref four, 2) & Unsafe.Add(ref four, 3);
        }
        for (int i = smallest - 1; i > 0; i--)
            Unsafe.Add(ref block, i) = Unsafe.Add(ref block, 2 * i) & Unsafe.Add(ref block, (2 * i) + 1);
    }

    private static void SummarizeAny(ref Vector512<ulong> pte, ref Vector512<ulong> block, int smallest)
    {
        for (int i = 0; i < smallest; i++)
        {
            ref var four = ref Unsafe.Add(ref pte, 4 * i);
            Unsafe.Add(ref block, smallest + i) = four | Unsafe.Add(ref four, 1) | Unsafe.Add(ref four, 2) | Unsafe.Add(ref four, 3);
        }
        for (int i = smallest - 1; i > 0; i--)
            Unsafe.Add(ref block, i) = Unsafe.Add(ref block, 2 * i) | Unsafe.Add(ref block, (2 * i) + 1);
    }
}
