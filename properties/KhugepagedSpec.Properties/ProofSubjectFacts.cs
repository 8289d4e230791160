using System.Collections.Concurrent;
using System.Collections.Immutable;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Checking.Exact;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What <c>prove</c> says of a version is about that version, and what is proved nothing breaks.</summary>
[Trait("Form", "Long")]
[Trait("Coverage", "Slow")]
public sealed class ProofSubjectFacts
{
    private static readonly int Scenarios = Long.Of(100, 1000);

    // A claim and what of the contract it decides, where that has another name.
    private static readonly Dictionary<string, string[]> Subjects =
        new() { ["aligned-disjoint-maximal"] = ["aligned-disjoint-enabled", "each-window-once"] };

    private static readonly ConcurrentDictionary<string, ImmutableArray<Claim>> Known = new();

    public static TheoryData<string> All => [.. Catalogue.All.Select(version => version.Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_proved_of_a_version_random_scenarios_do_not_break(string name)
    {
        var version = Catalogue.Find(name)!;
        var invariants = Proved(version).SelectMany(Judged).Where(invariant => !invariant.NotFor.Contains(name)).Distinct().ToList();
        foreach (var scenario in ScenarioMix.Random(4242).Take(Scenarios))
        {
            var history = History.Of(scenario, version, Checker.Passes);
            foreach (var invariant in invariants)
                Assert.True(invariant.Check(history) is not { } violation,
                    $"{name}: {invariant.Name} is proved, and {scenario} breaks it: {(invariant.Check(history) is { } why ? why : null)}");
        }
    }

    [Fact]
    public void No_version_is_proved_to_satisfy_what_it_is_known_to_break()
    {
        int known = 0;
        foreach (var version in Catalogue.All)
            foreach (var invariant in Proved(version).SelectMany(Judged))
            {
                Assert.True(invariant.ExceptionFor(version) is null,
                    $"{version.Name} is known to break {invariant.Name}, and it is proved");
                known += Contract.Invariants.Any(other => other.ExceptionFor(version) is not null) ? 1 : 0;
            }
        Assert.InRange(known, 1, int.MaxValue);
    }

    [Theory]
    [InlineData("v12", "settles")]
    [InlineData("v5", "settles")]
    [InlineData("more-than-needed", "buddy-tree")]
    [InlineData("more-than-needed", "summaries-suffice")]
    [InlineData("success-descends", "aligned-disjoint-maximal")]
    [InlineData("success-descends", "buddy-tree")]
    [InlineData("success-advances-by-the-minimum", "aligned-disjoint-maximal")]
    [InlineData("advance-by-the-mapped-folio", "aligned-disjoint-maximal")]
    [InlineData("disabled-orders-tried", "aligned-disjoint-maximal")]
    [InlineData("occupancy-ignored", "buddy-tree")]
    [InlineData("v18", "buddy-tree")]
    [InlineData("v19", "buddy-tree")]
    [InlineData("right-half-before-left", "walks-agree")]
    [InlineData("success-advances-by-the-minimum", "walks-agree")]
    public void Refuted_is(string name, string subject) =>
        Assert.Contains(Claims(Catalogue.Find(name)!), claim => claim.Subject == subject && claim.Refuted is not null);

    [Fact]
    public void Every_variant_whose_mistake_is_in_the_walk_or_the_limits_is_refuted()
    {
        string[] subjects = ["buddy-tree", "no-none-creep", "walks-agree", "settles"];
        foreach (var variant in KnownBad.Variants.Where(variant => subjects.Contains(variant.MadeFor)))
            Assert.True(Claims(variant).Any(claim => claim.Refuted is not null), variant.Name);
    }

    [Theory]
    [InlineData("v17")]
    [InlineData("v18")]
    [InlineData("linux-7.2")]
    [InlineData("linux-7.1")]
    public void The_walk_that_is_compared_is_that_of_the_version(string name)
    {
        var version = Catalogue.Find(name)!;
        var agree = Claims(version).Where(claim => claim.Subject == "walks-agree").ToList();
        Assert.All(agree, claim => Assert.StartsWith($"walks-agree: {version.Walk.Name}, ", claim.Name, StringComparison.Ordinal));
        Assert.Equal(version.Walk.Name != "offset", agree.Exists(claim => claim.Name.EndsWith(", offset", StringComparison.Ordinal)));
        Assert.All(agree, claim => Assert.True(claim.IsProved));
    }

    // A new policy that no claim asks for would let a proof go past it.
    [Fact]
    public void Every_policy_of_a_version_is_one_that_a_claim_may_rest_on_or_known_not_to_matter()
    {
        string[] neverMatters =
        [
            "Name", "VariantOf", "MadeFor", "Source", "Unverified", "Releases", "Trace", "HasUffdRwp", "RepeatedAdviceAsks",
                "KeepsEmptiedTables",
            "WritesSplitHugeZero",
            "Visit", "IsPmdOnly", "ReplacesPteByPte", "TakesSmallerExtents", "KeepsHolesOfMissingOnly", "TriesInRounds",
            "AskedAs", "PutTogether", "FullName", "HeldToClaimsOf", "KnownToBreak",
        ];
        Assert.Equal(
            typeof(KhugepagedVersion).GetProperties().Select(property => property.Name).Except(neverMatters).Order(),
            Proof.PoliciesAskedFor.Order());
    }

    private static ImmutableArray<Claim> Claims(KhugepagedVersion version) =>
        Known.GetOrAdd(version.Name, _ => Proof.Run(new Geometry(4), version));

    private static IEnumerable<string> Proved(KhugepagedVersion version)
    {
        // A name stands for all claims of that name.
        var claims = Claims(version);
        return claims.Select(claim => claim.Subject).Distinct().Where(subject =>
            claims.Where(claim => claim.Subject == subject).All(claim => claim.IsProved));
    }

    private static IEnumerable<Invariant> Judged(string subject) =>
        (Subjects.TryGetValue(subject, out string[]? names) ? names : [subject]).Select(Contract.Find).OfType<Invariant>();
}
