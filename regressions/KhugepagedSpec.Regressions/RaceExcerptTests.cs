using System.Collections.Immutable;
using KhugepagedSpec.Races;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;
using static KhugepagedSpec.Regressions.RecordedRaceTests;

namespace KhugepagedSpec.Regressions;

/// <summary>Excerpts of races, each of one attempt and who was beside: what it taught is in the room's README.</summary>
[Trait("Coverage", "Slow")]
public sealed class RaceExcerptTests
{
    public static TheoryData<string, string, string> Excerpts => new()
    {
        // The file, who was beside, and what became of an attempt.
        { "table-freed", "dontneed", "no_pte_table" },
        { "page-locked", "munmap", "page_locked" },
        { "pinned-order-4", "gup-read", "succeeded" },
        { "limit", "fault", "exceed_none_pte" },
        { "partial-dontneed", "dontneed", "exceed_none_pte" },
        { "partial-dontneed-order-4", "dontneed", "exceed_none_pte" },
        { "extent", "munmap", "not_suitable_address_range" },
        { "shared", "fault", "exceed_shared_pte" },
        { "page-count", "fault", "not_suitable_page_count" },
        { "collapsed-meanwhile", "madv-collapse", "page_pmd_mapped" },
        { "armed-meanwhile", "userfaultfd", "exceed_none_pte" },
        { "poisoned", "hwpoison", "pte_non_present" },
        { "folio-begins-before", "fault", "not_suitable_page_count" },
        { "table-filled-by-userfaultfd", "userfaultfd", "exceed_none_pte" },
        { "given-up-by-vma", "dontneed", "not_suitable_address_range" },
        { "mapped-anew", "munmap", "vma_check_failed" },
    };

    [Theory]
    [MemberData(nameof(Excerpts))]
    public void An_excerpt_of_a_race_is_a_path(string file, string beside, string status)
    {
        string[] lines = Excerpt(file);
        var found = Judge(lines);
        Assert.All(found, each => Assert.Equal((Verdict.Path, null), (each.Verdict, each.Reason)));
        Assert.Contains(found, each => each.Actors.ContainsKey(beside) && each.Attempt.Status(RaceTrace.Of(lines)) == status);
    }

    // Which page it was nothing tells: no page is looked at under the table's lock.
    [Fact]
    public void A_swap_in_below_the_PMD_order_ends_the_attempt_whichever_page_it_came_to() =>
        Assert.Equal(Verdict.Path, Judge(Excerpt("swapped-out")).Single().Verdict);

    // Each edit takes away what explains the end of an attempt, or says another.
    [Theory]
    [InlineData("limit", "max_ptes_none 0", "max_ptes_none 511", "mm_collapse_huge_page_isolate")]
    [InlineData("pinned-order-4", " copy: (", "", "mappte")]
    [InlineData("pinned-order-4", ": sync", "", "isoptl")]
    [InlineData("partial-dontneed", " zap: (", "", "iso")]
    [InlineData("collapsed-meanwhile", " mappmd: (", "", "chp_r")]
    [InlineData("poisoned", " ttu1: (", "", "iso")]
    [InlineData("folio-begins-before", " mappte: (", "", "newrm")]
    [InlineData("table-filled-by-userfaultfd", " pmdinst: (", "", "mmap_lock_acquire_returned")]
    [InlineData("mapped-anew", "status=vma_check_failed", "status=no_pte_table", "reval_r")]
    [InlineData("armed-meanwhile", "status=exceed_none_pte", "status=exceed_shared_pte", "mm_collapse_huge_page_isolate")]
    public void An_edited_excerpt_is_refused(string file, string old, string by, string at)
    {
        string[] lines = by.Length == 0 ? [.. Excerpt(file).Where(line => !line.Contains(old, StringComparison.Ordinal))]
            : [.. Excerpt(file).Select(line => line.Replace(old, by, StringComparison.Ordinal))];
        var refused = Judge(lines).First(each => each.Verdict == Verdict.Refused);
        Assert.Equal(at, RaceTrace.Of(lines).All[refused.At!.Value].Name);
    }

    // Those that no race refuses are followed to the end of every race.
    [LongFact]
    [Trait("Form", "Long")]
    public async Task Which_protocols_a_race_tells_apart() => await Verifier.Verify(Told(Protocols.All));

    [Fact]
    public void A_protocol_that_a_race_refuses_is_refused_where_it_was_approved()
    {
        var approved = ApprovedLines.Of(nameof(RaceExcerptTests), nameof(Which_protocols_a_race_tells_apart))
            .Where(line => line.Contains("refused at", StringComparison.Ordinal)).ToList();
        Assert.InRange(approved.Count, 30, Protocols.All.Length);
        Assert.Equal(
            approved,
            Told([.. Protocols.All.Where(protocol => approved.Exists(line => line.Split(' ')[0] == protocol.Name))])
                .Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Told(ImmutableArray<CollapseProtocol> protocols)
    {
        var races = Excerpts.Select(row => (string)row[0]).Prepend("linux-7.2.13").Select(file =>
        {
            var trace = RaceTrace.Of(Excerpt(file));
            return (File: file, Trace: trace, Attempts: CollapseAttempt.Of(trace).AsEnumerable());
        }).ToList();
        return string.Concat(protocols.AsParallel().AsOrdered().Select(protocol => $"{protocol.Name,-34}{Of(protocol)}\n"));

        string Of(CollapseProtocol protocol)
        {
            string? why = null;
            var answers = ToldApart.OfEach(races.Select(race => (race.Trace, race.Attempts)), protocol, 200);
            foreach (var ((file, trace, _), told) in races.Zip(answers))
            {
                if (told.Refused is { } refused)
                    return $"refused at {trace.All[refused.At!.Value].Name}, {file}, attempt {refused.Attempt.Number}";
                why = told.Judged > 0 ? told.Why : why ?? told.Why;
            }
            return why!;
        }
    }
}
