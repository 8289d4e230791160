using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

public sealed class ShrinkerFacts
{
    // Non-empty PTEs of the counterexample that a random scenario at the real geometry shrinks to. Where a swap entry asks that
    // half of the PTEs were used lately, emptying one is one too many.
    private const int Few = 16, HalfOfAll = 257;

    private const string NeedsHalfOfAll = "swap-counted-nowhere";

    public static TheoryData<string> Variants => [.. KnownBad.Variants.Select(variant => variant.Name)];

    [Theory]
    [MemberData(nameof(Variants))]
    public void From_the_real_geometry_every_known_bad_variant_shrinks_to_few_ptes_and_no_single_step_goes_further(string name)
    {
        var variant = Catalogue.Find(name)!;
        var (invariant, scenario) = FirstBroken(variant);
        var shrunk = Checker.Shrunk(invariant, scenario, variant, 1);
        Assert.InRange(Shrinker.Size(shrunk.Scenario), 0, name == NeedsHalfOfAll ? HalfOfAll : Few);
        Assert.All(Shrinker.Simpler(shrunk.Scenario), simpler => Assert.Null(invariant.Check(History.Of(simpler, variant, Checker.Passes))));
        Assert.Equal(shrunk.Scenario.ToString(), Checker.Shrunk(invariant, scenario, variant, 1).Scenario.ToString());
    }

    [Fact]
    public void It_gives_up_after_so_many_tries()
    {
        int tries = 0;
        Shrinker.Shrink(Given.Khugepaged("x*512", Given.Orders(2, 9), 511), _ =>
        {
            tries++;
            return false;
        });
        Assert.InRange(tries, 1, Shrinker.MostTries);
    }

    [Fact]
    public void What_shows_in_one_half_is_shown_by_that_half_alone()
    {
        var scenario = Given.Khugepaged(".*300 h x*211", Given.Orders(2, 9), 511);
        var shrunk = Shrinker.Shrink(scenario, candidate => candidate.Table.Cells.Any(cell => cell.Has(CellFlags.Shared)));
        Assert.Equal((3, 1), (shrunk.Table.Geometry.PmdOrder, Shrinker.Size(shrunk)));
        Assert.True(shrunk.Settings.OrdersFor(advised: true).IsEmpty);
        Assert.Equal(0, shrunk.Settings.MaxPtesNone);
    }

    private static (Invariant Invariant, Scenario Scenario) FirstBroken(KhugepagedVersion variant)
    {
        foreach (var scenario in ScenarioGenerator.Random(1, Geometry.X86).Take(10_000))
        {
            var history = History.Of(scenario, variant, Checker.Passes);
            foreach (var invariant in Contract.Invariants)
                if (invariant.ExceptionFor(variant) is null && invariant.Check(history) is not null)
                    return (invariant, scenario);
        }
        throw new InvalidOperationException($"{variant.Name} was not found");
    }
}
