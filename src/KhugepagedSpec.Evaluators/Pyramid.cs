using System.Numerics;
using System.Runtime.Intrinsics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Evaluators;

/// <summary>
/// One table of 512 PTEs at a time: a pyramid of block summaries in one vector of eight words, built from the PTEs up, then read
/// from the top down. A block's bit stands at its first PTE.
/// </summary>
public static class Pyramid
{
    private const int WordOrder = 6, Words = 8;

    // The first PTEs of the aligned blocks of each order within a word.
    private static readonly ulong[] Starts =
        [ulong.MaxValue, 0x5555555555555555, 0x1111111111111111, 0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1];

    /// <summary>What the walk comes to if every attempt succeeds.</summary>
    /// <param name="words">The occupancy, a bit a PTE, eight words.</param>
    /// <param name="enabled">The enabled orders.</param>
    /// <param name="fillsHoles">The limit is the maximum; else 0.</param>
    public static WalkTotals Run(ReadOnlySpan<ulong> words, OrderSet enabled, bool fillsHoles)
    {
        var table = Vector512.Create(words);
        // Under the maximum a window is tried if it is not empty, under 0 if it is full: with holes for pages, if it has none.
        var summary = fillsHoles ? table : ~table;
        var order1 = summary | summary >>> 1;
        var order2 = order1 | order1 >>> 2;
        var order3 = order2 | order2 >>> 4;
        var order4 = order3 | order3 >>> 8;
        var order5 = order4 | order4 >>> 16;
        var order6 = order5 | order5 >>> 32;
        // A bit a word, then a bit for two, four, eight.
        uint six = (uint)(order6 << 63).ExtractMostSignificantBits();
        uint seven = (six | six >> 1) & 0x55, eight = (seven | seven >> 2) & 0x11, nine = (eight | eight >> 4) & 1;
        uint flip = fillsHoles ? 0u : ~0u;
        int tried = 0;
        uint covered = 0;
        Above(9, nine ^ flip, 0x01, 0xff);
        Above(8, eight ^ flip, 0x11, 0x0f);
        Above(7, seven ^ flip, 0x55, 0x03);
        Above(6, six ^ flip, 0xff, 0x01);
        if (!enabled.HasBelow(WordOrder) || covered == 0xff)
            return new WalkTotals(tried, BitOperations.PopCount(covered) << WordOrder);
        var flipped = fillsHoles ? Vector512<ulong>.Zero : Vector512<ulong>.AllBitsSet;
        Vector512<ulong> done = Spread(covered), starts = Vector512<ulong>.Zero;
        if (enabled.Contains(5))
        {
            var now = Tried(5, order5);
            now |= now << 1;
            now |= now << 2;
            now |= now << 4;
            now |= now << 8;
            done |= now | now << 16;
        }
        if (enabled.Contains(4))
        {
            var now = Tried(4, order4);
            now |= now << 1;
            now |= now << 2;
            now |= now << 4;
            done |= now | now << 8;
        }
        if (enabled.Contains(3))
        {
            var now = Tried(3, order3);
            now |= now << 1;
            now |= now << 2;
            done |= now | now << 4;
        }
        if (enabled.Contains(2))
        {
            var now = Tried(2, order2);
            now |= now << 1;
            done |= now | now << 2;
        }
        // No two windows begin at the same PTE, and none overlap.
        return new WalkTotals(tried + Count(starts), Count(done));

        void Above(int order, uint eligible, uint first, uint words)
        {
            if (!enabled.Contains(order))
                return;
            uint now = eligible & first & ~covered;
            tried += BitOperations.PopCount(now);
            covered |= now * words;
        }

        Vector512<ulong> Tried(int order, Vector512<ulong> summaries)
        {
            var now = (summaries ^ flipped) & Vector512.Create(Starts[order]) & ~done;
            starts |= now;
            return now;
        }
    }

    private static readonly Vector512<ulong> Lanes = Vector512.Create(1ul, 2, 4, 8, 16, 32, 64, 128);

    private static Vector512<ulong> Spread(uint words) => ~Vector512.Equals(Vector512.Create((ulong)words) & Lanes, Vector512<ulong>.Zero);

    private static int Count(Vector512<ulong> bits)
    {
        int count = 0;
        for (int word = 0; word < Words; word++)
            count += BitOperations.PopCount(bits[word]);
        return count;
    }
}
