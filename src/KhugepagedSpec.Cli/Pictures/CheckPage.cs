using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>check</c>: the verdicts, and each counterexample as a walk.</summary>
/// <param name="Command">The command line that shows the same as text.</param>
/// <param name="Summary">How much was run.</param>
/// <param name="Versions">The columns.</param>
/// <param name="Rows">A row an invariant.</param>
/// <param name="Variants">The known-bad variants.</param>
/// <param name="Kinds">The symbols of single PTEs.</param>
/// <param name="Found">The counterexamples.</param>
internal sealed record CheckPage(
    string Command, string Summary, ImmutableArray<string> Versions, ImmutableArray<VerdictRow> Rows, ImmutableArray<VariantRow> Variants,
    IReadOnlyDictionary<string, CellKind> Kinds, ImmutableArray<CounterexamplePicture> Found)
{
    /// <summary>Makes it.</summary>
    public static HtmlPage Of(CheckResult result, string command)
    {
        var found = new List<(CheckReport Report, Counterexample Counterexample)>();
        ImmutableArray<CheckReport> versions = [.. result.Versions];
        var rows = result.Invariants.Select(invariant => new VerdictRow(
            invariant.Name, invariant.Statement,
            [.. versions.Select(report =>
                new VerdictCell(CheckText.Verdict(report, invariant).ToString(), Number(report, report.For(invariant))))
                    .Append(new VerdictCell(CheckText.KernelVerdict(result, invariant).ToString(), null))]))
            .ToImmutableArray();
        var variants = result.Variants.Select(report =>
        {
            var smallest = CheckText.Smallest(report);
            return new VariantRow(report.Version.Name, report.Version.Source, smallest?.Invariant.Name, smallest is null ? null
                : Shrinker.Size(smallest.Scenario), Number(report, smallest));
        }).ToImmutableArray();
        var pictured = found.Select(one =>
            (one, Explained: Explained.Of(one.Counterexample.Scenario, one.Report.Version, one.Counterexample.Violation.Pass))).ToList();
        var page = new CheckPage(
            command, CheckText.Summary(result), [.. versions.Select(report => report.Version.Name), "the recorded kernels"], rows, variants,
            CellKind.Of(pictured.SelectMany(one => WalkPicture.TablesOf(one.Explained))),
            [.. pictured.Select(one => new CounterexamplePicture(
                $"{one.one.Report.Version.Name} breaks {one.one.Counterexample.Invariant.Name}",
                    CheckText.Why(one.one.Report, one.one.Counterexample),
                CheckText.ExplainArguments(one.one.Report, one.one.Counterexample), one.one.Counterexample.Violation.ToString(),
                    WalkPicture.Of(one.Explained, everyStep: false).InBrief()))]);
        return new HtmlPage("check", "check", ["map", "tree", "walk"], JsonSerializer.Serialize(page, PageJson.Compact.CheckPage));

        int? Number(CheckReport report, Counterexample? counterexample)
        {
            if (counterexample is null)
                return null;
            found.Add((report, counterexample));
            return found.Count - 1;
        }
    }
}

/// <summary>One invariant's verdicts.</summary>
/// <param name="Invariant">Its name.</param>
/// <param name="Statement">What it says.</param>
/// <param name="Cells">A verdict a version.</param>
internal sealed record VerdictRow(string Invariant, string Statement, ImmutableArray<VerdictCell> Cells);

/// <summary>One verdict.</summary>
/// <param name="Verdict">As in the text's matrix.</param>
/// <param name="Found">The counterexample, by number; null if there is none.</param>
internal sealed record VerdictCell(string Verdict, int? Found);

/// <summary>One known-bad variant.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">Who named the mistake, and where.</param>
/// <param name="Invariant">What it breaks by its smallest counterexample; null if it was not detected.</param>
/// <param name="Ptes">How many PTEs that takes.</param>
/// <param name="Found">The counterexample, by number.</param>
internal sealed record VariantRow(string Name, string Source, string? Invariant, int? Ptes, int? Found);

/// <summary>One counterexample.</summary>
/// <param name="Title">What breaks what.</param>
/// <param name="Why">Why that is known, or that it is not.</param>
/// <param name="Explain">The command that shows it.</param>
/// <param name="Violation">Where and how.</param>
/// <param name="Walk">The run.</param>
internal sealed record CounterexamplePicture(string Title, string Why, string Explain, string Violation, WalkPicture Walk);
