using System.Numerics;
using System.Runtime.Intrinsics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Evaluators;

/// <summary>Every occupancy of a small geometry, walked bit-sliced: what the exact counts are compared with.</summary>
public static class Census
{
    // Of 512 tables side by side, the low bits of the occupancy tell which is which.
    private const int BitsWithin = 9;

    /// <summary>Walks all tables, every attempt a success.</summary>
    /// <param name="geometry">PMD order 4 or 5.</param>
    /// <param name="enabled">The enabled orders.</param>
    /// <param name="fillsHoles">The limit is the maximum; else 0.</param>
    /// <returns>Windows tried, and tables in which none was.</returns>
    public static (long Tried, long Silent) Count(Geometry geometry, OrderSet enabled, bool fillsHoles)
    {
        var sliced = new BitSliced(geometry);
        var ptes = new Vector512<ulong>[geometry.Pages];
        Span<ulong> lanes = stackalloc ulong[8];
        for (int pte = 0; pte < BitsWithin; pte++)
        {
            lanes.Clear();
            for (int table = 0; table < BitSliced.Tables; table++)
                if ((table >> pte & 1) != 0)
                    lanes[table >> 6] |= 1ul << (table & 63);
            ptes[pte] = Vector512.Create<ulong>(lanes);
        }
        long tried = 0, silent = 0;
        for (ulong rest = 0; rest < 1ul << (geometry.Pages - BitsWithin); rest++)
        {
            for (int pte = BitsWithin; pte < ptes.Length; pte++)
                ptes[pte] = (rest >> (pte - BitsWithin) & 1) != 0 ? Vector512<ulong>.AllBitsSet : Vector512<ulong>.Zero;
            sliced.Run(ptes, enabled, fillsHoles);
            var any = Vector512<ulong>.Zero;
            for (int window = 1; window < sliced.Tried.Length; window++)
            {
                tried += Bits(sliced.Tried[window]);
                any |= sliced.Tried[window];
            }
            silent += BitSliced.Tables - Bits(any);
        }
        return (tried, silent);
    }

    private static int Bits(Vector512<ulong> tables)
    {
        if (tables == Vector512<ulong>.Zero)
            return 0;
        int count = 0;
        for (int lane = 0; lane < Vector512<ulong>.Count; lane++)
            count += BitOperations.PopCount(tables[lane]);
        return count;
    }
}
