using System.Numerics;
using System.Runtime.Intrinsics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Checking.Evaluators;

/// <summary>
/// One table of 512 PTEs at a time: a pyramid of block summaries in one vector of eight words, built from the PTEs up, then read
/// from the top down. A block's bit stands at its first PTE.
/// </summary>
public static class Pyramid
{
    private const int WordOrder = 6, Words = 8;

    // The first PTEs of the aligned blocks of each order within a word.
    private static readonly ulong[] Starts = [ulong.MaxValue, 0x5555555555555555, 0x1111111111111111, 0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1];

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
        int tried = 0, pages = 0;
        uint covered = 0;
        Above(9, (nine ^ flip) & 1, 0xff);
        Above(8, (eight ^ flip) & 0x11, 0x0f);
        Above(7, (seven ^ flip) & 0x55, 0x03);
        Above(6, (six ^ flip) & 0xff, 0x01);
        if (!enabled.HasBelow(WordOrder) || covered == 0xff)
            return new WalkTotals(tried, pages);
        var flipped = fillsHoles ? Vector512<ulong>.Zero : Vector512<ulong>.AllBitsSet;
        var done = Spread(covered);
        Below(5, order5);
        Below(4, order4);
        Below(3, order3);
        Below(2, order2);
        return new WalkTotals(tried, pages);

        void Above(int order, uint eligible, uint mask)
        {
            if (!enabled.Contains(order))
                return;
            uint now = eligible & ~covered;
            int count = BitOperations.PopCount(now);
            tried += count;
            pages += count << order;
            covered |= now * mask;
        }

        void Below(int order, Vector512<ulong> summaries)
        {
            if (!enabled.Contains(order))
                return;
            var now = (summaries ^ flipped) & Vector512.Create(Starts[order]) & ~done;
            int count = Count(now);
            tried += count;
            pages += count << order;
            // A window's bit becomes all of its bits.
            for (int half = 0; half < order; half++)
                now |= now << (1 << half);
            done |= now;
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
