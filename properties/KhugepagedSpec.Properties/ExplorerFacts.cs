using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Properties;

/// <summary>The explorer on models whose answers are known beforehand.</summary>
public sealed class ExplorerFacts
{
    private static readonly SafetyProperty Deadlock = new("no-deadlock", "", ""), Exclusion = new("mutual-exclusion", "", "");

    // Two jugs, of 3 and 5: 16 reachable states, and 4 can be had in 6 steps but not in 5.
    [Fact]
    public void Two_jugs_have_sixteen_states()
    {
        var found = Run(new Jugs(Goal: 9));
        Assert.Equal(Ending.Exhausted, found.Ending);
        Assert.Equal((16, 0), (found.Extent.Distinct, found.Extent.Left));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_first_counterexample_is_a_shortest_one(int workers)
    {
        var found = Run(new Jugs(Goal: 4), new Bounds { Workers = workers });
        Assert.Equal(Ending.Refuted, found.Ending);
        Assert.Equal(6, found.Counterexample!.Actions.Length);
        var state = new Jugs(4).Initial;
        foreach (var pour in found.Counterexample.Actions)
            state = Jugs.After(state, pour);
        Assert.Equal(4, state.Large);
    }

    [Fact]
    public void A_bound_reached_is_no_verdict()
    {
        var found = Run(new Jugs(Goal: 4), new Bounds { Depth = 5 });
        Assert.Equal(Ending.DepthReached, found.Ending);
        Assert.True(found.Extent.Left > 0);
        Assert.Equal(Ending.MemoryReached, Run(new Grid(1000), new Bounds { Bytes = 1 << 16 }).Ending);
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Equal(Ending.Cancelled, Run(new Grid(1000), new Bounds { Cancellation = source.Token }).Ending);
    }

    // Every point of a square is reached over many ways: the table of fingerprints grows while two workers fill it.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void All_workers_together_see_every_state_once(int workers)
    {
        long told = 0;
        var explorer = new Explorer<Grid, (int X, int Y), int>(new Grid(1500), new Bounds { Workers = workers });
        var found = explorer.Run(extent => told = Math.Max(told, extent.Distinct));
        Assert.Equal(new Extent(1 + 2 * 1499 * 1500, 1500 * 1500, 0, 2 * 1499), found.Extent);
        Assert.Equal(found.Extent.Distinct, told);
        Assert.InRange(found.Extent.CollisionOdds, 1e-8, 1e-6);
    }

    [Theory]
    [InlineData(Reductions.None)]
    [InlineData(Reductions.PartialOrder)]
    [InlineData(Reductions.Symmetry)]
    [InlineData(Reductions.PartialOrder | Reductions.Symmetry)]
    public void Peterson_excludes_and_without_the_turn_it_deadlocks(Reductions reductions)
    {
        Assert.Equal(Ending.Exhausted, Run(Peterson(reductions, yields: true, waits: true)).Ending);
        var impolite = Run(Peterson(reductions, yields: false, waits: true));
        Assert.Equal((Ending.Refuted, 0), (impolite.Ending, impolite.Counterexample!.Property));
        var heedless = Run(Peterson(reductions, yields: true, waits: false));
        Assert.Equal((Ending.Refuted, 1), (heedless.Ending, heedless.Counterexample!.Property));
    }

    // Two processes that only count to themselves: every mixture of their steps, or, as the order cannot matter, one.
    [Theory]
    [InlineData(Reductions.None, 11 * 11)]
    [InlineData(Reductions.PartialOrder, 21)]
    [InlineData(Reductions.Symmetry, 11 * 12 / 2)]
    public void Reductions_leave_out_what_they_say(Reductions reductions, long states) =>
        Assert.Equal(states, Run(Counters(reductions)).Extent.Distinct);

    private static Exploration<Pour> Run(Jugs model, Bounds? bounds = null) =>
        new Explorer<Jugs, JugState, Pour>(model, bounds ?? new Bounds()).Run();

    private static Exploration<int> Run(Grid model, Bounds bounds) => new Explorer<Grid, (int X, int Y), int>(model, bounds).Run();

    private static Exploration<Move> Run(GuardedModel model) => new Explorer<GuardedModel, PackedState, Move>(model, new Bounds()).Run();

    private static GuardedModel Peterson(Reductions reductions, bool yields, bool waits)
    {
        var layout = new Layout();
        var broken = layout.Add(new Variable("broken", 2));
        var turn = layout.Add(new Variable("turn", 1));
        Variable[] wants = [layout.Add(new Variable("wants_0", 1)), layout.Add(new Variable("wants_1", 1))],
            inside = [layout.Add(new Variable("inside_0", 1)), layout.Add(new Variable("inside_1", 1))];
        var programs = Enumerable.Range(0, 2).Select(me =>
        {
            int other = 1 - me;
            var b = new ProgramBuilder($"p{me}", layout.Add(new Variable($"p{me}", 15)));
            b.Do("lock", "wants in", wants[me].Set(1));
            if (yields)
                b.Do("lock", "lets the other go first", turn.Set(other));
            var may = yields ? wants[other].Is(0) | turn.Is(me) : wants[other].Is(0);
            b.Do("lock", "waits", waits ? may : Term.True, ProgramBuilder.Else(inside[me].Set(1)));
            b.Do("critical section", "is in", Effect.Check(!inside[other], Exclusion));
            b.Do("unlock", "goes", inside[me].Set(0), wants[me].Set(0));
            return b.Build([Exclusion]);
        }).ToList();
        return GuardedModel.Of(layout, broken, [Deadlock, Exclusion], programs, reductions);
    }

    private static GuardedModel Counters(Reductions reductions)
    {
        var layout = new Layout();
        var broken = layout.Add(new Variable("broken", 1));
        var blocks = new List<Layout.Block>();
        var programs = Enumerable.Range(0, 2).Select(me =>
        {
            Variable counter = new($"p{me}", 15), own = new($"own_{me}", 15);
            blocks.Add(layout.AddBlock([counter, own]));
            var b = new ProgramBuilder($"p{me}", counter);
            for (int i = 0; i < 10; i++)
                b.Do("count", "counts", own.Increase());
            return b.Build([]);
        }).ToList();
        return GuardedModel.Of(layout, broken, [Deadlock], programs, reductions, reductions.HasFlag(Reductions.Symmetry)
            ? [(blocks[0], blocks[1])] : []);
    }

    public enum Pour
    {
        FillSmall, FillLarge, EmptySmall, EmptyLarge, SmallToLarge, LargeToSmall,
    }

    public readonly record struct JugState(int Small, int Large);

    private sealed record Jugs(int Goal) : IModel<JugState, Pour>
    {
        public JugState Initial => default;

        public int MostSuccessors => 6;

        public static JugState After(JugState jugs, Pour pour) => pour switch
        {
            Pour.FillSmall => jugs with { Small = 3 },
            Pour.FillLarge => jugs with { Large = 5 },
            Pour.EmptySmall => jugs with { Small = 0 },
            Pour.EmptyLarge => jugs with { Large = 0 },
            Pour.SmallToLarge => new(Math.Max(0, jugs.Small + jugs.Large - 5), Math.Min(5, jugs.Small + jugs.Large)),
            _ => new(Math.Min(3, jugs.Small + jugs.Large), Math.Max(0, jugs.Small + jugs.Large - 3)),
        };

        public void Expand<TSink>(in JugState state, ref TSink sink)
            where TSink : ISuccessors<JugState, Pour>, allows ref struct
        {
            foreach (var pour in Enum.GetValues<Pour>())
                sink.Add(pour, After(state, pour));
        }

        public ulong Fingerprint(in JugState state) => (ulong)(state.Small * 8 + state.Large) + 1;

        public int Judge(in JugState state) => state.Large == Goal ? 0 : -1;

        public int JudgeFinal(in JugState state) => -1;
    }

    private sealed record Grid(int Side) : IModel<(int X, int Y), int>
    {
        public (int X, int Y) Initial => (0, 0);

        public int MostSuccessors => 2;

        public void Expand<TSink>(in (int X, int Y) state, ref TSink sink)
            where TSink : ISuccessors<(int X, int Y), int>, allows ref struct
        {
            if (state.X < Side - 1)
                sink.Add(0, (state.X + 1, state.Y));
            if (state.Y < Side - 1)
                sink.Add(1, (state.X, state.Y + 1));
        }

        public ulong Fingerprint(in (int X, int Y) state) =>
            ((ulong)state.X * 0x9E3779B97F4A7C15 ^ (ulong)state.Y * 0xD6E8FEB86659FD93) + 1;

        public int Judge(in (int X, int Y) state) => -1;

        public int JudgeFinal(in (int X, int Y) state) => -1;
    }
}
