using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>The engines that look for counterexamples and differences: what mutating them showed that no test held.</summary>
[Trait("Coverage", "Slow")]
public sealed class CheckingEngineFacts : IDisposable
{
    private static readonly Scenario Full = Scenario.Of(Given.Table("x*512"));
    private static readonly Invariant Demotion = Contract.Find("no-demotion")!;

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"corpus-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Counterexamples_come_by_the_order_of_the_contract_and_are_found_by_their_invariant()
    {
        var report = Checker.Run(Catalogue.Find("v12")!, ScenarioMix.Random(1).Take(300), Contract.Invariants);
        int[] places = [.. report.Counterexamples.Select(found => Contract.Invariants.IndexOf(found.Invariant))];
        Assert.InRange(places.Length, 2, places.Length);
        Assert.Equal(places.Order(), places);
        Assert.All(report.Counterexamples, found => Assert.Same(found, report.For(found.Invariant)));
        Assert.Null(report.For(Demotion));
    }

    [Fact]
    public void Every_invariant_asked_for_is_judged_the_first_too()
    {
        var variant = Catalogue.Find("larger-folio-demoted")!;
        var report = Checker.Run(variant, ScenarioGenerator.Random(1, Geometry.X86).Take(400), [Demotion, Contract.Find("settles")!]);
        Assert.NotNull(report.For(Demotion));
    }

    [Fact]
    public void The_first_counterexample_says_after_how_many_scenarios_and_is_small_and_still_one()
    {
        var variant = Catalogue.Find("larger-folio-demoted")!;
        var broken = Scenario.Of(Given.Table("x*100 f4 x*396")) with { Settings = Full.Settings.WithSizes(Given.Orders(2), SizeEnabled.Madvise) };
        var found = Checker.First(variant, [Full, Full, broken], [Demotion])!;
        Assert.Equal(3, found.Found);
        Assert.InRange(Shrinker.Size(found.Scenario), 1, 16);
        Assert.NotNull(Demotion.Check(History.Of(found.Scenario, variant, Checker.Passes)));
        Assert.Null(Checker.First(variant, [Full, Full], [Demotion]));
    }

    [Fact]
    public void A_corpus_begins_without_a_folder_and_reads_by_name()
    {
        Assert.Empty(new Corpus(_folder).Approved());
        var found = new Counterexample(Demotion, Full, new Violation(1, null, "why"), 1);
        string received = new Corpus(_folder).Receive(found, Catalogue.Linux72);
        foreach (string name in new[] { "b", "c", "a" })
            File.Copy(received, Path.Combine(_folder, $"{name}.verified.json"));
        Assert.Equal(["a.verified.json", "b.verified.json", "c.verified.json"], new Corpus(_folder).Approved().Select(kept => kept.File));
    }

    [Fact]
    public void A_limit_given_holds_at_its_geometry_and_its_ends_at_every_one()
    {
        var small = ThpSettings.Defaults(new Geometry(4));
        Assert.Equal((0, 15, null, 100), (On(0, small), On(511, small), On(100, small), On(100, Full.Settings)));

        static int? On(int given, ThpSettings settings) =>
            new GivenSettings(Geometry.X86) { MaxPtesNone = given }.On(settings)?.MaxPtesNone;
    }

    [Theory]
    [InlineData("9", 0, "the PMD's only", "0")]
    [InlineData("9,4", 511, "the PMD's and smaller", "maximum")]
    [InlineData("4", 100, "smaller only", "between")]
    [InlineData("", 511, "none", "maximum")]
    public void Settings_belong_to_the_class_that_reviewers_speak_of(string orders, int maxPtesNone, string sizes, string none)
    {
        var set = Given.Orders([.. orders.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]);
        var settings = Full.Settings.WithSizes(set, SizeEnabled.Madvise) with { MaxPtesNone = maxPtesNone };
        Assert.Equal(new SettingsClass(sizes, none), SettingsClass.Of(Full with { Settings = settings }));
    }

    // What is advised only later counts, or the sizes would be none.
    [Fact]
    public void A_program_may_advise_so_that_sizes_set_to_madvise_count()
    {
        var scenario = Scenario.Of(ProgramStep.Parse("mmap, touch", Geometry.X86), Geometry.X86) with
        {
            Settings = Full.Settings.WithSizes(Given.Orders(9), SizeEnabled.Madvise),
        };
        Assert.Equal(SettingsClass.PmdOnly, SettingsClass.Of(scenario).Sizes);
    }

    [Fact]
    public void A_survey_that_came_to_its_end_says_so_and_lists_the_most_frequent_first_each_by_one_of_its_own_class()
    {
        var given = new GivenSettings(Geometry.X86) { Sizes = (default, Given.Orders(9), default), MaxPtesNone = 0 };
        var survey = DiffSurvey.Run(Catalogue.V19, Catalogue.Linux72, new DiffScope(DifferenceIn.Behaviour, given));
        Assert.True(survey.IsComplete);
        long[] counts = [.. survey.Classes.Select(one => one.Scenarios)];
        Assert.Equal(counts.OrderDescending(), counts);
        Assert.InRange(counts.Length, 2, counts.Length);
        Assert.All(survey.Classes, one =>
        {
            Assert.Equal(one.First, one.Smallest.First[one.Smallest.DiffersAt].Step);
            Assert.Equal(one.Second, one.Smallest.Second[one.Smallest.DiffersAt].Step);
        });
        Assert.StartsWith(SmallScenarios.Bound, survey.Bound, StringComparison.Ordinal);
        var none = new GivenSettings(Geometry.X86) { MaxPtesNone = 64 };
        Assert.StartsWith("10000 random", new DiffScope(DifferenceIn.Behaviour, none).Bound(10_000), StringComparison.Ordinal);
    }

    [Fact]
    public void A_search_tells_of_each_thousand_and_what_it_went_through()
    {
        var told = new List<int>();
        var given = new GivenSettings(Geometry.X86) { Sizes = (default, Given.Orders(9), default) };
        var same = VersionDiff.Search(Catalogue.Linux72, Catalogue.Linux72, new DiffScope(DifferenceIn.Result, given), told.Add);
        Assert.Null(same.Difference);
        Assert.Equal(Enumerable.Range(1, same.Scenarios / 1000).Select(thousand => 1000 * thousand), told);
        Assert.Equal(SmallScenarios.Bound, VersionDiff.Search(Catalogue.V12, Catalogue.Linux72).Bound);
        var real = new DiffScope(DifferenceIn.Behaviour, new GivenSettings(Geometry.X86) { MaxPtesNone = 255 });
        Assert.Equal("random scenarios at the real size", VersionDiff.Search(Catalogue.V12, Catalogue.Linux72, real).Bound);
    }

    [Fact]
    public void Runs_are_the_same_only_if_nothing_that_a_version_does_differs()
    {
        var scenario = Full with { Settings = Full.Settings.WithSizes(Given.Orders(4), SizeEnabled.Madvise) };
        var (ours, theirs) = (scenario.Run(Catalogue.Linux72, 2), scenario.Run(Catalogue.Linux71, 2));
        Assert.True(VersionDiff.AreSame(ours, scenario.Run(Catalogue.Linux72, 2)));
        Assert.False(VersionDiff.AreSame(ours, theirs));
        Assert.Equal(DifferenceIn.Behaviour, VersionDiff.In(scenario, Catalogue.Linux72, Catalogue.Linux71, DifferenceIn.Behaviour));
        Assert.Contains(VersionDiff.On(scenario, Catalogue.Linux72, Catalogue.Linux71)!.Second, line => line.Text == "not scanned");
        Assert.Contains(VersionDiff.On(scenario, Catalogue.Linux72, Catalogue.Linux71)!.First, line => line.Text == "pass 1");
        Assert.Contains(VersionDiff.On(scenario, Catalogue.Linux72, Catalogue.Linux71)!.First, line => line.Text == "result succeeded");
    }

    [Fact]
    public void What_MADV_COLLAPSE_returns_is_a_result_that_may_differ()
    {
        var scenario = Given.Madvise("s*65 x*447").Failing("alloc-fails");
        var lost = Catalogue.Find("allocation-failure-lost")!;
        Assert.Equal(DifferenceIn.Result, VersionDiff.In(scenario, Catalogue.Linux72, lost, DifferenceIn.Behaviour));
        var difference = VersionDiff.On(scenario, Catalogue.Linux72, lost)!;
        Assert.Contains(difference.First, line => line.Text == "returns -1 ENOMEM");
    }

    [Fact]
    public void A_variant_is_found_on_a_seed_after_as_many_scenarios_as_it_takes_or_not_at_all()
    {
        var report = SeedCheck.Run(Catalogue.Find("limits-unscaled")!, seeds: 3, count: 400);
        Assert.True(report.IsAlwaysFound);
        for (int seed = 1; seed <= 3; seed++)
        {
            int first = ScenarioMix.Random(seed).Take(400).ToList()
                .FindIndex(scenario => report.Invariant.Check(History.Of(scenario, report.Variant, Checker.Passes)) is not null);
            Assert.Equal(first + 1, report.Found[seed - 1]);
        }
        var none = SeedCheck.Run(Catalogue.Find("limits-unscaled")!, seeds: 2, count: 1);
        Assert.False(none.IsAlwaysFound);
        Assert.Throws<ArgumentException>(() => SeedCheck.Run(Catalogue.Linux72, 1, 1));
    }
}
