using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>
/// Swap and shared PTEs are refused below the PMD's order because they "may lead to constant promotion" (v5 patch 7). Half true:
/// limits scaled to the order do promote from pass to pass, as those of empty PTEs did. But not without end, and not past what was
/// allowed: in every pass the scan counts all of the table against the PMD's limit, and what was swapped in or copied is not
/// counted twice. Empty PTEs have no such count, once any size below the PMD's is enabled.
/// </summary>
public sealed class ScaledLimitFacts
{
    private static readonly KhugepagedVersion SwapScaled = Catalogue.Find("swap-limit-scaled")!,
        SharedScaled = Catalogue.Find("shared-limit-scaled")!;

    public static TheoryData<string, char> Variants => new() { { SwapScaled.Name, 's' }, { SharedScaled.Name, 'h' } };

    // 16 PTEs, sizes of 4 and 8, limit 4: 2 a window of 8, 1 a window of 4. Of 3 in the left half pass 1 takes the 1 in its second
    // quarter, then 2 are left and pass 2 takes the half.
    [Theory]
    [MemberData(nameof(Variants))]
    public void The_smallest_table_that_is_promoted_from_pass_to_pass_takes_two_passes(string name, char kind)
    {
        var variant = Catalogue.Find(name)!;
        var scenario = Given4($"{kind}*2 x*2 {kind} x*11", limit: 4);
        var passes = scenario.Run(variant, 3);
        Assert.Equal(
            [$"{kind}*2 x*2 F2 F3", "F3 f3", "f3*2"],
            passes.Select(pass => pass.After.ToString()));

        // 7.2 leaves the half alone.
        Assert.All(scenario.Run(Catalogue.Linux72, 3),
            pass => Assert.True(scenario.Table.Cells.AsSpan()[..8].SequenceEqual(pass.After.Cells.AsSpan()[..8])));
    }

    // Every table of 16 PTEs with the kind in the left half, every limit: with fewer than 3 of the kind, nothing is promoted.
    [Theory]
    [MemberData(nameof(Variants))]
    public void With_fewer_than_three_of_the_kind_nothing_is_promoted(string name, char kind)
    {
        var variant = Catalogue.Find(name)!;
        int smallest = int.MaxValue;
        for (int bits = 0; bits < 256; bits++)
            for (int limit = 0; limit <= 15; limit++)
            {
                string left = string.Concat(Enumerable.Range(0, 8).Select(i => (bits >> i & 1) != 0 ? kind : 'x'));
                var passes = Given4($"{left} x*8", limit).Run(variant, 2);
                if (Large(passes[1]) > Large(passes[0]))
                    smallest = Math.Min(smallest, int.PopCount(bits));
            }
        Assert.Equal(3, smallest);

        static int Large(PassRun pass) => pass.After.Cells.Count(cell => cell.Order == 3);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Over_any_number_of_passes_no_more_are_taken_than_the_limit_of_the_pmd_says(string name, char kind)
    {
        var variant = Catalogue.Find(name)!;
        int taken = 0;
        foreach (var scenario in ScenarioMix.Random(29).Where(one => one.Kind == CollapseKind.Khugepaged && one.Faults.IsEmpty).Take(1500))
        {
            int limit = kind == 's' ? scenario.Settings.MaxPtesSwap : scenario.Settings.MaxPtesShared;
            int before = Count(scenario.Table, kind), after = Count(scenario.Run(variant, 8)[^1].After, kind);
            Assert.InRange(before - after, int.MinValue, limit);
            taken += Math.Max(0, before - after);
        }
        Assert.InRange(taken, 50, int.MaxValue);
    }

    // What the count of the whole table is good for: without it the same limits creep.
    [Fact]
    public void Without_the_scans_count_of_the_table_the_promotions_pass_the_limit()
    {
        var uncounted = SharedScaled with { BlindAtScan = new() { Limits = Limits.MaxPtesShared } };
        var scenario = Given4("h*2 x*2 h x*3 h*2 x*2 h x*3", limit: 4);
        Assert.Equal(6, Count(scenario.Table, 'h') - Count(scenario.Run(uncounted, 8)[^1].After, 'h'));
        Assert.Equal(0, Count(scenario.Table, 'h') - Count(scenario.Run(SharedScaled, 8)[^1].After, 'h'));
    }

    private static int Count(PageTable table, char kind) =>
        table.Cells.Count(cell => kind == 's' ? cell.Kind == PteKind.Swap : cell.Kind == PteKind.Page && cell.Has(CellFlags.Shared));

    private static Scenario Given4(string table, int limit)
    {
        var scenario = Scenario.Of(PageTable.Parse(table, new Geometry(4)));
        return scenario with
        {
            Settings = scenario.Settings.WithSizes(Given.Orders(2, 3), SizeEnabled.Madvise) with
            {
                MaxPtesNone = 0,
                MaxPtesSwap = limit,
                MaxPtesShared = limit
            },
        };
    }
}
