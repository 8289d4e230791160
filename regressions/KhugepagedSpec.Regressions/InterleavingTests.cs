using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using KhugepagedSpec.Guests.Race;
using KhugepagedSpec.Races;
using KhugepagedSpec.Results;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Regressions;

/// <summary>The interleavings, as snapshots to be read and approved.</summary>
[Trait("Coverage", "Slow")]
[Collection("console")]
public sealed partial class InterleavingTests(AllPairs pairs) : IClassFixture<AllPairs>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public static TheoryData<string> KnownBadOnes => [.. Protocols.KnownBad.Concat(Protocols.Pairs).Select(protocol => protocol.Name)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(KnownBadOnes))]
    public async Task A_known_bad_protocol_is_refuted_by_this_interleaving(string variant)
    {
        var (code, output, error) = Cli.Run("explore", "--model", variant);
        Assert.Equal((1, ""), (code, error));
        await Verifier.Verify(Times().Replace(output, "- s")).UseParameters(variant);
    }

    [Fact]
    public async Task Every_pair_has_so_many_states_and_breaks_nothing()
    {
        Assert.All(pairs.Results, result => Assert.Equal((Ending.Exhausted, 0), (result.Found.Ending, result.Found.Extent.Left)));
        var text = new StringBuilder();
        foreach (var result in pairs.Results)
            text.Append(CultureInfo.InvariantCulture, $"{string.Join(',', result.Actors),-28}{result.Table}{result.Found.Extent.Generated,9}{result.Found.Extent.Distinct,9}{result.Found.Extent.Depth,5}\n");
        await Verifier.Verify(text.ToString());
    }

    // Source: semantics.md, "Which concurrent actors can act when". Before the VMA's own lock is taken for writing, faults under it go on.
    [Fact]
    public async Task Who_can_act_when()
    {
        var text = new StringBuilder(
            "T changes an entry, the PMD entry or a VMA; r changes only pages, bits or settings; . only waits or looks\n"
            + "behind it, of a kernel that was recorded while they raced: in how many of the gaps between two steps there the actor did "
            + "something; - in none\n(nothing: the actor was not recorded, or no gap between two probes is there alone)\n\n");
        string[] columns = [.. pairs.Space.Beside([], Reductions.None).Programs.First().Phases.Distinct()];
        text.Append(CultureInfo.InvariantCulture, $"{"",-16}{string.Concat(columns.Select(column => $"{column,24}"))}\n");
        foreach (var (actor, phases) in pairs.ActsIn)
            text.Append(CultureInfo.InvariantCulture,
                $"{actor,-16}{string.Concat(columns.Select(column =>
                    $"{$"{".rT"[phases.GetValueOrDefault(column)]} {RecordedGaps.Of(actor, column)}".TrimEnd(),24}"))}\n");
        text.Append('\n');
        foreach (var (actor, why) in RecordedGaps.Reasons)
            text.Append(CultureInfo.InvariantCulture, $"not recorded: {actor,-16}{why}\n");
        Assert.Equal(pairs.ActsIn.Keys.Except(RaceActor.All.Select(actor => actor.Name)).Order(StringComparer.Ordinal),
            RecordedGaps.Reasons.Keys.Order(StringComparer.Ordinal));
        Assert.All(pairs.ActsIn, actor => Assert.NotEqual(2, actor.Value["table taken out"]));
        await Verifier.Verify(text.ToString());
    }

    // A cell is what the kernel's functions do there, by source; what it ends with, and that somebody who migrates is waited for.
    [Fact]
    public async Task Each_actor_does_what_the_kernel_does_in_every_state_of_the_PMD_entry() =>
        await Verifier.Verify(string.Join('\n', ActorInPmdState.All(pairs.Space)
        .Select(state => $"{state.Actor,-15}{state.Begins,-11}-> {string.Join(", ", state.Ends),-26}{string.Join(' ', state.Functions)}")));

    [Fact]
    public void Shards_come_to_what_all_combinations_come_to_and_go_on_where_they_were_stopped()
    {
        string[] shards = [.. Enumerable.Range(1, 4).Select(i => Path.Combine(_folder, $"{i}.jsonl"))];
        string[] all = ["explore", "--beside", "1", "--entries", "4"];
        for (int i = 0; i < 4; i++)
            Assert.Equal(0, Cli.Run([.. all, "--shard", $"{i + 1}/4", "--out", shards[i]]).Code);
        static string States(string output) =>
            output.Split('\n').Single(line => line.Contains("states generated", StringComparison.Ordinal)).Trim();
        string together = States(Cli.Run(all).Output);
        Assert.Equal(together, States(Cli.Run(["merge", .. shards]).Output));

        string[] lines = File.ReadAllLines(shards[0]);
        File.WriteAllLines(shards[0], lines[..^2]);
        var (code, output, _) = Cli.Run(["merge", .. shards]);
        Assert.Equal(3, code);
        Assert.Contains("not exhausted: 2 combinations were not searched", output, StringComparison.Ordinal);
        Assert.Equal(0, Cli.Run([.. all, "--shard", "1/4", "--out", shards[0]]).Code);
        Assert.Equal(together, States(Cli.Run(["merge", .. shards]).Output));
        (code, _, string error) = Cli.Run([.. all, "--model", "rounds", "--out", shards[0]]);
        Assert.Equal(2, code);
        Assert.Contains("results of other searches (linux-7.2, 4 entries, beside 1, judged by all): expected rounds, 4 entries", error,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task These_results_come_of_races()
    {
        Assert.All(pairs.Reached, reached => Assert.NotEqual("", RecordedResults.Of(reached.OfAttempt, reached.Result)));
        await Verifier.Verify(string.Join('\n', pairs.Reached.OrderBy(reached => (!reached.OfAttempt, reached.Result)).Select(reached =>
            $"{(reached.OfAttempt ? "attempt" : "scan   ")} {reached.Result.KernelName(),-28}"
            + RecordedResults.Of(reached.OfAttempt, reached.Result))));
    }

    // What only a third process could bring about, what a process's own history rules out, and what is only for the yardstick.
    [Fact]
    public async Task These_steps_no_pair_takes() => await Verifier.Verify(string.Join('\n', pairs.Taken.SelectMany(program =>
    {
        var steps = pairs.Space.Beside([.. Actor.All.Where(actor => actor.Name == program.Key)], Reductions.None).Programs.Single(each =>
            each.Name == program.Key).Steps;
        return program.Value.SelectMany(
            (choices, location) => choices.Select((taken, choice) => (taken, step: steps[location][choice], choice)))
                .Where(step => !step.taken)
            .Select(step => $"{program.Key}: {step.step.Function}: {Entry().Replace(step.step.Says, "entry")}, way {step.choice + 1}");
    }).Distinct().Order(StringComparer.Ordinal)));

    [Theory]
    [MemberData(nameof(KnownBadOnes))]
    public void A_counterexample_can_be_gone_again_from_its_replay_text(string variant)
    {
        var protocol = Protocols.KnownBad.Concat(Protocols.Pairs).Single(one => one.Name == variant);
        var space = new ProtocolSpace(protocol, Shape.Four, [protocol.Breaks!]);
        var actors = protocol.ShownBy.Select(name => Actor.All.Single(actor => actor.Name == name)).ToList();
        var shortest = Suite.Shortest(Suite.Search(space, actors, Reductions.None, new Bounds()))!;
        var way = shortest.Counterexample!;
        var again = Interleaving.Of(space.Beside(actors, Reductions.None, shortest.Table), way.Replay);
        Assert.Equal((way.Replay, way.End, way.Steps.Length), (again.Replay, again.End, again.Steps.Length));

        var (code, output, error) =
            Cli.Run(["explore", "--model", variant, .. protocol.ShownBy.Count > 0
                ? new[] { "--actors", string.Join(',', protocol.ShownBy) } : [], "--table", shortest.Table, "--replay", way.Replay]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(FormattableString.Invariant($"\n{way.Steps.Length,4}  "), output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bound_reached_is_exit_code_3()
    {
        var (code, output, _) = Cli.Run("explore", "--actors", "fault,gup-fast", "--depth", "10");
        Assert.Equal(3, code);
        Assert.Contains("not exhausted (depth reached)", output, StringComparison.Ordinal);
        (code, output, _) = Cli.Run("explore", "--actors", "fault,gup-fast", "--entries", "8", "--memory", "1");
        Assert.Equal(3, code);
        Assert.Contains("not exhausted (memory reached)", output, StringComparison.Ordinal);
        (code, output, _) = Cli.Run("explore", "--beside", "1", "--depth", "10", "--entries", "4");
        Assert.Equal(3, code);
        Assert.Contains("not exhausted (depth reached)", output, StringComparison.Ordinal);
    }

    [Fact]
    public void All_of_one_beside_khugepaged_is_exhausted_as_text_and_as_json()
    {
        var (code, output, _) = Cli.Run("explore", "--beside", "1", "--entries", "4");
        Assert.Equal(0, code);
        Assert.EndsWith("exhausted: no property is broken\n", output, StringComparison.Ordinal);
        (code, output, _) = Cli.Run("explore", "--model", "tlbs-not-flushed", "--property", "all", "--json");
        Assert.Equal(1, code);
        using var json = System.Text.Json.JsonDocument.Parse(output);
        var searched = json.RootElement.GetProperty("searches")[0];
        Assert.Equal("no-freed-page-used", searched.GetProperty("broken").GetString());
        Assert.Equal("khugepaged", searched.GetProperty("trace")[0].GetProperty("process").GetString());
    }

    [Fact]
    public void Final_states_are_compared_if_asked()
    {
        var (code, output, _) = Cli.Run("explore", "--actors", "migrate", "--finals");
        Assert.Equal(0, code);
        Assert.Contains(" ways, 0 of them only because critical sections mix\n", output, StringComparison.Ordinal);
        (code, output, _) = Cli.Run("explore", "--model", "anon-vma-dropped-early", "--property", "uffd-range-keeps-its-holes", "--actors",
            "migrate", "--finals", "--json");
        Assert.Equal(1, code);
        Assert.Contains("table first migration", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_and_pictures_are_written_to_files()
    {
        string promela = Path.Combine(_folder, "m.pml"), dot = Path.Combine(_folder, "m.dot");
        Assert.Equal(0, Cli.Run("explore", "--actors", "aging", "--promela", promela).Code);
        Assert.Contains("active proctype p1()", File.ReadAllText(promela), StringComparison.Ordinal);
        Assert.Equal(0, Cli.Run("explore", "--actors", "aging", "--dot", dot, "--full", "--table", "xxxx").Code);
        Assert.StartsWith("digraph states {", File.ReadAllText(dot), StringComparison.Ordinal);
        Assert.Equal(1, Cli.Run("explore", "--model", "vma-used-after-unlock", "--dot", dot).Code);
        Assert.StartsWith("digraph interleaving {", File.ReadAllText(dot), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--model nothing", "--model nothing: expected one of linux-7.2, linux-7.1, v5, ")]
    [InlineData("--model v6", "--model v6: expected one of linux-7.2, linux-7.1, v5, v17, v18, rounds")]
    [InlineData("--model pte-level,nothing", "--model nothing: expected one of ")]
    [InlineData("--actors fault,nobody", "--actors nobody: expected one of fault, writer, ")]
    [InlineData("--actors exit,fault", "--actors exit,fault: when exit begins nobody runs fault for the process any more: expected others")]
    [InlineData("--actors madv-collapse,madv-collapse", "--actors madv-collapse,madv-collapse: once ")]
    [InlineData("--shard 1/2", "--shard and --out: expected --entries, and none of --actors, --json, --html")]
    [InlineData("--shard 3/2 --entries 4", "--shard 3/2: expected I/N, 1 to N, as in 3/16")]
    [InlineData("--actors fault --table txxx", "table txxx: letter 't' at entry 0: somebody is in the middle of something with it")]
    [InlineData("--actors fault --table xaxx", "table xaxx: letter 'a' at entry 1: this model has anonymous pages only")]
    [InlineData("--actors fault,fault,fault,fault", "--actors fault,fault,fault,fault: expected 3 at most")]
    [InlineData("--property nothing", "--property nothing: expected one of no-write-lost, ")]
    [InlineData("--entries 16", "--entries 16: expected 4 or 8")]
    [InlineData("--model folio-of-two --entries 8", "--entries 8: expected 4, where folios have two pages")]
    [InlineData("--model folio-of-two --actors split --table xf1x", "table xf1x: f1 at entry 1: expected it at an even one")]
    [InlineData("--actors split --table f1xx", "table f1xx: unknown letter 'f' at entry 0")]
    [InlineData("--beside 4", "--beside 4: expected 1 to 3")]
    [InlineData("--depth 0", "--depth 0: expected 1 to 100000")]
    [InlineData("--workers 0", "--workers 0: expected 1 to ")]
    [InlineData("--memory 0", "--memory 0: expected 1 to 1048576")]
    [InlineData("--replay 0", "--replay, --dot, --promela and --table: expected --actors too")]
    [InlineData("--actors fault --table xx", "table xx: 2 entries: expected 4")]
    [InlineData("--actors fault --table xx?x", "table xx?x: unknown letter '?' at entry 2: see khugepaged-spec notation")]
    [InlineData("--actors fault --replay 0*", "'0*': expected a process, as in 0, 1:2 or 0*14")]
    [InlineData("--actors fault --replay 2", "'2': expected a process from 0 to 1")]
    [InlineData("--actors fault --replay 0*99", "'0*99': step 55 cannot be taken")]
    [InlineData("--actors migrate,reclaim --dot x.dot", "more than 2000 states: expected a picture, so fewer: see --depth")]
    public void What_explore_cannot_do_it_says_in_one_line(string arguments, string message)
    {
        var (code, output, error) = Cli.Run(["explore", .. arguments.Split(' ')]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {message}", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    [GeneratedRegex(@"\d+\.\d+ s$", RegexOptions.Multiline)]
    private static partial Regex Times();

    [GeneratedRegex(@"entry \d")]
    private static partial Regex Entry();

    // A PMD entry that was filled anew holds a second table: what a CPU remembers of it is not of the first, which was flushed.
    [Fact]
    public void A_table_that_was_flushed_is_freed_beside_a_CPU_that_remembers_the_next()
    {
        var (code, output, error) = Cli.Run(
        [
            "explore", "--actors", "writer,dontneed,munmap", "--entries", "4", "--table", "xxxx",
            "--replay", "1 2:4 2*2 2:1 1*8 2 1 2 3*7 2",
        ]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("writer.cached_table=a table that was taken out munmap.frees_table=taken out", output, StringComparison.Ordinal);
        Assert.EndsWith("       dontneed.frees_table=no\n", output, StringComparison.Ordinal);
    }
}
