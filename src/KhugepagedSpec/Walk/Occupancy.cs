using System.Numerics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>One bit per PTE: the scan found a page here that a collapse could use (<c>cc->mthp_bitmap</c>).</summary>
public sealed class Occupancy
{
    private readonly ulong[] _words;

    /// <summary>Makes an empty bitmap.</summary>
    public Occupancy(Geometry geometry) => _words = new ulong[(geometry.Pages + 63) / 64];

    /// <summary>The bits, 64 PTEs a word, lowest address in the lowest bit of the first word.</summary>
    public ReadOnlySpan<ulong> Words => _words;

    /// <summary>Clears every bit.</summary>
    public void Clear() => Array.Clear(_words);

    /// <summary>Sets the bit of one PTE.</summary>
    public void Set(int index) => _words[index >> 6] |= 1ul << (index & 63);

    /// <summary>Bits set in the aligned window of <paramref name="order"/> at <paramref name="offset"/>.</summary>
    public int Count(int offset, int order)
    {
        int pages = 1 << order;
        if (pages < 64)
            return BitOperations.PopCount(_words[offset >> 6] >> (offset & 63) & ((1ul << pages) - 1));
        int count = 0;
        for (int word = offset >> 6; word < (offset + pages) >> 6; word++)
            count += BitOperations.PopCount(_words[word]);
        return count;
    }
}
