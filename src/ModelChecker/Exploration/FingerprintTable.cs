using System.Numerics;
using System.Runtime.Intrinsics.X86;

namespace ModelChecker.Exploration;

/// <summary>
/// A set of fingerprints, each with its parent's: open addressing in two flat arrays, filled by several threads at once. It does
/// not grow while it is filled; <see cref="Reserve"/> makes room between.
/// </summary>
internal sealed class FingerprintTable
{
    private const int Smallest = 1 << 12;

    private ulong[] _keys = new ulong[Smallest];
    private ulong[] _parents = new ulong[Smallest];

    /// <summary>Makes room for <paramref name="count"/> fingerprints in all, if that takes no more than some bytes.</summary>
    /// <returns>False if it would.</returns>
    public bool Reserve(long count, long bytes)
    {
        // Two thirds full at most.
        long slots = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(Smallest, count + count / 2));
        if (slots <= _keys.Length)
            return true;
        if (slots * 2 * sizeof(ulong) > bytes || slots > Array.MaxLength)
            return false;
        var (keys, parents) = (_keys, _parents);
        _keys = new ulong[slots];
        _parents = new ulong[slots];
        for (int i = 0; i < keys.Length; i++)
            if (keys[i] != 0)
                TryAdd(keys[i], parents[i]);
        return true;
    }

    /// <summary>Asks memory for the place of a fingerprint that will be added soon.</summary>
    public unsafe void Prefetch(ulong fingerprint)
    {
        if (!Sse.IsSupported)
            return;
        fixed (ulong* slot = &_keys[(uint)fingerprint & (uint)_keys.Length - 1])
            Sse.Prefetch0(slot);
    }

    /// <summary>Adds a fingerprint.</summary>
    /// <returns>False if it was there.</returns>
    public bool TryAdd(ulong fingerprint, ulong parent)
    {
        ulong[] keys = _keys;
        uint mask = (uint)keys.Length - 1;
        for (uint slot = (uint)fingerprint & mask; ; slot = slot + 1 & mask)
        {
            ulong there = keys[slot];
            if (there == 0)
                there = Interlocked.CompareExchange(ref keys[slot], fingerprint, 0);
            if (there == 0)
            {
                _parents[slot] = parent;
                return true;
            }
            if (there == fingerprint)
                return false;
        }
    }

    /// <summary>The parent of a fingerprint that is there; 0 for the first.</summary>
    public ulong ParentOf(ulong fingerprint)
    {
        uint mask = (uint)_keys.Length - 1;
        uint slot = (uint)fingerprint & mask;
        while (_keys[slot] != fingerprint)
            slot = slot + 1 & mask;
        return _parents[slot];
    }
}
