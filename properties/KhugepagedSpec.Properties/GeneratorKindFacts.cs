using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>
/// Nothing that a scenario can have is left to luck. What there is comes from the lists that define it, so that a new letter, fault,
/// setting or version without a share is red here.
/// </summary>
public sealed class GeneratorKindFacts
{
    private const int Scenarios = 20_000, Struck = 24_000, Compared = 4_000;

    // The least share of each of a family, in percent.
    private static readonly ImmutableDictionary<string, double> LeastShares = new Dictionary<string, double>
    {
        ["letter"] = 0.5,
        ["attribute"] = 0.15,
        ["PMD entry"] = 0.3,
        ["fault"] = 0.15,
        ["who"] = 5,
        ["global"] = 0.5,
        ["size"] = 1,
        ["limit"] = 5,
        ["thp-disable"] = 0.2,
        ["VMA"] = 0.4,
        ["extent"] = 0.1,
        ["NUMA"] = 0.4,
        ["swap slots"] = 1,
        ["program"] = 0.2,
        ["no page"] = 0.05,
    }.ToImmutableDictionary();

    private const double LeastStruck = 0.04, LeastDifference = 0.05;

    private static readonly KhugepagedVersion[] Versions =
        [.. Catalogue.Versions, .. Catalogue.Undiscussed, .. Catalogue.InPart, .. Catalogue.Designs];

    // Which of the scenarios, by number, each kind is in.
    private static readonly Lazy<ImmutableDictionary<string, List<int>>> Which = new(() =>
    {
        var which = ScenarioKinds.All.ToImmutableDictionary(kind => kind.ToString(), _ => new List<int>());
        foreach (var (number, scenario) in ScenarioGenerator.Random(11, Geometry.X86).Take(Scenarios).Index())
            foreach (var kind in ScenarioKinds.All)
                if (kind.IsIn(scenario))
                    which[kind.ToString()].Add(number);
        return which;
    });

    private static readonly Lazy<ImmutableDictionary<string, int>> Strikes = new(() =>
    {
        var counts = Faults.ToDictionary(fault => fault, _ => 0);
        foreach (var scenario in ScenarioMix.Random(13).Take(Struck))
        {
            if (scenario.Faults.IsEmpty)
                continue;
            var running = new RunningScenario(scenario, Catalogue.Linux72);
            for (int pass = 0; pass < Checker.Passes; pass++)
                running.Pass();
            foreach (var struck in running.Machine.Script.Injected)
                counts[new FaultInjection(struck.What, struck.When).ToString()]++;
        }
        return counts.ToImmutableDictionary();
    });

    private static readonly Lazy<ImmutableDictionary<string, int>> Differences = new(() =>
    {
        var counts = Pairs.ToDictionary(pair => Name(pair.First, pair.Second), _ => 0);
        foreach (var scenario in ScenarioMix.Random(17).Take(Compared))
        {
            var runs = Versions.ToDictionary(version => version, version => scenario.Run(version, 2));
            foreach (var (first, second) in Pairs)
                if (!VersionDiff.AreSame(runs[first], runs[second]))
                    counts[Name(first, second)]++;
        }
        return counts.ToImmutableDictionary();
    });

    public static TheoryData<string> Kinds => [.. ScenarioKinds.All.Select(kind => kind.ToString())];

    public static TheoryData<string> FaultNames => [.. Faults];

    public static TheoryData<string> PairNames => [.. Pairs.Select(pair => Name(pair.First, pair.Second))];

    // Two versions whose policies are the same have no rule to tell apart.
    private static IEnumerable<(KhugepagedVersion First, KhugepagedVersion Second)> Pairs =>
        from first in Versions
        from second in Versions
        where Array.IndexOf(Versions, first) < Array.IndexOf(Versions, second) && PoliciesOf(first) != PoliciesOf(second)
        select (first, second);

    private static IEnumerable<string> Faults =>
        FaultInjection.Names.Where(named => named.What < InjectedFault.PageTurnsExclusive)
            .SelectMany(named => FaultInjection.GapsOf(named.What)
            .Select(gap => new FaultInjection(named.What, gap).ToString()));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Enough_of_the_scenarios_have(string kind)
    {
        string family = ScenarioKinds.All.Single(each => each.ToString() == kind).Family;
        Enough(kind, Which.Value[kind].Count, Scenarios, LeastShares[family]);
    }

    // A question that does not look at what it asks for has the answer of its neighbour.
    [Fact]
    public void No_two_kinds_of_a_family_are_in_the_same_scenarios() =>
        Assert.All(ScenarioKinds.All.GroupBy(kind => kind.Family), family =>
            Assert.Empty(family.GroupBy(kind => string.Join(' ', Which.Value[kind.ToString()])).Where(same => same.Count() > 1)
                .Select(same => string.Join(" and ", same))));

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void Enough_of_the_scenarios_are_failed_by(string fault) => Enough(fault, Strikes.Value[fault], Struck, LeastStruck);

    [Theory]
    [Trait("Coverage", "Slow")]
    [MemberData(nameof(PairNames))]
    public void Enough_of_the_scenarios_tell_apart(string pair) => Enough(pair, Differences.Value[pair], Compared, LeastDifference);

    [Fact]
    public void Every_family_has_a_least_share_and_no_other() =>
        Assert.Equal(ScenarioKinds.All.Select(kind => kind.Family).Distinct().Order(), LeastShares.Keys.Order());

    // The gate can fail: a generator of one kind of page makes no other.
    [Fact]
    public void A_generator_that_knows_fewer_kinds_falls_short()
    {
        var kinds = ScenarioKinds.All.Where(kind => kind.Family == "letter").ToList();
        var generator = new ScenarioGenerator(new RandomChoices(1), Geometry.X86, kinds: ".xs");
        var scenarios = Enumerable.Range(0, 300).Select(_ => generator.Next()).ToList();
        Assert.Equal([".", "x", "s"], kinds.Where(kind => scenarios.Any(kind.IsIn)).Select(kind => kind.Name));
    }

    private static void Enough(string what, int seen, int of, double percent) => Assert.True(
        100.0 * seen / of >= percent,
        string.Create(CultureInfo.InvariantCulture,
            $"{what}: in {100.0 * seen / of:0.000}% of {of} scenarios: expected {percent}% or more"));

    private static string Name(KhugepagedVersion first, KhugepagedVersion second) => $"{first.Name} and {second.Name}";

    private static KhugepagedVersion PoliciesOf(KhugepagedVersion version) =>
        version with
        {
            Name = "",
            Source = "",
            Unverified = null,
            VariantOf = null,
            MadeFor = null,
            Releases = null,
            Trace = TraceText.Linux72,
            HasUffdRwp = false
        };
}
