using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

public sealed class GeneratorFacts
{
    private const int Histories = 2000;

    private static readonly Lazy<InterestingShares> Shares = new(() => SharesOf(ScenarioGenerator.Random(7, Geometry.X86)));

    // In percent, at the real geometry.
    public static TheoryData<string, double> LeastShares { get; } = new()
    {
        { "a folio at an unnatural place", 10 },
        { "a folio mapped in part", 10 },
        { "a full window but for one PTE", 20 },
        { "max_ptes_none met exactly", 5 },
        { "max_ptes_none missed by one", 2 },
        { "scan refused", 20 },
        { "collapsed at the PMD order", 15 },
        { "collapsed below it", 15 },
        { "an attempt failed", 20 },
        { "holes filled", 15 },
        { "poisoned by the LRU batch", 1 },
        { "swapped in", 1 },
        { "uffd-armed and tried", 4 },
    };

    [Theory]
    [MemberData(nameof(LeastShares))]
    public void Enough_of_the_scenarios_show(string thing, double percent) => Assert.Null(Shares.Value.Cover(thing, percent));

    [Fact]
    public void Everything_interesting_has_a_least_share() =>
        Assert.Equal(InterestingShares.Names, LeastShares.Select(row => (string)row[0]));

    [Fact]
    public void A_generator_that_falls_short_is_told_so()
    {
        var dull = SharesOf(Enumerable.Repeat(Given.Khugepaged("x*512", Given.Orders(9), 511), Histories));
        Assert.Equal("'collapsed below it' in 0.0% of 2000 histories: expected 20% or more", dull.Cover("collapsed below it", 20));
        Assert.Null(dull.Cover("collapsed at the PMD order", 100));
    }

    [Fact]
    public void The_odometer_makes_every_sequence_of_choices_once()
    {
        var all = Odometer.All(choices => (choices.Below(3), choices.OneIn(2) ? choices.Below(2) : -1)).ToList();
        Assert.Equal([(0, 0), (0, 1), (0, -1), (1, 0), (1, 1), (1, -1), (2, 0), (2, 1), (2, -1)], all);
    }

    [Fact]
    public void Chance_is_even_and_the_same_for_the_same_seed()
    {
        var counts = new int[5];
        var (first, second) = (new RandomChoices(3), new RandomChoices(3));
        for (int i = 0; i < 10_000; i++)
        {
            int choice = first.Below(counts.Length);
            Assert.Equal(choice, second.Below(counts.Length));
            counts[choice]++;
        }
        Assert.All(counts, count => Assert.InRange(count, 1800, 2200));
    }

    [Fact]
    public void Every_scenario_can_be_written_and_read() =>
        Assert.All(ScenarioGenerator.Random(1, new Geometry(5)).Take(500),
            scenario => Assert.Equal(scenario.Table, PageTable.Parse(scenario.Table.ToString(), scenario.Table.Geometry)));

    private static InterestingShares SharesOf(IEnumerable<Scenario> scenarios)
    {
        var shares = new InterestingShares();
        foreach (var scenario in scenarios.Take(Histories))
            shares.Note(History.Of(scenario, Catalogue.Linux72, Checker.Passes));
        return shares;
    }
}
