using System.Collections.Immutable;
using KhugepagedSpec.Races;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Properties;

/// <summary>Collapse beside everything that can run with it.</summary>
[Trait("Form", "Long")]
[Trait("Coverage", "Slow")]
public sealed class InterleavingFacts
{
    private const Reductions Reduced = Reductions.PartialOrder | Reductions.Symmetry;

    private static readonly ProtocolSpace Linux72OnFour = new(Protocols.Linux72, Shape.Four);

    // A full table, and all of them where the long form is asked for.
    private static ImmutableArray<string> SomeTables => Long.IsAsked ? Linux72OnFour.Tables : Linux72OnFour.Tables[..1];

    public static TheoryData<string> Sound => [Protocols.Linux72.Name, Protocols.Rounds.Name];

    public static TheoryData<string> KnownBadOnes => [.. Protocols.KnownBad.Concat(Protocols.Pairs).Select(protocol => protocol.Name)];

    public static TheoryData<string> Asked => [.. Protocols.Asked.Select(protocol => protocol.Name), "linux-7.1"];

    public static TheoryData<string> Letters => [.. Suite.Letters.Select(letter => letter.ToString())];

    public static TheoryData<string> Actors => [.. Actor.All.Select(actor => actor.Name)];

    // Beside every pair they are exhausted too (explore --model NAME --entries 4); that takes minutes. Linux 7.2 beside every pair is
    // looked at by InterleavingTests, rounds by .ci/run.
    [Theory]
    [MemberData(nameof(Asked))]
    public void What_was_asked_breaks_nothing(string name)
    {
        var protocol = Named(name);
        var space = new ProtocolSpace(protocol, Shape.Four);
        foreach (var actors in Suite.Combinations(1).Append([.. protocol.ShownBy.Select(actor => Named(actor, Actor.All))]))
            Assert.All(Suite.Search(space, actors, Reduced, new Bounds()), result => Assert.Equal(Ending.Exhausted, result.Found.Ending));
    }

    // Nothing that a table may begin with is a false alarm by itself.
    [Theory]
    [MemberData(nameof(Letters))]
    public void A_table_of_any_letter_that_is_accepted_breaks_nothing(string letter)
    {
        foreach (string table in new[] { letter + "xxx", "x" + letter + "x.", new string(letter[0], 4) })
            foreach (var actors in Suite.Combinations(1))
                Assert.All(Suite.Search(Linux72OnFour, actors, Reduced, new Bounds(), table),
                    result => Assert.Equal(Ending.Exhausted, result.Found.Ending));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("m")]
    public void A_PMD_entry_without_a_table_breaks_nothing(string table)
    {
        foreach (var actors in Suite.Combinations(2).Where(actors => actors.Length == 1 || actors[0].Name is "fault" or "dontneed"))
            Assert.All(Suite.Search(Linux72OnFour, actors, Reduced, new Bounds(), table),
                result => Assert.Equal(Ending.Exhausted, result.Found.Ending));
    }

    [Fact]
    public void Rounds_collapse_in_each_of_two_VMAs_of_a_PMD_range_and_what_was_faulted_in_or_unshared()
    {
        var space = new ProtocolSpace(Protocols.Rounds, Shape.Four);
        var seen = new HashSet<string>();
        foreach (var (actor, table) in new[] { ("neighbour", "xxxx"), ("fork", "xxxx"), ("settings", "x.xs") })
        {
            var model = space.Beside([Named(actor, Actor.All)], Reductions.None, table);
            Variable Of(string name) => model.Layout.Variables.Single(variable => variable.Name == name);
            var (split, copies, collapsed, last) = (Of("second_half_is_another_vma"), Of("child_maps_0"), Of("pte_0"), Of("pte_3"));
            var search = new Explorer<GuardedModel, PackedState, Move>(model, new Bounds { Workers = 1 });
            search.Run(watch: (in PackedState from, Move move, in PackedState to) =>
            {
                var step = model.StepOf(move);
                if (step.Function == "collapse_install" && last.Show(model.Layout.Get(to, last)) == "collapsed"
                    && model.Layout.Get(to, last) != model.Layout.Get(from, last))
                    seen.Add($"{table}: second half, {(model.Layout.Get(to, split) == 1 ? "a VMA of its own" : "of the same VMA")}");
                if (step.Function == "collapse_install" && collapsed.Show(model.Layout.Get(to, collapsed)) == "collapsed")
                    seen.Add($"{table}: first half{(model.Layout.Get(to, split) == 1 ? ", beside another VMA" : "")}");
                if (step.Function is "collapse_faultin" or "do_wp_page" && from != to
                    && model.Layout.Get(from, last) != model.Layout.Get(to, last))
                    seen.Add($"{table}: {step.Function} maps {last.Show(model.Layout.Get(to, last))}");
            });
        }
        Assert.Superset(
            new HashSet<string>
            {
                "xxxx: second half, a VMA of its own", "xxxx: first half, beside another VMA", "x.xs: collapse_faultin maps fresh",
                    "xxxx: do_wp_page maps fresh",
                "x.xs: second half, of the same VMA",
            },
            seen);
    }

    // Every "always" has a "sometimes": a folio of two is met whole, met split, and its split is turned away by a pin.
    [Fact]
    public void A_folio_of_two_is_collapsed_whole_and_split_and_its_split_can_fail()
    {
        var space = new ProtocolSpace(Named("folio-of-two"), Shape.Four);
        var seen = new HashSet<string>();
        foreach (string[] actors in new string[][] { ["split"], ["split", "gup-fast"] })
        {
            var model = space.Beside([.. actors.Select(name => Named(name, Actor.All))], Reductions.None, "f1xx");
            Variable Of(string name) => model.Layout.Variables.Single(variable => variable.Name == name);
            var (folio, collapsed, pmd) = (Of("is_folio_0"), Of("collapsed"), Of("pmd"));
            var search = new Explorer<GuardedModel, PackedState, Move>(model, new Bounds { Workers = 1 });
            var found = search.Run(watch: (in PackedState from, Move move, in PackedState to) =>
            {
                seen.Add(model.StepOf(move).Says);
                if (model.Layout.Get(from, collapsed) == 0 && model.Layout.Get(to, collapsed) == 1)
                    seen.Add(
                        $"collapsed, {(model.Layout.Get(to, folio) == 1 ? "whole" : "split")}, to {pmd.Show(model.Layout.Get(to, pmd))}");
            });
            Assert.Equal(Ending.Exhausted, found.Ending);
        }
        Assert.Superset(
            new HashSet<string>
            {
                "finds entry 1's folio on its list", "collapsed, whole, to huge", "collapsed, split, to huge", "collapsed, split, to table",
                "finds that somebody has taken a reference", "freezes its references, makes two folios of it, both locked",
            },
            seen);
    }

    [Theory]
    [MemberData(nameof(Sound))]
    public void No_interleaving_with_any_other_breaks_a_property_on_a_table_of_eight(string name)
    {
        var space = new ProtocolSpace(Named(name), Shape.Eight);
        foreach (var actors in Suite.Combinations(1))
            Assert.All(Suite.Search(space, actors, Reductions.None, new Bounds()),
                result => Assert.Equal(Ending.Exhausted, result.Found.Ending));
    }

    [Theory]
    [MemberData(nameof(KnownBadOnes))]
    public void A_known_bad_protocol_is_refuted_with_and_without_reductions(string name)
    {
        var protocol = Named(name);
        var space = new ProtocolSpace(protocol, Shape.Four, [protocol.Breaks!]);
        Reductions[] each = [Reductions.None, Reductions.PartialOrder, Reductions.Symmetry, Reduced];
        foreach (var reductions in Long.IsAsked ? each : [Reductions.None, Reduced])
            Assert.Contains(space.Tables, table => Search(space, Beside(protocol), reductions, table).Ending == Ending.Refuted);
    }

    // The processes that refute a known-bad protocol break nothing beside Linux 7.2.
    [Theory]
    [MemberData(nameof(KnownBadOnes))]
    public void What_refutes_a_known_bad_protocol_breaks_nothing_in_7_2(string name) =>
        Assert.All(Suite.Search(Linux72OnFour, Beside(Named(name)), Reductions.None, new Bounds()),
            result => Assert.Equal(Ending.Exhausted, result.Found.Ending));

    [Fact]
    public void There_are_at_least_thirty_known_bad_protocols_and_every_property_is_broken_by_one()
    {
        Assert.InRange(Protocols.KnownBad.Length, 30, int.MaxValue);
        Assert.Equal(Protocols.All.Length, Protocols.All.Select(protocol => protocol.Name).Distinct().Count());
        var broken = Protocols.KnownBad.Select(protocol => protocol.Breaks).Append(TlbsDisagree()).ToHashSet();
        Assert.All(Safety.All, property => Assert.Contains(property, broken));
    }

    // Alone it changes the order of nothing: the two models must come to the same.
    [Fact]
    public void Alone_the_protocol_does_what_the_sequential_model_does_on_every_small_scenario()
    {
        var space = new ProtocolSpace(Protocols.Linux72, Shape.Eight);
        int visited = 0;
        foreach (var scenario in SmallScenarios.OfEight().Where(scenario => scenario.Faults.IsEmpty))
        {
            var run = scenario.Run(Catalogue.Linux72, 1)[0];
            if (run.Report.Tables is not [var table])
                continue;
            visited++;
            var alone = AloneRun.Of(space, scenario);
            Assert.True($"{AloneRun.Of(table, run.After)}" == $"{alone}", $"{scenario}\n{AloneRun.Of(table, run.After)}\n{alone}");
        }
        Assert.InRange(visited, 30_000, int.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Actors))]
    public void Reductions_change_no_final_state(string name)
    {
        foreach (var other in new[] { "reclaim", "fault" })
            foreach (string table in SomeTables)
            {
                Actor[] actors = [Named(name, Actor.All), Named(other, Actor.All)];
                if (Actor.CannotBe(actors) is not null)
                    continue;
                Assert.Equal(
                    FinalStates.Of(Linux72OnFour, actors, table, Reductions.None, new Bounds()).Order(),
                        FinalStates.Of(Linux72OnFour, actors, table, Reduced, new Bounds()).Order());
            }
    }

    // Every pair where KHUGEPAGEDSPEC_LONG is set, as .ci/run does; else those with who faults, reclaims and gives up.
    [Theory]
    [MemberData(nameof(Actors))]
    public void Every_final_state_is_one_that_critical_sections_in_one_step_give(string name)
    {
        var actor = Named(name, Actor.All);
        var others = Actor.All.Where(other => Long.IsAsked ? string.CompareOrdinal(other.Name, name) > 0
            : other.Name is "fault" or "reclaim" or "dontneed");
        foreach (Actor[] actors in others.Select(other => new[] { actor, other }).Append([actor])
            .Where(each => Actor.CannotBe(each) is null))
            foreach (string table in SomeTables)
                Assert.Empty(FinalStates.Compare(Linux72OnFour, actors, table, new Bounds()).OnlyInterleaved);
    }

    [Theory]
    [InlineData("anon-vma-dropped-early", "migrate")]
    [InlineData("rounds-without-verification", "dontneed")]
    public void A_known_bad_protocol_ends_in_states_that_critical_sections_in_one_step_do_not_give(string name, string actor)
    {
        var space = new ProtocolSpace(Named(name), Shape.Four, []);
        Assert.NotEmpty(FinalStates.Compare(space, [Named(actor, Actor.All)], "xxxx", new Bounds()).OnlyInterleaved);
    }

    [Fact]
    public void Locks_are_taken_in_one_order_by_everybody()
    {
        static string? Circle(CollapseProtocol protocol) => Suite.LockCircle(new ProtocolSpace(protocol, Shape.Four));

        Assert.Null(Circle(Protocols.Linux72));
        Assert.Null(Circle(Protocols.Rounds));
        Assert.Equal("anon_vma lock before mmap lock before anon_vma lock", Circle(Named("anon-vma-before-mmap")));
        foreach (var protocol in Protocols.All)
        {
            var space = new ProtocolSpace(protocol, Shape.Four);
            foreach (var actor in Actor.All)
                Assert.All(
                    space.Beside([actor], Reductions.None).Programs,
                    program => Assert.True(program.LockMistake is null || protocol.SwapBailKeepsLock || !protocol.ComparesTableLocks,
                        program.LockMistake));
        }
    }

    private static SafetyProperty TlbsDisagree()
    {
        var protocol = Named("tlbs-not-flushed");
        var space = new ProtocolSpace(protocol, Shape.Four, [Safety.TlbsAgree]);
        return Search(space, Beside(protocol), Reductions.None, "xxxx").Counterexample is { } trace ? Safety.All[trace.Property]
            : Safety.NoDeadlock;
    }

    private static Exploration<Move> Search(ProtocolSpace space, Actor[] actors, Reductions reductions, string table) =>
        new Explorer<GuardedModel, PackedState, Move>(space.Beside(actors, reductions, table), new Bounds()).Run();

    private static CollapseProtocol Named(string name) => Protocols.All.Concat(Protocols.Pairs).Single(protocol => protocol.Name == name);

    private static Actor Named(string name, IEnumerable<Actor> actors) => actors.Single(actor => actor.Name == name);

    private static Actor[] Beside(CollapseProtocol protocol) => [.. protocol.ShownBy.Select(name => Named(name, Actor.All))];
}
