using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Scenarios;

/// <summary>A block of PTEs made half as large.</summary>
public static class TableHalves
{
    /// <summary>The left half, the right half, and both laid upon each other, where each PTE is the left half's unless that is
    /// empty.</summary>
    /// <param name="block">The PTEs; an even number.</param>
    public static IEnumerable<ImmutableArray<Cell>> Of(ImmutableArray<Cell> block)
    {
        int half = block.Length / 2;
        var (left, right) = (block[..half], block[half..]);
        yield return left;
        yield return right;
        yield return [.. left.Zip(right, (cell, other) => cell == Cell.None ? other : cell)];
    }
}
