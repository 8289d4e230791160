using FsCheck.Xunit;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

[Cases]
public sealed class CorpusFacts
{
    private static readonly KeptCounterexample[] Approved = [.. Counterexamples.Corpus.Approved()];

    [Fact]
    public void Every_file_is_an_approved_counterexample_to_an_invariant_of_the_contract()
    {
        Assert.Equal(
            Directory.GetFiles(Counterexamples.Folder).Select(Path.GetFileName)
                .Where(file => !file!.Contains(".received.", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            Approved.Select(kept => kept.File));
        Assert.All(Approved, kept =>
            Assert.True(Contract.Find(kept.Invariant) is not null, $"{kept.File}: no invariant is called {kept.Invariant}"));
    }

    [Fact]
    public void Each_still_shows_what_it_was_kept_for() =>
        Assert.All(Approved, kept => Assert.True(Breaks(kept), $"{kept.File}: {kept.Version} no longer breaks {kept.Invariant}"));

    [Fact]
    public void With_any_known_bad_variant_in_the_place_of_7_2_an_approved_one_fails() =>
        Assert.Equal(KnownBad.Variants.Select(variant => variant.Name).Order(), Approved.Where(Breaks).Select(kept => kept.Version)
            .Distinct().Order().Where(name => KnownBad.Variants.Any(variant => variant.Name == name)));

    [Property]
    public void A_counterexample_written_reads_back_as_itself(Scenario scenario)
    {
        var invariant = Contract.Invariants[0];
        string text = Corpus.Text(new Counterexample(invariant, scenario, new Violation(1, null, "why"), 1), Catalogue.Linux72, "");
        var read = Corpus.Parse(text, "file").Scenario;
        Assert.Equal(scenario with { Faults = [], Program = [] }, read with { Faults = [], Program = [], Numa = scenario.Numa });
        Assert.Equal(scenario.Program.AsEnumerable(), read.Program);
        Assert.Equal(scenario.Faults.AsEnumerable(), read.Faults);
    }

    [Theory]
    [InlineData("", "file: line 1: it is empty: expected an object with invariant, version, found, explain, scenario")]
    [InlineData("{}", "file: line 1: no key 'invariant': expected text")]
    [InlineData("null", "file: line 1: null: expected an object with invariant")]
    public void What_cannot_be_read_says_so_in_one_line_with_the_files_name(string text, string message)
    {
        var error = Assert.Throws<FormatException>(() => Corpus.Parse(text, "file"));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("\"x .*7\"", "\"x .*6\"", "file: 7 cells: expected 8")]
    [InlineData("\"pmdOrder\": 3", "\"pmdOrder\": 14", "file: pmdOrder 14: expected 2 to 13")]
    [InlineData("\"maxPtesNone\": 7", "\"maxPtesNone\": 8", "file: max_ptes_none is 8: expected 0 to 7")]
    public void A_scenario_that_cannot_be_is_refused(string part, string instead, string message)
    {
        var scenario = Scenario.Of(PageTables.PageTable.Parse("x .*7", new PageTables.Geometry(3)));
        string text = Corpus.Text(new Counterexample(Contract.Invariants[0], scenario, new Violation(1, null, "why"), 1),
            Catalogue.Linux72, "");
        Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.StartsWith(message,
            Assert.Throws<FormatException>(() => Corpus.Parse(text.Replace(part, instead, StringComparison.Ordinal), "file")).Message,
            StringComparison.Ordinal);
    }

    private static bool Breaks(KeptCounterexample kept) =>
        Contract.Find(kept.Invariant)!.Check(History.Of(kept.Scenario, Catalogue.Find(kept.Version)!, Checker.Passes)) is not null;
}
