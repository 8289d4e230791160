using System.Collections.Immutable;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

[Trait("Coverage", "Slow")]
public sealed class ShrinkerFacts
{
    // Non-empty PTEs of the counterexample that a random scenario at the real geometry shrinks to. Where a swap entry asks that
    // half of the PTEs were referenced, emptying one is one too many.
    private const int Few = 16, HalfOfAll = 257, MostRandom = 10_000;

    private const string NeedsHalfOfAll = "swap-counted-nowhere";

    public static TheoryData<string> Variants => [.. KnownBad.Variants.Select(variant => variant.Name)];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_known_bad_variant_is_found_at_the_real_geometry_and_shrinks_to_few_ptes_until_no_single_step_goes_further(string name)
    {
        var variant = Catalogue.Find(name)!;
        var claimed = Contract.Invariants.Where(one => one.ExceptionFor(variant) is null).ToImmutableArray();
        var shrunk = Checker.First(variant, ScenarioGenerator.Random(1, Geometry.X86).Take(MostRandom), claimed);
        Assert.NotNull(shrunk);
        Assert.InRange(Shrinker.Size(shrunk.Scenario), 0, name == NeedsHalfOfAll ? HalfOfAll : Few);
        Assert.All(Shrinker.Simpler(shrunk.Scenario),
            simpler => Assert.Null(shrunk.Invariant.Check(History.Of(simpler, variant, Checker.Passes))));
    }

    [Fact]
    public void It_gives_up_after_so_many_tries()
    {
        // One page less each time, and no other step, takes some 500 tries a page.
        var scenario = Given.Khugepaged("x*512", Given.Orders(2, 9), 511);
        int tries = 0, pages = Shrinker.Size(scenario);
        var shrunk = Shrinker.Shrink(scenario, candidate =>
        {
            tries++;
            if (Shrinker.Size(candidate) != pages - 1)
                return false;
            pages--;
            return true;
        });
        Assert.Equal(Shrinker.MostTries, tries);
        Assert.Equal(pages, Shrinker.Size(shrunk));
        Assert.InRange(pages, 2, 511);
    }

    [Fact]
    public void What_shows_in_one_half_is_shown_by_that_half_alone()
    {
        var scenario = Given.Khugepaged(".*300 h x*211", Given.Orders(2, 9), 511);
        var shrunk = Shrinker.Shrink(scenario, candidate => candidate.Table.Cells.Any(cell => cell.Has(CellFlags.Shared)));
        Assert.Equal(shrunk.ToString(),
            Shrinker.Shrink(scenario, candidate => candidate.Table.Cells.Any(cell => cell.Has(CellFlags.Shared))).ToString());
        Assert.Equal((3, 1), (shrunk.Table.Geometry.PmdOrder, Shrinker.Size(shrunk)));
        Assert.True(shrunk.Settings.OrdersFor(advised: true).IsEmpty);
        Assert.Equal(0, shrunk.Settings.MaxPtesNone);
    }
}
