using KhugepagedSpec.Races;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Regressions;

/// <summary>A race of Linux 7.2.13, as recorded and as edited, against the interleaving model.</summary>
[Collection("console")]
[Trait("Coverage", "Slow")]
public sealed class RecordedRaceTests
{
    private const string Mm = "ffff88800447a300", Vma = "0xffff888005bfc9c0";

    internal static readonly string Path = Repository.At("regressions", "KhugepagedSpec.Regressions", "races", "linux-7.2.13.trace");

    private static string[] Lines => File.ReadAllLines(Path);

    internal static string[] Excerpt(string file) =>
        File.ReadAllLines(Repository.At("regressions", "KhugepagedSpec.Regressions", "races", file + ".trace"));

    // The line behind the first that has a text, by another task, at the same time.
    private static string[] With(string behind, string says)
    {
        var lines = Lines.ToList();
        int at = lines.FindIndex(line => line.Contains(behind, StringComparison.Ordinal));
        string time = lines[at].Split(": ")[0].Split(' ')[^1];
        lines.Insert(at + 1, $"          race-f-119     [001] .....   {time}: {says}");
        return [.. lines];
    }

    private static string[] Replaced(string old, string by) => string.Join('\n', Lines) is var all
        && all.IndexOf(old, StringComparison.Ordinal) is >= 0 and var at ? (all[..at] + by + all[(at + old.Length)..]).Split('\n') : [];

    private static string[] Without(string part)
    {
        var lines = Lines.ToList();
        lines.RemoveAt(lines.FindIndex(line => line.Contains(part, StringComparison.Ordinal)));
        return [.. lines];
    }

    internal static string[] Edited(string invariant) => invariant switch
    {
        "each-clear-has-its-fill" => Without(" pmdpop: ("),
        "nobody-else-while-out" => With(" pcf_r: (", "newrm: (folio_add_new_anon_rmap+0x4/0x1d0) folio=0x1 addr=0x7f6277d00000"),
        "no-lock-in-a-detached-table" =>
            With(" pcf_r: (",
                "poml_r: (do_anonymous_page+0x89/0x9a0 <- pte_offset_map_lock) addr=0x7f6277d00000 ptep=0xffff8880169d0800 pte=0x0"),
        "writers-are-alone" =>
            With("memcg_id=1 write=true success=true", $"mmap_lock_acquire_returned: mm={Mm} memcg_id=1 write=false success=true"),
        "vma-writers-are-alone" => With(" vsw_r: (",
            $"lvma_r: (do_user_addr_fault+0x24b/0x840 <- lock_vma_under_rcu) addr=0x7f6277d00000 vma={Vma}"),
        "results-agree" => Replaced("<- collapse_huge_page) result=1", "<- collapse_huge_page) result=9"),
        "isolation-counts-what-it-saw" => Replaced("none_or_zero=3, referenced=1", "none_or_zero=2, referenced=1"),
        _ => throw new ArgumentException(invariant),
    };

    public static TheoryData<string> Invariants => [.. TraceInvariant.All.Select(each => each.Name)];

    internal static List<Judgement> Judge(string[] lines, string? model = null)
    {
        var trace = RaceTrace.Of(lines);
        var validator = new Validator(trace, Protocols.Of(model));
        return [.. CollapseAttempt.Of(trace).Select(attempt => validator.Judge(attempt))];
    }

    [Fact]
    public void Linux_7_2_13_did_what_the_model_allows()
    {
        var found = Judge(Lines);
        Assert.Equal(4, found.Count);
        Assert.All(found, each => Assert.Equal((Verdict.Path, null), (each.Verdict, each.Reason)));
        Assert.Contains(found, each => each.Actors.ContainsKey("dontneed") && each.Attempt.Status(RaceTrace.Of(Lines)) == "no_pte_table");
        Assert.Empty(TraceInvariant.Judge(RaceTrace.Of(Lines), CollapseAttempt.Of(RaceTrace.Of(Lines))).Broken);
    }

    [Theory]
    [MemberData(nameof(Invariants))]
    public void Each_invariant_is_judged_and_is_broken_by_an_edited_trace(string invariant)
    {
        var trace = RaceTrace.Of(Edited(invariant));
        var (broken, unseen) = TraceInvariant.Judge(trace, CollapseAttempt.Of(trace));
        Assert.Empty(unseen);
        Assert.Contains(broken, each => each.Invariant == invariant);
    }

    // Nobody takes the table out any more, so that nothing explains the result: no invariant sees that.
    [Fact]
    public void A_table_that_nobody_freed_is_not_missed()
    {
        var trace = RaceTrace.Of(Without(" ptefree: ("));
        Assert.Empty(TraceInvariant.Judge(trace, CollapseAttempt.Of(trace)).Broken);
        var refused = Assert.Single(Judge(Without(" ptefree: (")), each => each.Verdict == Verdict.Refused);
        Assert.Equal("pmdchk", trace.All[refused.At!.Value].Name);
    }

    [Fact]
    public void A_window_that_was_installed_and_not_copied_is_refused()
    {
        string[] lines = [.. Lines.Where(line => !line.Contains("copy: (", StringComparison.Ordinal))];
        Assert.Contains(Judge(lines), each => each.Verdict == Verdict.Refused);
    }

    [Fact]
    public void The_former_order_of_the_look_at_the_PMD_entry_is_refused_within_the_first_attempts() =>
        Assert.Equal(3, Judge(Lines, "pmd-checked-before-vma-lock").Count(each => each.Verdict == Verdict.Refused));

    [Theory]
    [InlineData("overrun: 0", "overrun: 3", "cpu0: overrun: 3")]
    [InlineData("dropped events: 0", "", "cpu0: no counter 'dropped events'")]
    [InlineData("== end", "", "the file ends without '== end': it was cut off")]
    public void A_trace_with_loss_is_not_judged(string old, string by, string says)
    {
        string[] lines = Replaced(old, by);
        Assert.StartsWith(says, RaceTrace.Of(lines).Loss, StringComparison.Ordinal);
        Assert.All(Judge(lines), each => Assert.Equal((Verdict.NotJudged, "the trace has loss"), (each.Verdict, each.Reason)));
        Assert.Equal(3, Cli.RunWithInput(string.Join('\n', lines) + "\n", "validate", "-").Code);
    }

    [Theory]
    [InlineData("race-f-119 [001")]
    [InlineData("race-f-119 [001] .....")]
    [InlineData("race-f- [001] ..... 7: a: b")]
    [InlineData(" [")]
    public void A_line_that_is_no_event_is_refused(string line) =>
        Assert.StartsWith("line 3: no event: expected TASK-PID ",
            Assert.Throws<FormatException>(() => RaceTrace.Of(["== cpu0", "== trace", line])).Message, StringComparison.Ordinal);

    // A child has the same addresses in tables of its own, and khugepaged comes to them too.
    [Fact]
    public void Children_are_told_from_the_process_by_the_lock_they_take()
    {
        const string changes = "newrm: (folio_add_new_anon_rmap+0x4/0x1d0) folio=0x1 addr=0x7f6277d00000";
        var lines = With(" pcf_r: (", changes).ToList();
        Assert.Contains(TraceInvariant.Judge(RaceTrace.Of(lines), CollapseAttempt.Of(RaceTrace.Of(lines))).Broken,
            each => each.Invariant == "nobody-else-while-out");
        int at = lines.FindIndex(line => line.Contains(changes, StringComparison.Ordinal));
        lines[at] = lines[at].Replace("race-f-119", "race-c-999", StringComparison.Ordinal);
        lines.Insert(at, lines[at].Split(": ")[0] + ": mmap_lock_acquire_returned: mm=ffff888001234000 write=false success=true");
        var trace = RaceTrace.Of(lines);
        Assert.Empty(TraceInvariant.Judge(trace, CollapseAttempt.Of(trace)).Broken);
        Assert.All(Judge([.. lines]), each => Assert.Equal(Verdict.Path, each.Verdict));
    }

    // Above the order of the model's window pages are left out: those that somebody touches are told, some at a time.
    [Fact]
    public void A_page_that_somebody_touches_is_in_a_group_with_where_isolation_ended()
    {
        var trace = RaceTrace.Of(Excerpt("partial-dontneed-order-4"));
        var attempt = CollapseAttempt.Of(trace).Single(each => each.Order == 4);
        var groups = new Validator(trace, Protocols.Of(null)).Told(attempt).ToList();
        var looks = attempt.Events.Select(i => trace.All[i]).Where(one => one.Name == "iso").Select(one => one.Number("ptep")).ToList();
        int last = (int)((looks[^1] - looks[0]) / 8);
        Assert.True(groups.Count > 1);
        Assert.All(groups, group => Assert.Equal(4, group.Length));
        Assert.All(groups, group => Assert.Contains(last, group));
        var touched = Enumerable.Range(0, 16).Where(page => attempt.Company.Any(one => one.Kind == OperationKind.DontNeed
            && one.IsIn(new AddressRange(attempt.AddressOf(page), 4096))));
        Assert.NotEmpty(touched);
        Assert.All(touched, page => Assert.Contains(groups, group => group.Contains(page)));
    }

    [Fact]
    public void At_the_PMD_order_the_window_is_all_of_the_table()
    {
        var trace = RaceTrace.Of(Lines);
        var attempt = CollapseAttempt.Of(trace).Single(each => each.Status(trace) == "no_pte_table");
        var lines = Lines.ToList();
        int at = trace.All[attempt.First].Line - 1;
        lines[at] = lines[at].Replace("order=2", "order=9", StringComparison.Ordinal);
        var found = Judge([.. lines]);
        Assert.Contains(found, each => each.Attempt.Order == 9);
        Assert.All(found, each => Assert.Equal((Verdict.Path, null), (each.Verdict, each.Reason)));
        Assert.Contains(Judge([.. lines.Where(line => !line.Contains(" ptefree: (", StringComparison.Ordinal))]),
            each => each is { Verdict: Verdict.Refused, Attempt.Order: 9 });
    }

    // The validator reads a step's meaning, so a step of a function that a trace shows something of cannot lack one.
    [Fact]
    public void A_step_of_a_function_that_a_trace_shows_says_what_it_is_or_is_not_built()
    {
        var counter = new Variable("location", 7);
        var builder = new ProgramBuilder("one", counter, new HashSet<string> { "pmdp_collapse_flush" });
        builder.Do("find_vma", "looks the VMA up");
        string says = Assert.Throws<InvalidOperationException>(() => builder.Do("pmdp_collapse_flush", "empties the PMD entry")).Message;
        Assert.Equal("one: a step of pmdp_collapse_flush does not say what it is", says);
    }

    [Fact]
    public void Every_program_says_what_its_steps_are()
    {
        foreach (var protocol in Protocols.All)
            Assert.NotNull(new ProtocolSpace(protocol, Shape.Four).Beside([], Reductions.None));
        var space = new ProtocolSpace(Protocols.Of(null), Shape.Four);
        foreach (var actor in Actor.All)
            Assert.NotNull(space.Beside([actor], Reductions.None));
    }

    [Fact]
    public void What_the_model_cannot_take_is_not_judged_by_the_reason()
    {
        Assert.Contains(Judge(Replaced("addr=0x7f6277df0000 order=2", "addr=0x7f6277df0000 order=1")),
            each => each is { Verdict: Verdict.NotJudged, Reason: "order 1" });
        Assert.Contains(Judge(Replaced("status=no_pte_table", "status=alloc_huge_page_failed")),
            each => each is { Verdict: Verdict.NotJudged, Reason: "no memory for a folio: the model always has it" });
    }

    [Fact]
    public void The_command_ends_as_the_attempts_do()
    {
        Assert.Equal(0, Cli.Run("validate", Path).Code);
        var (code, output, error) = Cli.Run("validate", Path, "--model", "pmd-not-rechecked");
        Assert.Equal((1, ""), (code, error));
        Assert.Contains("the model had  ", output, StringComparison.Ordinal);
        Assert.Contains("--model pmd-not-rechecked --attempt ", output, StringComparison.Ordinal);
        Assert.Equal(3, Cli.Run("validate", Path, "--model", "linux-7.1").Code);
        Assert.Equal((2, "", "khugepaged-spec: --protocols with --html: expected one of them\n"),
            Cli.Run("validate", Path, "--protocols", "--html", "page.html"));
        Assert.Contains("\"refused\": 0", Cli.Run("validate", Path, "--json").Output, StringComparison.Ordinal);
    }
}
