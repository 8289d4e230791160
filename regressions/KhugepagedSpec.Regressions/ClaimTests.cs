using System.Collections.Immutable;
using System.Text.RegularExpressions;
using KhugepagedSpec.Cli.Commands;
using KhugepagedSpec.Cli.Threads;

namespace KhugepagedSpec.Regressions;

/// <summary>Every claim of the threads: what is said of it, that its runs show it, and that they can show otherwise.</summary>
[Trait("Form", "Long")]
[Collection("console")]
public sealed partial class ClaimTests
{
    // A sentence of a mail would have more words in a row in common.
    private const int WordsOfAQuotation = 8;

    private static readonly string[] Mails =
        [.. Folders().Where(Directory.Exists).SelectMany(folder => Directory.GetFiles(folder, "*.txt"))];

    private static readonly List<Claim> All = [.. ThreadBook.Threads.SelectMany(thread => thread.Claims)];

    /// <summary>By thread, so that each is soon done.</summary>
    public static TheoryData<string> Names => [.. ThreadBook.Threads.Select(thread => thread.Name)];

    [Fact]
    public void Numbers_are_1_to_N_without_a_gap_and_every_thread_has_claims()
    {
        Assert.Equal(Enumerable.Range(1, All.Count), All.Select(claim => claim.Number));
        Assert.Equal(5, ThreadBook.Threads.Length);
        Assert.All(ThreadBook.Threads, thread => Assert.InRange(thread.Claims.Length, 20, int.MaxValue));
    }

    // Nothing is open, since what tells of somebody's machine says so.
    [Fact]
    public void Every_kind_and_every_verdict_occurs_but_open()
    {
        Assert.Equal(Enum.GetValues<ClaimKind>(), All.Select(claim => claim.Kind).Distinct().Order());
        Assert.Equal(Enum.GetValues<Verdict>().Except([Verdict.Open]), All.Select(claim => claim.Verdict).Distinct().Order());
    }

    [Fact]
    public void A_claim_is_one_sentence_with_who_and_when() => Assert.All(All, claim =>
    {
        Assert.Matches(@"^[^.?]([^?]|\.\w)*[.?]$", claim.Text);
        Assert.Matches(@"^[A-Z]\. \w+(, [A-Z]\. \w+)*$", claim.Who);
        Assert.Matches(@"^20\d\d-\d\d(-\d\d)?$", claim.Date);
    });

    [Fact]
    public void A_verdict_that_is_not_plain_says_what_and_one_that_is_decided_has_a_run() => Assert.All(All, claim =>
    {
        bool isPlain = claim.Verdict is Verdict.Holds or Verdict.NotOfTheModel;
        Assert.True(isPlain || claim.Note is not null, $"{claim.Number}: no note");
        Assert.True(claim.Verdict is Verdict.Open or Verdict.NotOfTheModel || claim.Runs.Length > 0, $"{claim.Number}: no run");
        Assert.True(claim.Verdict is not Verdict.NotOfTheModel || claim.Runs.IsEmpty, $"{claim.Number}: run all the same");
        Assert.All(claim.Runs, run => Assert.True(run.Prints.Length + run.Never.Length > 0, $"{claim.Number}: {run.Command}"));
    });

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_run_shows_its_verdict(string thread)
    {
        var amiss = Of(thread).SelectMany(claim => claim.Runs.Where(run => Long.IsAsked || !run.Slow)
            .Select(run => (claim.Number, run.Command, Amiss: Amiss(run)))).Where(one => one.Amiss is not null);
        Assert.Empty(amiss);
    }

    [Theory]
    [Trait("Coverage", "Slow")]
    [MemberData(nameof(Names))]
    public void What_is_known_to_show_otherwise_does(string thread)
    {
        var same = Of(thread).SelectMany(claim => claim.Runs.Where(run => run.Unless is not null && (Long.IsAsked || !run.Slow))
            .Select(run => (claim.Number, run.Command, run.Unless, Shown: AmissOtherwise(run) is null)))
            .Where(one => one.Shown);
        Assert.Empty(same);
    }

    private static string? Amiss(ClaimRun run) => Cli.Alone(() => ClaimRunner.Run(run).Amiss);

    private static string? AmissOtherwise(ClaimRun run) => Cli.Alone(() => ClaimRunner.RunOtherwise(run).Amiss);

    [Fact]
    public void Over_a_hundred_claims_have_a_run_that_shows_otherwise_with_something_wrong() =>
        Assert.InRange(All.Count(claim => claim.Runs.Any(run => run.Unless is not null)), 100, All.Count);

    [MailFact]
    public void No_sentence_of_a_mail_is_quoted()
    {
        var theirs = Mails.SelectMany(file => Runs(Quoting().Replace(File.ReadAllText(file), "\n"))).ToHashSet();
        Assert.InRange(theirs.Count, 2000, int.MaxValue);
        Assert.All(All, claim => Assert.All(Runs(claim.Text).Concat(Runs(claim.Note ?? "")),
            words => Assert.False(theirs.Contains(words), $"{claim.Number}: {words}")));
    }

    [Fact]
    public void A_run_that_prints_something_else_shows_nothing()
    {
        var run = new ClaimRun("explain 'x*512' --enabled 9", 0, ["walk 0/9", "result SCAN_SUCCEED"], [], null, false);
        Assert.Null(Amiss(run));
        Assert.Equal("it does not print 'walk 0/8'", Amiss(run with { Prints = ["walk 0/8"] }));
        Assert.Equal("it does not print 'walk 0/9'", Amiss(run with { Prints = ["result SCAN_SUCCEED", "walk 0/9"] }));
        Assert.Equal("it prints 'walk 0/9'", Amiss(run with { Never = ["walk 0/9"] }));
        Assert.Equal("it ends with 0, and was to end with 1", Amiss(run with { Exit = 1 }));
    }

    [Fact]
    public async Task The_list() => await Verifier.Verify(Output("threads"));

    [Fact]
    public async Task A_claim_its_run_and_its_verdict() => await Verifier.Verify(Output("threads", "39", "55"));

    [Fact]
    public void All_of_a_verdict_is_a_table_with_totals()
    {
        string table = Output("threads", "--thread", "walk", "--verdict", "false", "--all");
        Assert.Contains("  shown      ", table, StringComparison.Ordinal);
        Assert.EndsWith(" runs, 0 of them not as the verdict says\n", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_says_of_each_run_whether_it_shows_the_verdict()
    {
        Assert.Contains("\"shown\": true", Output("threads", "39", "--json"), StringComparison.Ordinal);
        Assert.DoesNotContain("\"shown\"", Output("threads", "--json"), StringComparison.Ordinal);
    }

    private static ImmutableArray<Claim> Of(string thread) => ThreadBook.Threads.Single(one => one.Name == thread).Claims;

    private static IEnumerable<string> Runs(string text)
    {
        string[] words = [.. Word().Matches(text.ToLowerInvariant()).Select(match => match.Value)];
        return Enumerable.Range(0, Math.Max(0, words.Length - WordsOfAQuotation + 1))
            .Select(i => string.Join(' ', words[i..(i + WordsOfAQuotation)]));
    }

    // Beside the checkout, where whoever works on it keeps them; KHUGEPAGEDSPEC_THREADS says where else.
    private static IEnumerable<string> Folders() =>
        [Environment.GetEnvironmentVariable("KHUGEPAGEDSPEC_THREADS") ?? Path.Combine(Repository.Folder, "..", "shared", "threads")];

    private static string Output(params string[] args)
    {
        var (code, output, error) = Cli.Run(args);
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\n[>+ ]*")]
    private static partial Regex Quoting();

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class MailFactAttribute : FactAttribute
    {
        public MailFactAttribute()
        {
            if (Mails.Length == 0)
                Skip = "the threads are not here: ../shared/threads, or KHUGEPAGEDSPEC_THREADS";
        }
    }
}
