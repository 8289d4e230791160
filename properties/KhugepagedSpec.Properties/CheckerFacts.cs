using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What judges the versions.</summary>
public sealed class CheckerFacts
{
    [Fact]
    public void An_invariant_that_is_broken_often_is_reported_once_by_where_it_was_first_seen()
    {
        const int count = 400;
        var variant = Catalogue.Find("larger-folio-demoted")!;
        var scenarios = ScenarioGenerator.Random(1, Geometry.X86).Take(count).ToList();
        var report = Checker.Run(variant, scenarios, Contract.Invariants);
        var demoted = Contract.Find("no-demotion")!;
        int[] broken = [.. scenarios.Select((scenario, i) => demoted.Check(History.Of(scenario, variant, Checker.Passes)) is null ? 0 : i
            + 1).Where(number => number > 0)];
        Assert.InRange(broken.Length, 2, count);
        Assert.Equal(broken[0], Assert.Single(report.Counterexamples, found => found.Invariant == demoted).Found);
        Assert.Equal(count, report.Scenarios);
    }
}
