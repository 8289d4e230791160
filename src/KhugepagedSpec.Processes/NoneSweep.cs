using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>The values of max_ptes_none that make a difference: each takes in ranges that the one below it leaves out.</summary>
public static class NoneSweep
{
    /// <summary>Values that are tried at most, 0 and the highest included.</summary>
    public const int MostValues = 16;

    /// <summary>
    /// The values: the numbers of empty or zero-page PTEs that PMD ranges have, and 0 and the highest. Where there are too many, such of
    /// them that about as many ranges lie between each two.
    /// </summary>
    /// <param name="machine">The processes.</param>
    /// <param name="most">Values at most, 2 or more.</param>
    public static ImmutableArray<int> Values(MachineCapture machine, int most = MostValues)
    {
        int limit = machine.Processes[0].Head.Geometry.MaxPtesLimit;
        var ranges = new SortedDictionary<int, long>();
        foreach (var range in machine.Processes.SelectMany(process => process.Vmas).SelectMany(vma => vma.Ranges))
        {
            int none = range.Table.Cells.Count(cell => cell.IsNoneOrZero);
            if (!range.Changed && range.Table.Pmd == PmdState.Table && none > 0 && none < limit)
                ranges[none] = ranges.GetValueOrDefault(none) + range.Count;
        }
        long all = ranges.Values.Sum(), below = 0, step = Math.Max(1, (all + most - 3) / Math.Max(1, most - 2)), due = step;
        bool areFew = ranges.Count <= most - 2;
        var values = ImmutableArray.CreateBuilder<int>();
        values.Add(0);
        foreach (var (none, count) in ranges)
        {
            below += count;
            if (!areFew && below < due && below < all)
                continue;
            values.Add(none);
            due = below + step;
        }
        values.Add(limit);
        return values.ToImmutable();
    }

    /// <summary>The cases: the PMD's size alone, and all sizes, for every VMA, with each value.</summary>
    /// <param name="machine">The processes.</param>
    /// <param name="version">The khugepaged.</param>
    /// <param name="nameOf">What to call a size.</param>
    public static ImmutableArray<WhatIfCase> Cases(MachineCapture machine, KhugepagedVersion version, Func<int, string> nameOf)
    {
        var present = machine.Processes[0].Head.Settings;
        var pmd = OrderSet.Of(present.Geometry.PmdOrder);
        var values = Values(machine);
        return [.. Cases(nameOf(present.Geometry.PmdOrder), pmd),
            .. version.IsPmdOnly ? [] : Cases("all sizes", present.Geometry.AnonOrders)];

        IEnumerable<WhatIfCase> Cases(string name, OrderSet orders) => values.Select(none =>
            new WhatIfCase(name, version, present.WithSizes(orders, SizeEnabled.Always) with { MaxPtesNone = none }));
    }
}
