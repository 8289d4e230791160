using System.Collections.Immutable;
using System.Text;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

[Trait("Coverage", "Slow")]
public sealed class KnownBadTests
{
    // What Linux 7.2 itself breaks does not count as finding a mistake in it.
    private static readonly ImmutableArray<Invariant> Judges =
        [.. Contract.Invariants.Where(invariant => invariant.ExceptionFor(Catalogue.Linux72) is null)];

    [Fact]
    public void There_are_at_least_thirty_and_each_has_a_name_and_a_source_of_its_own()
    {
        Assert.InRange(KnownBad.Variants.Length, 30, int.MaxValue);
        Assert.Equal(KnownBad.Variants.Length, KnownBad.Variants.Select(variant => variant.Name).Distinct().Count());
        Assert.All(KnownBad.Variants, variant => Assert.NotEqual(Catalogue.Linux72.Source, variant.Source));
    }

    [Fact]
    public void Each_is_made_for_an_invariant_that_7_2_is_claimed_to_satisfy() =>
        Assert.All(KnownBad.Variants, variant => Assert.Contains(variant.MadeFor, Judges.Select(invariant => invariant.Name)));

    // .ci/run does the same with 20 seeds: khugepaged-spec check --seeds 20 --count 1000.
    [Fact]
    public void Each_is_found_by_the_invariant_it_is_made_for_whatever_the_seed() =>
        Assert.All(KnownBad.Variants.AsParallel().Select(variant => SeedCheck.Run(variant, seeds: 2, count: 1000)), report =>
            Assert.True(report.IsAlwaysFound, $"{report.Variant.Name} is not found by {report.Invariant.Name}"));

    [Fact]
    public void What_is_no_mistake_is_found_on_no_seed()
    {
        var right = Catalogue.Linux72 with { MadeFor = "odd-ptes-stay" };
        Assert.All(SeedCheck.Run(right, seeds: 2, count: 300).Found, found => Assert.Null(found));
    }

    [Fact]
    public void The_harmless_ones_do_the_same_as_7_2_on_every_small_scenario_and_on_random_large_ones()
    {
        foreach (var scenario in SmallScenarios.All().Where((_, i) => i % 11 == 0)
            .Concat(ScenarioGenerator.Random(2, Geometry.X86).Take(1000)))
            Assert.All(KnownBad.Harmless, variant => Assert.Null(VersionDiff.On(scenario, Catalogue.Linux72, variant)));
    }

    // A walk sees occupancies and results only as "done with" or "lower" at each window: with every such labelling of the 3, 7 or
    // 15 windows of 8, 16 or 32 PTEs, and every set of orders, all occupancies and results of that size are covered.
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void The_harmless_walks_visit_the_same_windows_for_all_occupancies_and_results(int pmdOrder)
    {
        var geometry = new Geometry(pmdOrder);
        int windows = (2 << (pmdOrder - Geometry.MinOrder)) - 1;
        for (uint bits = 0; bits < 1u << (pmdOrder + 1); bits += 4)
            for (int labels = 0; labels < 1 << windows; labels++)
            {
                var expected = Visited(Catalogue.Linux72, geometry, new(bits), labels);
                foreach (var variant in KnownBad.Harmless)
                    if (!expected.SequenceEqual(Visited(variant, geometry, new(bits), labels)))
                        Assert.Fail($"{variant.Name} differs with orders {new OrderSet(bits)}, labels {labels:x}");
            }
    }

    [Fact]
    public async Task Each_is_found_exhaustively_at_a_small_geometry_by_this_smallest_scenario()
    {
        var text = new StringBuilder();
        var found = KnownBad.Variants.AsParallel().AsOrdered()
            .Select(variant => (variant.Name, Found: Checker.First(variant, SmallScenarios.All(), Judges))).ToList();
        foreach (var (name, example) in found)
        {
            Assert.True(example is not null, $"{name} is not found");
            Assert.InRange(Shrinker.Size(example.Scenario), 0, 16);
            text.Append(name).Append(": ").Append(example.Invariant.Name).Append('\n')
                .Append("  explain ").Append(example.Scenario).Append('\n')
                .Append("  ").Append(example.Violation).Append('\n');
        }
        await Verifier.Verify(text.ToString());
    }

    // The enabled windows in the order of visit, when each bit of the labels says of one window whether it is done with.
    private static List<(int Offset, int Order)> Visited(KhugepagedVersion version, Geometry geometry, OrderSet enabled, int labels)
    {
        var walker = version.Walk.Begin(geometry, enabled);
        var windows = new List<(int, int)>();
        while (!walker.IsDone)
        {
            var (offset, order) = (walker.Offset, walker.Order);
            if (enabled.Contains(order))
                windows.Add((offset, order));
            int window = (1 << (geometry.PmdOrder - order)) - 1 + (offset >> order);
            bool done = enabled.Contains(order) && (labels >> window & 1) != 0;
            if (done)
                walker.Advance(1 << order);
            else
                walker.Lower();
        }
        return windows;
    }
}
