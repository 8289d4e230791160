using System.Collections.Immutable;
using System.Text;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

public sealed class KnownBadTests
{
    private const int MostRandom = 10_000;

    // What Linux 7.2 itself breaks does not count as finding a mistake in it.
    private static readonly ImmutableArray<Invariant> Judges =
        [.. Contract.Invariants.Where(invariant => invariant.ExceptionFor(Catalogue.Linux72) is null)];

    public static TheoryData<string> Names() => [.. KnownBad.Variants.Select(variant => variant.Name)];

    [Fact]
    public void There_are_at_least_thirty_and_each_has_a_name_and_a_source_of_its_own()
    {
        Assert.InRange(KnownBad.Variants.Length, 30, int.MaxValue);
        Assert.Equal(KnownBad.Variants.Length, KnownBad.Variants.Select(variant => variant.Name).Distinct().Count());
        Assert.All(KnownBad.Variants, variant => Assert.NotEqual(Catalogue.Linux72.Source, variant.Source));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_is_found_at_the_real_geometry_within_ten_thousand_random_scenarios(string name)
    {
        var random = new RandomScenarios(1, Geometry.X86);
        Assert.NotNull(First(name, Enumerable.Range(0, MostRandom).Select(_ => random.Next())));
    }

    [Fact]
    public async Task Each_is_found_exhaustively_at_a_small_geometry_by_this_smallest_scenario()
    {
        var text = new StringBuilder();
        var found = KnownBad.Variants.AsParallel().AsOrdered().Select(variant => (variant.Name, Found: First(variant.Name, SmallScenarios.All()))).ToList();
        foreach (var (name, example) in found)
        {
            Assert.True(example is not null, $"{name} is not found");
            Assert.InRange(Shrinker.Size(example.Scenario), 0, 16);
            text.Append(name).Append(": ").Append(example.Invariant.Name).Append('\n')
                .Append("  explain ").Append(ScenarioText.Arguments(example.Scenario)).Append('\n')
                .Append("  ").Append(example.Violation).Append('\n');
        }
        await Verifier.Verify(text.ToString());
    }

    // The first violation of any invariant, its scenario shrunk.
    private static Counterexample? First(string name, IEnumerable<Scenario> scenarios)
    {
        var variant = Catalogue.Find(name)!;
        int count = 0;
        foreach (var scenario in scenarios)
        {
            count++;
            var history = History.Of(scenario, variant, Checker.Passes);
            foreach (var invariant in Judges)
                if (invariant.Check(history) is not null)
                    return Checker.Shrunk(invariant, scenario, variant, count);
        }
        return null;
    }
}
