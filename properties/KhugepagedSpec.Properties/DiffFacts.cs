using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>"No behaviour change for PMD collapse": where two versions agree on a whole class of settings, and where not.</summary>
[Trait("Form", "Long")]
public sealed class DiffFacts
{
    private const int Random = 3000;

    private static readonly GivenSettings PmdOnly = new(Geometry.X86) { Sizes = (OrderSet.Empty, Given.Orders(9), OrderSet.Empty) };

    [Fact]
    public void Wherever_only_the_PMD_size_is_enabled_7_2_does_what_7_1_does_but_for_two_things()
    {
        var (same, turnedOff, advisedAgain) = Compare(Catalogue.Linux71, Catalogue.Linux72, DifferenceIn.Behaviour, _ => false,
            every: Long.Of(5, 1));
        Assert.InRange(same, Long.Of(20_000, 100_000), int.MaxValue);
        Assert.InRange(turnedOff, 1, int.MaxValue);
        Assert.InRange(advisedAgain, 1, int.MaxValue);
    }

    [Fact]
    public void And_its_trace_lines_are_the_same_but_for_the_order_at_their_end() =>
        Compare(Catalogue.Linux71, Catalogue.Linux72 with { Trace = Catalogue.Linux71.Trace }, DifferenceIn.Behaviour | DifferenceIn.Trace,
            _ => false, every: 5);

    [Fact]
    public void Its_trace_lines_do_differ_in_that()
    {
        var scenario = PmdOnly.On(Scenario.Of(PageTable.Parse("x*512", Geometry.X86)))!;
        Assert.Null(VersionDiff.On(scenario, Catalogue.Linux71, Catalogue.Linux72));
        Assert.Equal(DifferenceIn.Trace,
            VersionDiff.In(scenario, Catalogue.Linux71, Catalogue.Linux72, DifferenceIn.Behaviour | DifferenceIn.Trace));
        var difference = VersionDiff.On(scenario, Catalogue.Linux71, Catalogue.Linux72, DifferenceIn.Trace)!;
        Assert.EndsWith(", order=9", difference.Second[difference.DiffersAt].Text, StringComparison.Ordinal);
        Assert.DoesNotContain("order=", difference.First[difference.DiffersAt].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void To_7_0_it_adds_the_rule_for_lazyfree_pages() =>
        Compare(Catalogue.Linux70, Catalogue.Linux72, DifferenceIn.Behaviour, HasLazyFree, every: 5);

    [Fact]
    public void A_survey_of_7_1_and_7_2_says_so()
    {
        var survey = DiffSurvey.Run(Catalogue.Linux71, Catalogue.Linux72, new DiffScope(DifferenceIn.Behaviour, PmdOnly));
        Assert.All(survey.Settings, one => Assert.Equal(0, one.Undisturbed));
        Assert.Contains(survey.Settings, one => one.Differ > 0);
        Assert.All(survey.Classes, one => Assert.True(!one.Smallest.Scenario.Faults.IsEmpty || !one.Smallest.Scenario.Program.IsEmpty));
    }

    [Fact]
    public void A_survey_that_is_interrupted_says_how_far_it_came()
    {
        using var stop = new CancellationTokenSource();
        var survey = DiffSurvey.Run(
            Catalogue.Linux71, Catalogue.Linux72, new DiffScope(DifferenceIn.Behaviour, PmdOnly), tried => stop.Cancel(), stop.Token);
        Assert.False(survey.IsComplete);
        Assert.InRange(survey.Scenarios, 1000, 100_000);
    }

    // The claim would be wrong of v19, which forgets swap entries at the PMD's order.
    [Fact]
    public void Of_v19_that_is_not_true() =>
        Assert.NotNull(VersionDiff.Search(Catalogue.Linux71, Catalogue.V19,
            new DiffScope(DifferenceIn.Behaviour, PmdOnly with { MaxPtesNone = 0 })).Difference);

    [Fact]
    public void A_search_keeps_to_the_settings_that_are_given()
    {
        var given = new GivenSettings(Geometry.X86) { Sizes = (Given.Orders(2), default, default), MaxPtesNone = 511, MaxPtesSwap = 0 };
        var scope = new DiffScope(DifferenceIn.Behaviour, given);
        var found = VersionDiff.Search(Catalogue.V12, Catalogue.Linux72, scope).Difference!.Scenario.Settings;
        Assert.Equal((Given.Orders(2), OrderSet.Empty, found.Geometry.MaxPtesLimit, 0),
            (found.Always, found.Madvise | found.Inherit, found.MaxPtesNone, found.MaxPtesSwap));
        // Order 4 is none below the PMD's of 8 or 16 PTEs, and 64 is neither the least nor the most.
        Assert.Empty(SmallScenarios.All(new GivenSettings(Geometry.X86) { Sizes = (Given.Orders(4), default, default) }.On));
        Assert.Empty(SmallScenarios.All(new GivenSettings(Geometry.X86) { MaxPtesNone = 64 }.On));
        Assert.All(scope.Scenarios(50), scenario => Assert.True(given.Has(scenario)));
    }

    [Theory]
    [InlineData(DifferenceIn.Attempts)]
    [InlineData(DifferenceIn.Table)]
    [InlineData(DifferenceIn.Result)]
    [InlineData(DifferenceIn.Counters)]
    [InlineData(DifferenceIn.Trace)]
    public void A_search_finds_the_kind_of_difference_that_is_asked_for(DifferenceIn kind)
    {
        var found = VersionDiff.Search(Catalogue.V12, Catalogue.Linux72, new DiffScope(kind, GivenSettings.Nothing)).Difference!;
        Assert.Equal(kind, VersionDiff.In(found.Scenario, Catalogue.V12, Catalogue.Linux72, kind));
    }

    [Theory]
    [InlineData("allocation-failure-lost", "alloc-fails", DifferenceIn.Result)]
    [InlineData("allocations-counted-twice", "page-locked", DifferenceIn.Counters)]
    [InlineData("abort-goes-on", "charge-fails@9", DifferenceIn.Behaviour)]
    public void Each_kind_is_told_from_the_others(string variant, string fault, DifferenceIn kinds)
    {
        var scenario = Scenario.Of(PageTable.Parse("x*512", Geometry.X86));
        scenario = scenario with
        {
            Settings = scenario.Settings.WithSizes(Given.Orders(4, 9), SizeEnabled.Madvise),
            Faults = [FaultInjection.Parse(fault)],
        };
        Assert.Equal(kinds, VersionDiff.In(scenario, Catalogue.Find(variant)!, Catalogue.Linux72, DifferenceIn.Behaviour));
    }

    // A failed allocation that is lost shows in the result only.
    [Fact]
    public void What_differs_in_the_result_only_is_not_found_in_the_table()
    {
        var given = new GivenSettings(Geometry.X86) { Sizes = (default, Given.Orders(9), default), MaxPtesNone = 511 };
        var lost = Catalogue.Find("allocation-failure-lost")!;
        Assert.NotNull(VersionDiff.Search(lost, Catalogue.Linux72, new DiffScope(DifferenceIn.Result, given)).Difference);
        Assert.DoesNotContain(
            new DiffScope(DifferenceIn.Table, given).Scenarios(0).Where((_, i) => i % 50 == 0),
            scenario => VersionDiff.On(scenario, lost, Catalogue.Linux72, DifferenceIn.Table) is not null);
    }

    [Fact]
    [Trait("Coverage", "Slow")]
    public void A_survey_lists_each_class_by_a_smallest_example_and_the_settings_without_any()
    {
        var survey = DiffSurvey.Run(Catalogue.V19, Catalogue.Linux72, new DiffScope(DifferenceIn.Behaviour, PmdOnly));
        Assert.NotEmpty(survey.Classes);
        Assert.Equal(survey.Classes.Length, survey.Classes.Select(one => (one.First, one.Second)).Distinct().Count());
        Assert.Equal(survey.Classes.Sum(one => one.Scenarios), survey.Settings.Sum(one => one.Differ));
        Assert.Equal(survey.Scenarios, survey.Settings.Sum(one => one.Scenarios));
        Assert.All(survey.Classes, one => Assert.True(HasEntry(one.Smallest.Scenario), one.Smallest.Scenario.ToString()));
        Assert.Contains(survey.Settings, one => one.Undisturbed > 0);
        // Under the maximum the swap entry is not missed.
        Assert.All(survey.Settings, one =>
            Assert.Equal(one.Settings is { Sizes: SettingsClass.PmdOnly, MaxPtesNone: not "maximum" }, one.Differ > 0));
    }

    // Something that is not present, or comes to be.
    private static bool HasEntry(Scenario scenario) =>
        scenario.Table.Cells.Any(cell => cell.Kind is not (PteKind.None or PteKind.ZeroPage or PteKind.Page)) || !scenario.Faults.IsEmpty
            || !scenario.Program.IsEmpty;

    private static (int Same, int TurnedOff, int AdvisedAgain) Compare(
        KhugepagedVersion first, KhugepagedVersion second, DifferenceIn kinds, Func<Scenario, bool> excused, int every = 1)
    {
        int same = 0, turnedOff = 0, advisedAgain = 0;
        foreach (var scenario in new DiffScope(kinds, PmdOnly).Scenarios(Random).Where((_, i) => i % every == 0))
        {
            if (VersionDiff.On(scenario, first, second, kinds) is not { } difference)
                same++;
            else if (scenario.Faults.Any(fault =>
                fault is { When: Gap.BeforeScan, What: InjectedFault.SizeTurnedOff or InjectedFault.SizesTurnedOff }))
                turnedOff++;
            else if (scenario.Program.Count(step => step.Verb == ProgramVerb.HugePage) > 1)
                advisedAgain++;
            else
                Assert.True(excused(scenario),
                    $"{scenario} differs: {difference.First[difference.DiffersAt].Text} | {difference.Second[difference.DiffersAt].Text}");
        }
        return (same, turnedOff, advisedAgain);
    }

    private static bool HasLazyFree(Scenario scenario) =>
        scenario.Table.Cells.Any(cell => cell.Has(CellFlags.LazyFree))
            || scenario.Faults.Any(fault => fault.What == InjectedFault.PageFreed)
        || scenario.Program.Any(step => step.Verb == ProgramVerb.Free);
}
