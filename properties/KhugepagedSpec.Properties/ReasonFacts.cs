using System.Collections.Concurrent;
using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>No result without words: what was in the way, at which PTE, or by which figure.</summary>
[Trait("Form", "Long")]
public sealed class ReasonFacts
{
    private static readonly int Scenarios = Long.Of(1000, 4000);

    // What a walk of each version says somewhere: all scenarios are gone through where it says neither.
    private static readonly ConcurrentDictionary<string, (bool Unsupported, bool Chunks)> Said = new();

    private static readonly string[] Names = ["linux-7.2", "linux-7.1", "linux-6.17", "v5", "v17", "linux-7.2-nonswap"];

    public static TheoryData<string> Versions => [.. Names];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Every_result_but_success_names_a_PTE_of_the_window_or_a_figure(string name)
    {
        int refused = 0;
        foreach (var (scenario, table) in Tables(Catalogue.Find(name)!))
        {
            var settings = scenario.Settings;
            Assert.Equal(table.Scan.Result == ScanResult.Succeed, table.Scan.Why is null);
            if (table.Scan.Why is { } scan)
            {
                Judge(scan, 0, settings.Geometry.Pages, RefusalText.Of(scan, settings, settings.Geometry.PmdOrder));
                Assert.Equal(RefusalStep.Scan, scan.Step);
                Assert.True(table.Scan.EndedAt < 0 || scan.Pte == table.Scan.EndedAt,
                    $"{scenario}: ended at {table.Scan.EndedAt}, and {scan}");
                refused++;
            }
            foreach (var step in table.Walk.Where(step => step.Reason == WalkReason.Tried))
            {
                Assert.Equal(step.Result == ScanResult.Succeed, step.Why is null);
                if (step.Why is not { } why)
                    continue;
                Judge(why, step.Offset, step.Offset + (1 << step.Order), RefusalText.Of(why, settings, step.Order));
                Assert.NotEqual(RefusalStep.Scan, why.Step);
                refused++;
            }

            void Judge(Refusal why, int from, int end, string words)
            {
                Assert.True(why.Pte < 0 || (why.Pte >= from && why.Pte < end), $"{scenario}: PTE {why.Pte} is not in {from} to {end - 1}");
                Assert.True(words.Any(char.IsAsciiDigit), $"{scenario}: '{words}' has no figure");
                if (why.Pte >= 0)
                    Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"PTE {why.Pte}"), words, StringComparison.Ordinal);
            }
        }
        Assert.InRange(refused, Scenarios / 4, int.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_walk_ends_behind_the_last_window_or_with_a_step_that_ends_it(string name)
    {
        int ended = 0;
        foreach (var (scenario, table) in Tables(Catalogue.Find(name)!).Where(one => one.Table.Scan.Result == ScanResult.Succeed))
        {
            var last = table.Walk[^1];
            bool isLast = last.Offset + (1 << last.Order) == scenario.Settings.Geometry.Pages;
            Assert.True(isLast || last.Verdict == WalkVerdict.Stop,
                $"{scenario}: the walk ends at {last.Offset}/{last.Order} without a word");
            Assert.Equal(table.Attempts.Count, table.Walk.Count(step => step.Reason == WalkReason.Tried));
            ended += last.Verdict == WalkVerdict.Stop ? 1 : 0;
        }
        Assert.InRange(ended, 1, int.MaxValue);
    }

    [Fact]
    public void Every_cause_is_met_by_some_version()
    {
        var met = new HashSet<RefusalCause>();
        foreach (string name in Names)
            foreach (var (_, table) in Tables(Catalogue.Find(name)!, 4000))
                met.UnionWith(table.Walk.Select(step => step.Why).Append(table.Scan.Why).OfType<Refusal>().Select(why => why.Cause));
        // No scenario merges pages, and nobody calls prctl in a gap.
        Assert.Equal([RefusalCause.LockedByItself, RefusalCause.Disabled], Enum.GetValues<RefusalCause>().Except(met));
    }

    [Fact]
    public void Only_v13_to_v17_end_a_walk_at_a_limit_that_they_do_not_support()
    {
        foreach (var version in Catalogue.Versions)
            Assert.Equal(version == Catalogue.V17, Says(version).Unsupported);
    }

    [Fact]
    public void Only_v5_counts_chunks()
    {
        foreach (var version in Catalogue.Versions)
            Assert.Equal(version == Catalogue.V5, Says(version).Chunks);
    }

    private static (bool Unsupported, bool Chunks) Says(KhugepagedVersion version) => Said.GetOrAdd(version.Name, _ =>
    {
        bool unsupported = false, chunks = false;
        foreach (var (_, table) in Tables(version))
            foreach (var step in table.Walk)
            {
                unsupported |= step.Reason == WalkReason.Unsupported;
                chunks |= step.CountsChunks;
            }
        return (unsupported, chunks);
    });

    private static IEnumerable<(Daemon.Scenario Scenario, TableRun Table)> Tables(KhugepagedVersion version, int? scenarios = null) =>
        ScenarioMix.Random(17).Take(scenarios ?? Scenarios).SelectMany(scenario => scenario.Run(version, 2, traced: true)
            .SelectMany(run => run.Report.Tables).Where(table => table.Mm == 1 && table.Start == 0).Select(table => (scenario, table)));
}
