using ModelChecker.Exploration;

namespace KhugepagedSpec.Properties;

/// <summary>What mutating the explorer showed that no test had looked at: its bounds, its table, its first state, its choice.</summary>
public sealed class ExplorerBoundFacts
{
    private const int BytesOfWaiting = sizeof(int) + sizeof(ulong), BytesOfSlot = 2 * sizeof(ulong);

    [Fact]
    public void A_first_state_that_breaks_a_property_is_refuted_in_no_step()
    {
        var found = Run(new Numbers(_ => [], Hash, Bad: 0));
        Assert.Equal((Ending.Refuted, 1L), (found.Ending, found.Extent.Distinct));
        Assert.Empty(found.Counterexample!.Actions);
    }

    // Back to states that were seen before the table grew: forgotten ones would be seen again, and again.
    [Fact]
    public void A_state_is_the_same_after_the_table_grew()
    {
        const int states = 100_000;
        var found = Run(new Numbers(state => [(state + 1) % states, state / 2, state / 3], Hash), new Bounds { Depth = states + 1 });
        Assert.Equal(new Extent(1 + 3 * states, states, 0, states - 1), found.Extent);
    }

    // All in the last slot of the table at first, so that each looks for the next free one, from the beginning on.
    [Fact]
    public void States_that_share_a_slot_are_told_apart_and_found_again_on_the_way_back()
    {
        const int last = 300;
        var found = Run(new Numbers(state => [state + 1], state => ((ulong)state + 1) << 32 | 0xfff, Bad: last));
        Assert.Equal(Enumerable.Range(1, last), found.Counterexample!.Actions);
    }

    // A level of 2^15 states that wait, 2^16 - 1 in all, and room for 2^16 more: three slots for two of them, to a power of two.
    [Theory]
    [InlineData(0, Ending.Exhausted)]
    [InlineData(-1, Ending.MemoryReached)]
    public void What_waits_counts_for_the_bound_of_memory_and_so_does_the_table(long more, Ending ending)
    {
        const int waiting = 1 << 15;
        var tree = new Numbers(state => state < waiting ? [2 * state, (2 * state) + 1] : [], Hash, First: 1, Most: 2);
        long bytes = ((1L << 18) * BytesOfSlot) + ((long)waiting * BytesOfWaiting) + more;
        var found = Run(tree, new Bounds { Bytes = bytes });
        Assert.Equal(ending, found.Ending);
        Assert.Equal(ending == Ending.Exhausted ? 0 : waiting, found.Extent.Left);
    }

    // A line of the level grows by one a step until the diagonal.
    [Fact]
    public void Progress_says_how_many_states_wait()
    {
        var told = new List<Extent>();
        Run(new Numbers(state => state >> 8 < 99 ? [state + 256, state + 257] : [], Hash), progress: told.Add);
        Assert.Equal(Enumerable.Range(2, 99).Append(0), told.Select(extent => (int)extent.Left));
    }

    // Any state of the last level is as bad as another.
    [Fact]
    public void Two_workers_come_to_the_counterexample_of_one()
    {
        var model = new Numbers(state => state < 1 << 13 ? [2 * state, (2 * state) + 1] : [], Hash, First: 1, Most: 2)
        {
            IsBad = state => state >= 1 << 13
        };
        var one = Run(model, new Bounds { Workers = 1 });
        for (int again = 0; again < 20; again++)
        {
            var two = Run(model, new Bounds { Workers = 2 });
            Assert.Equal(string.Join(" ", one.Counterexample!.Actions), string.Join(" ", two.Counterexample!.Actions));
            Assert.Equal(one.Extent, two.Extent);
        }
    }

    [Fact]
    public void The_odds_of_a_collision_are_half_the_square_over_two_to_the_64() =>
        Assert.Equal(Math.Pow(2, -25), new Extent(0, 1 << 20, 0, 0).CollisionOdds);

    private static Exploration<int> Run(Numbers model, Bounds? bounds = null, Action<Extent>? progress = null) =>
        new Explorer<Numbers, int, int>(model, bounds ?? new Bounds { Workers = 1 }).Run(progress);

    private static ulong Hash(int state) => ((ulong)state + 1) * 0x9E3779B97F4A7C15;

    // A state is a number, and what leads to it.
    private sealed record Numbers(Func<int, int[]> Next, Func<int, ulong> FingerprintOf, int Bad = -1, int First = 0, int Most = 3)
        : IModel<int, int>
    {
        public Func<int, bool> IsBad { get; init; } = state => state == Bad;

        public int Initial => First;

        public int MostSuccessors => Most;

        public void Expand<TSink>(in int state, ref TSink sink)
            where TSink : ISuccessors<int, int>, allows ref struct
        {
            foreach (int next in Next(state))
                sink.Add(next, next);
        }

        public ulong Fingerprint(in int state) => FingerprintOf(state);

        public int Judge(in int state) => IsBad(state) ? 0 : -1;

        public int JudgeFinal(in int state) => -1;
    }
}
