using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exhaustive;

/// <summary>What a sweep over walks came to.</summary>
/// <param name="Runs">Pairs of walks run.</param>
/// <param name="Attempts">Attempts that each of them made.</param>
/// <param name="Different">Runs in which they parted.</param>
public readonly record struct PairCount(long Runs, long Attempts, long Different)
{
    /// <summary>Both together.</summary>
    public static PairCount operator +(PairCount a, PairCount b) =>
        new(a.Runs + b.Runs, a.Attempts + b.Attempts, a.Different + b.Different);
}

/// <summary>
/// Two walks over the same tables under the same results, attempt by attempt: every occupancy of a range, every script. A script
/// says of each window whether an attempt at it succeeds or goes lower. Nothing is allocated.
/// </summary>
public static class WalkPair
{
    /// <summary>Runs both walks over every script and every occupancy from <paramref name="from"/> to <paramref name="to"/> - 1.</summary>
    /// <param name="first">One walk, before its first window.</param>
    /// <param name="second">The other.</param>
    /// <param name="pmdOrder">The PMD's order, 2 to 5: a script has a bit for each window.</param>
    /// <param name="windows">Which windows are tried.</param>
    /// <param name="from">The first occupancy.</param>
    /// <param name="to">One past the last.</param>
    public static PairCount Compare<TFirst, TSecond>(TFirst first, TSecond second, int pmdOrder, Windows64 windows, ulong from, ulong to)
        where TFirst : struct, IOrderWalker
        where TSecond : struct, IOrderWalker
    {
        long runs = 0, attempts = 0, different = 0;
        uint scripts = 1u << Windows64.ScriptBits(pmdOrder);
        for (ulong occupancy = from; occupancy < to; occupancy++)
        {
            for (uint script = 0; script < scripts; script++)
            {
                runs++;
                int made = Attempts(first, second, pmdOrder, windows, occupancy, script);
                attempts += made & int.MaxValue;
                different += (int)((uint)made >> 31);
            }
        }
        return new PairCount(runs, attempts, different);
    }

    // How many attempts both made; negative if they then parted.
    private static int Attempts<TFirst,
        TSecond>(TFirst first, TSecond second, int pmdOrder, Windows64 windows, ulong occupancy, uint script)
        where TFirst : struct, IOrderWalker
        where TSecond : struct, IOrderWalker
    {
        for (int attempts = 0; ; attempts++)
        {
            while (!first.IsDone && !windows.Tries(occupancy, first.Offset, first.Order))
                first.Lower();
            while (!second.IsDone && !windows.Tries(occupancy, second.Offset, second.Order))
                second.Lower();
            if (first.IsDone)
                return second.IsDone ? attempts : attempts | int.MinValue;
            int order = first.Order, offset = first.Offset;
            if (offset != second.Offset || order != second.Order)
                return attempts | int.MinValue;
            if ((script >> Windows64.ScriptBit(pmdOrder, offset, order) & 1) != 0)
            {
                first.Advance(1 << order);
                second.Advance(1 << order);
            }
            else
            {
                first.Lower();
                second.Lower();
            }
        }
    }
}
