using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Properties;

/// <summary>The contract at the geometries that are not x86-64's: arm64 with 16K (11) and 64K pages (13), and small ones.</summary>
public sealed class GeometryFacts
{
    [Theory]
    [InlineData(5, 400)]
    [InlineData(8, 80)]
    [InlineData(11, 12)]
    [InlineData(13, 4)]
    public void The_contract_holds_at_the_pmd_order(int pmdOrder, int scenarios)
    {
        foreach (var scenario in ScenarioGenerator.Random(23, new Geometry(pmdOrder)).Take(scenarios))
            foreach (var version in Subjects.All)
            {
                var history = History.Of(scenario, version, Checker.Passes);
                foreach (var invariant in Contract.Invariants)
                    if (invariant.IsClaimedOf(version) && invariant.Check(history) is { } violation)
                        Assert.Fail($"{version.Name} breaks {invariant.Name}: {violation}\n  explain {scenario} --model {version.Name}");
            }
    }

    [Fact]
    public void A_check_mixes_all_of_them() => Assert.Equal([4, 5, 6, 8, 9, 11, 13], ScenarioMix.PmdOrders);

    [Fact]
    public void At_each_something_collapses_below_the_pmd_order_and_at_it()
    {
        foreach (int pmdOrder in new[] { 5, 8, 11, 13 })
        {
            var windows = ScenarioGenerator.Random(23, new Geometry(pmdOrder)).Take(150)
                .SelectMany(scenario => History.Of(scenario, Subjects.Linux72, 1).Runs[0].Collapsed)
                    .Select(window => window.Order == pmdOrder).ToList();
            Assert.Contains(true, windows);
            Assert.Contains(false, windows);
        }
    }
}
