using System.Numerics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>One bit per PTE: the scan found a page here that a collapse could use (<c>cc->mthp_present_ptes</c>).</summary>
public sealed class Occupancy
{
    private readonly ulong[] _words;

    /// <summary>Makes an empty bitmap.</summary>
    public Occupancy(Geometry geometry) => _words = new ulong[(geometry.Pages + 63) / 64];

    /// <summary>Clears every bit.</summary>
    public void Clear() => Array.Clear(_words);

    /// <summary>Sets the bit of one PTE.</summary>
    public void Set(int index) => _words[index >> 6] |= 1ul << (index & 63);

    /// <summary>Clears the bit of one PTE.</summary>
    public void Clear(int index) => _words[index >> 6] &= ~(1ul << (index & 63));

    /// <summary>Bits set among the <paramref name="count"/> from <paramref name="start"/> on; only a mistaken walk asks for an unaligned
    /// window.</summary>
    public int Count(int start, int count)
    {
        int end = start + count, set = 0;
        while (start < end)
        {
            int bits = Math.Min(64 - (start & 63), end - start);
            ulong word = _words[start >> 6] >> (start & 63);
            set += BitOperations.PopCount(bits == 64 ? word : word & ((1ul << bits) - 1));
            start += bits;
        }
        return set;
    }
}
