using System.Collections.Immutable;
using KhugepagedSpec.Checking.Exact;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>
/// Creep: a later pass collapses what the first, which met no failure, left alone. D. Hildenbrand, L. Stoakes and N. Pache, 2025 and 2026,
/// on why max_ptes_none between 0 and the maximum is not supported below the PMD's order.
/// </summary>
public sealed class CreepFacts
{
    private static readonly Geometry Small = new(3);

    [Fact]
    public void No_value_creeps_in_7_2_nor_where_pages_of_zeroes_count_as_empty()
    {
        foreach (var version in new[] { Catalogue.Linux71, Catalogue.Linux72, Proposed.ZeroFilledAsNone, Proposed.UffdFollowUp,
            Proposed.Rounds })
        {
            Assert.Empty(Creeping(version, 9));
            Assert.Empty(Creeping(version, 5));
        }
    }

    // Counting them is what does it: the same limits creep without.
    [Fact]
    public void Scaled_to_the_order_every_value_creeps_but_0_1_and_the_maximum()
    {
        var counted = Proposed.ZeroFilledAsNone;
        Assert.Equal(Enumerable.Range(2, 509), Creeping(counted with { CountsZeroFilledAsNone = false }, 9));
        Assert.Equal(Enumerable.Range(2, 13), Creeping(counted with { CountsZeroFilledAsNone = false }, 4));
    }

    // The cap at just under half ends the doubling, and not the creep; and at the maximum it begins one.
    [Fact]
    public void The_cap_of_v12_keeps_no_value_from_creeping() =>
        Assert.Equal(Enumerable.Range(2, 510), Creeping(Catalogue.V12, 9));

    [Theory]
    [InlineData("linux-7.1")]
    [InlineData("linux-7.2")]
    [InlineData("v12")]
    [InlineData("v17")]
    [InlineData("limits-scaled")]
    [InlineData("limits-unscaled")]
    [InlineData("zero-filled-as-none")]
    [InlineData("rounds")]
    public void What_is_decided_is_what_the_whole_model_does_with_every_table_of_8_ptes(string name)
    {
        var version = Catalogue.Find(name)!;
        string kinds = version.CountsZeroFilledAsNone ? ".xZ" : ".x";
        var seen = new SortedSet<int>();
        foreach (var scenario in Every(kinds))
            if (Creeps(version, scenario))
                seen.Add(scenario.Settings.MaxPtesNone);
        Assert.Equal(seen, Creeping(version, 3));
    }

    [Theory]
    [InlineData("v12")]
    [InlineData("limits-scaled")]
    [InlineData("limits-unscaled")]
    public void The_table_that_is_shown_creeps(string name)
    {
        var version = Catalogue.Find(name)!;
        for (int order = 3; order <= 9; order++)
        {
            var geometry = new Geometry(order);
            var creep = CreepProof.Run(geometry, version, geometry.AnonOrders);
            Assert.True(Creeps(version, creep.Smallest!), $"{creep.Smallest}");
            Assert.Equal(creep.Values[0], creep.Smallest!.Settings.MaxPtesNone);
            Assert.False(Creeps(Catalogue.Linux72, creep.Smallest!));
        }
    }

    [Theory]
    [InlineData("v5")]
    [InlineData("occupancy-ignored")]
    [InlineData("none-limit-forgotten")]
    public void What_the_argument_does_not_hold_for_is_not_decided(string name) =>
        Assert.NotNull(CreepProof.Run(Small, Catalogue.Find(name)!, Small.AnonOrders).Open);

    // A program that fills what collapse had filled with zeroes makes the window fuller: that is not khugepaged's creep.
    [Fact]
    public void A_page_of_zeroes_is_a_page_in_7_2()
    {
        var scenario = Every("Z").First();
        Assert.Contains(scenario.Run(Catalogue.Linux72, 1)[0].Report.Tables[0].Attempts, one => one.Status == ScanResult.Succeed);
        Assert.DoesNotContain(scenario.Run(Proposed.ZeroFilledAsNone, 1)[0].Report.Tables.SelectMany(table => table.Attempts),
            one => one.Status == ScanResult.Succeed);
    }

    private static ImmutableArray<int> Creeping(KhugepagedVersion version, int order)
    {
        var geometry = new Geometry(order);
        var creep = CreepProof.Run(geometry, version, geometry.AnonOrders);
        Assert.Null(creep.Open);
        return creep.Values;
    }

    private static bool Creeps(KhugepagedVersion version, Scenario scenario)
    {
        var passes = scenario.Run(version, 2);
        return passes[0].Report.Tables.SelectMany(table => table.Attempts).All(one => one.Status == ScanResult.Succeed)
            && passes[1].Report.Tables.SelectMany(table => table.Attempts).Any(one => one.Status == ScanResult.Succeed);
    }

    private static IEnumerable<Scenario> Every(string kinds)
    {
        int tables = 1;
        for (int pte = 0; pte < Small.Pages; pte++)
            tables *= kinds.Length;
        for (int number = 0; number < tables; number++)
        {
            var text = new char[Small.Pages];
            for (int pte = 0, rest = number; pte < text.Length; pte++, rest /= kinds.Length)
                text[pte] = kinds[rest % kinds.Length];
            var scenario = Scenario.Of(PageTable.Parse(new string(text), Small));
            foreach (var orders in new[] { Given.Orders(2), Given.Orders(3), Given.Orders(2, 3) })
                for (int limit = 0; limit <= Small.MaxPtesLimit; limit++)
                    yield return scenario with
                    {
                        Settings = scenario.Settings.WithSizes(orders, SizeEnabled.Madvise) with { MaxPtesNone = limit },
                    };
        }
    }
}
