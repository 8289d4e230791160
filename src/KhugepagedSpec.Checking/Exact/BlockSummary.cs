using System.Numerics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>All that the limits 0 and maximum ask of a block of PTEs.</summary>
internal enum BlockSummary
{
    /// <summary>No PTE holds a page.</summary>
    Empty,

    /// <summary>Some do.</summary>
    Partial,

    /// <summary>All do.</summary>
    Full,
}

/// <summary>What follows of blocks from their summaries.</summary>
internal static class BlockSummaries
{
    /// <summary>All three.</summary>
    public static ReadOnlySpan<BlockSummary> All => [BlockSummary.Empty, BlockSummary.Partial, BlockSummary.Full];

    /// <summary>The summary of two blocks side by side.</summary>
    public static BlockSummary Join(BlockSummary left, BlockSummary right) => left == right ? left : BlockSummary.Partial;

    /// <summary>The summary of <paramref name="count"/> occupied PTEs out of <paramref name="pages"/>.</summary>
    public static BlockSummary Of(int count, int pages) =>
        count == 0 ? BlockSummary.Empty : count == pages ? BlockSummary.Full : BlockSummary.Partial;

    /// <summary>An enabled window with this summary is tried.</summary>
    public static bool IsTried(BlockSummary summary, bool fillsHoles) =>
        fillsHoles ? summary != BlockSummary.Empty : summary == BlockSummary.Full;

    /// <summary>How many tables of <paramref name="pages"/> PTEs have this summary.</summary>
    public static BigInteger Count(BlockSummary summary, int pages) =>
        summary == BlockSummary.Partial ? (BigInteger.One << pages) - 2 : BigInteger.One;
}

/// <summary>
/// How many of the 2^pages tables do what, by block: every PTE occupied or not, every attempt a success. Exact.
/// </summary>
/// <param name="geometry">The geometry.</param>
/// <param name="enabled">The enabled orders.</param>
/// <param name="fillsHoles">The limit is the maximum; else 0.</param>
public sealed class ModelCount(Geometry geometry, OrderSet enabled, bool fillsHoles)
{
    /// <summary>All tables.</summary>
    public BigInteger Tables => BigInteger.One << geometry.Pages;

    /// <summary>Tables in which this window is the first that is tried.</summary>
    public BigInteger FirstTried(int offset, int order) => FirstTriedIn(geometry.PmdOrder, 0, offset, order);

    /// <summary>Tables in which no window is tried.</summary>
    public BigInteger Silent() => Silent(geometry.PmdOrder);

    /// <summary>Windows tried, of all tables together.</summary>
    public BigInteger TriedInAll()
    {
        var sum = BigInteger.Zero;
        foreach (int order in enabled.Orders())
            sum += (geometry.Pages >> order) * Reaches(order, tried: true);
        return sum;
    }

    /// <summary>
    /// Tables in which an attempt that fails leaves smaller folios where a larger one fits: some window above the lowest enabled order is
    /// tried. And how many such attempts there are in all of them, each a script of one failure.
    /// </summary>
    public (BigInteger Tables, BigInteger Attempts) CostAFolioByFailure()
    {
        if (enabled.IsEmpty)
            return default;
        var above = new ModelCount(geometry, enabled.Without(enabled.Lowest), fillsHoles);
        return (Tables - above.Silent(), above.TriedInAll());
    }

    /// <summary>Windows the walk comes to, disabled orders included, of all tables together.</summary>
    public BigInteger VisitedInAll()
    {
        var sum = BigInteger.Zero;
        for (int order = Math.Max(enabled.IsEmpty ? geometry.PmdOrder : enabled.Lowest,
            Geometry.MinOrder); order <= geometry.PmdOrder; order++)
            sum += (geometry.Pages >> order) * Reaches(order, tried: false);
        // With nothing enabled the walk passes over the PMD's window and is done.
        return sum;
    }

    /// <summary>Windows the walk comes to at most: all of them, if each attempt fails.</summary>
    public int MostVisited() => enabled.IsEmpty ? 1 : (2 << (geometry.PmdOrder - enabled.Lowest)) - 1;

    // Tables in which no window around one of this order is done with, so that the walk comes to it; and tries it.
    private BigInteger Reaches(int order, bool tried)
    {
        int free = geometry.Pages - (1 << order);
        var inside = tried ? (fillsHoles ? (BigInteger.One << (1 << order)) - 1 : 1) : BigInteger.One << (1 << order);
        if (fillsHoles)
        {
            // No enabled window around it may hold a page.
            int above = enabled.Highest;
            if (above <= order)
                return inside << free;
            return tried ? 0 : BigInteger.One << (geometry.Pages - (1 << above));
        }
        // The smallest enabled window around it may not be full.
        int around = NextAbove(order);
        if (around < 0)
            return inside << free;
        var total = inside << free;
        return total - (BigInteger.One << (geometry.Pages - (1 << around)));
    }

    private int NextAbove(int order)
    {
        for (int above = order + 1; above <= geometry.PmdOrder; above++)
            if (enabled.Contains(above))
                return above;
        return -1;
    }

    private BigInteger FirstTriedIn(int order, int start, int offset, int target)
    {
        int pages = 1 << order;
        if (order == target)
            return enabled.Contains(order) ? (fillsHoles ? (BigInteger.One << pages) - 1 : BigInteger.One) : BigInteger.Zero;
        int half = pages / 2;
        bool isLeft = offset < start + half;
        var inHalves = isLeft
            ? FirstTriedIn(order - 1, start, offset, target) << half
            : Silent(order - 1) * FirstTriedIn(order - 1, start + half, offset, target);
        if (!enabled.Contains(order) || inHalves.IsZero)
            return inHalves;
        // Not if this larger window is tried before: under the maximum it always is, under 0 in the one table in which it is full.
        return fillsHoles ? BigInteger.Zero : inHalves - (IsFirstOfFull(order, start, offset, target) ? 1 : 0);
    }

    // In a full block, below its own window: is the target the first?
    private bool IsFirstOfFull(int order, int start, int offset, int target) =>
        offset == start && target == new OrderSet(enabled.Bits & ((1u << order) - 1)).Highest;

    private BigInteger Silent(int order)
    {
        int pages = 1 << order;
        if (!enabled.HasBelow(order + 1))
            return BigInteger.One << pages;
        if (fillsHoles)
            return 1;
        // Not full at the lowest enabled order is not full at any.
        int lowest = enabled.Lowest;
        return BigInteger.Pow((BigInteger.One << (1 << lowest)) - 1, 1 << (order - lowest));
    }
}
