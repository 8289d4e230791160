using System.Numerics;
using KhugepagedSpec.Checking.Exact;
using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Evaluators;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Properties;

[Trait("Coverage", "Slow")]
public sealed class ProofFacts
{
    public static TheoryData<string> Harmless => [.. KnownBad.Harmless.Select(variant => variant.Name)];

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(9)]
    [InlineData(11)]
    public void Every_claim_holds_of_7_2(int pmdOrder) =>
        Assert.All(Proof.Run(new Geometry(pmdOrder), Subjects.Linux72), claim => Assert.True(claim.IsProved, claim.Name));

    [Theory]
    [MemberData(nameof(Harmless))]
    public void What_looks_like_a_mistake_and_is_none_is_proved_so_at_the_real_size(string name) =>
        Assert.All(Proof.Run(Geometry.X86, Catalogue.Find(name)!), claim => Assert.True(claim.IsProved, claim.Name));

    [Theory]
    [InlineData("next-order-from-highest-bit", "PMD order 4, orders 2,3, after success, lower, lower: 12/2, and none")]
    [InlineData("order-kept-after-advance", "PMD order 4, orders 2,3, after lower, lower, lower: 8/3, and 8/2")]
    [InlineData("restart-from-the-top", "PMD order 3, orders 2,3, after lower, lower: 4/2, and none")]
    [InlineData("right-half-before-left", "PMD order 3, orders 2, after no attempt: 0/2, and 4/2")]
    public void A_mistaken_walk_is_refuted_at_any_size_and_both_engines_find_the_same_smallest_difference(string name, string difference)
    {
        var variant = Catalogue.Find(name)!;
        foreach (int pmdOrder in new[] { 4, 9 })
            Assert.Contains(Proof.Run(new Geometry(pmdOrder), variant), claim => claim.Refuted is not null);
        Assert.Equal(difference, variant.Walk.Use(new Difference(ByBruteForce: false))?.ToString());
        Assert.Equal(difference, variant.Walk.Use(new Difference(ByBruteForce: true))?.ToString());
    }

    // The long form is of the largest geometry, arm64's with 64K pages.
    public static TheoryData<string, int, string> Stacks => new()
    {
        { "v17", 9, "8 of 8" }, { "v18", 9, "8 of 8" }, { "v18", Long.Of(11, 13), Long.IsAsked ? "12 of 12" : "10 of 10" },
    };

    [Theory]
    [Trait("Form", "Long")]
    [MemberData(nameof(Stacks))]
    public void The_stack_holds_as_many_windows_as_there_are_orders(string name, int pmdOrder, string windows) =>
        Assert.Contains(Proof.Run(new Geometry(pmdOrder), Catalogue.Find(name)!),
            claim => claim.Subject == "stack-bound" && claim.IsProved && claim.Name.Contains(windows, StringComparison.Ordinal));

    [Fact]
    public void A_stack_of_quarters_instead_of_halves_does_not_fit_and_a_walk_without_one_has_nothing_to_fit()
    {
        var quarters = Catalogue.Find("v18")! with { Walk = new QuarterWalk() };
        Assert.Contains(Proof.Run(Geometry.X86, quarters), claim => claim.Subject == "stack-bound" && claim.Refuted is not null);
        Assert.DoesNotContain(Proof.Run(Geometry.X86, Subjects.Linux72), claim => claim.Subject == "stack-bound");
    }

    [Theory]
    [InlineData("limits-scaled")]
    [InlineData("limits-capped")]
    [InlineData("limits-unscaled")]
    public void A_limit_that_creeps_is_refuted(string name) =>
        Assert.Contains(Proof.Run(Geometry.X86, Catalogue.Find(name)!), claim => claim.Name == "no-none-creep"
            && claim.Refuted is not null);

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Model_counts_are_those_of_brute_force(int pmdOrder)
    {
        var geometry = new Geometry(pmdOrder);
        for (uint bits = 0; bits < 2u << pmdOrder; bits += 4)
            foreach (bool fillsHoles in new[] { false, true })
            {
                var enabled = new OrderSet(bits);
                var windows = new Windows64(enabled, fillsHoles);
                var first = new Dictionary<(int, int), int>();
                int silent = 0;
                long tried = 0, visited = 0, losing = 0, losses = 0;
                for (ulong occupancy = 0; occupancy < 1ul << geometry.Pages; occupancy++)
                {
                    bool any = false;
                    for (var walker = new OffsetWalker(geometry, enabled); !walker.IsDone;)
                    {
                        visited++;
                        if (!windows.Tries(occupancy, walker.Offset, walker.Order))
                        {
                            walker.Lower();
                            continue;
                        }
                        if (!any)
                            first[(walker.Offset, walker.Order)] = first.GetValueOrDefault((walker.Offset, walker.Order)) + 1;
                        any = true;
                        tried++;
                        walker.Advance(1 << walker.Order);
                    }
                    silent += any ? 0 : 1;
                    int lost = Failures(geometry, enabled, windows, occupancy);
                    losses += lost;
                    losing += lost > 0 ? 1 : 0;
                }
                var counts = new ModelCount(geometry, enabled, fillsHoles);
                Assert.Equal((new BigInteger(silent), new BigInteger(tried), new BigInteger(visited)),
                    (counts.Silent(), counts.TriedInAll(), counts.VisitedInAll()));
                Assert.Equal((new BigInteger(losing), new BigInteger(losses)), counts.CostAFolioByFailure());
                foreach (int order in enabled.Orders())
                    for (int offset = 0; offset < geometry.Pages; offset += 1 << order)
                        Assert.Equal(first.GetValueOrDefault((offset, order)), counts.FirstTried(offset, order));
            }
    }

    // Scripts of one failure that leave smaller folios in the window that failed, by trying each.
    private static int Failures(Geometry geometry, OrderSet enabled, Windows64 windows, ulong occupancy)
    {
        int costly = 0;
        for (int failing = 0, attempts = 1; failing < attempts; failing++)
        {
            attempts = 0;
            (int Offset, int End) failed = (-1, -1);
            bool isCostly = false;
            for (var walker = new OffsetWalker(geometry, enabled); !walker.IsDone;)
            {
                if (!windows.Tries(occupancy, walker.Offset, walker.Order))
                    walker.Lower();
                else if (attempts++ == failing)
                {
                    failed = (walker.Offset, walker.Offset + (1 << walker.Order));
                    walker.Lower();
                }
                else
                {
                    isCostly |= walker.Offset >= failed.Offset && walker.Offset < failed.End;
                    walker.Advance(1 << walker.Order);
                }
            }
            costly += isCostly ? 1 : 0;
        }
        return costly;
    }

    [Theory]
    [InlineData(4, 0x1cu, false)]
    [InlineData(4, 0x1cu, true)]
    [InlineData(5, 0x3cu, false)]
    [InlineData(5, 0x3cu, true)]
    [InlineData(5, 0x14u, false)]
    public void Model_counts_are_those_of_all_2_to_the_32_tables_of_32_ptes(int pmdOrder, uint orders, bool fillsHoles)
    {
        var geometry = new Geometry(pmdOrder);
        var counts = new ModelCount(geometry, new OrderSet(orders), fillsHoles);
        var (tried, silent) = Census.Count(geometry, new OrderSet(orders), fillsHoles);
        Assert.Equal((counts.TriedInAll(), counts.Silent()), (new BigInteger(tried), new BigInteger(silent)));
    }

    [Fact]
    public void At_the_real_size_the_tables_that_try_each_window_first_and_those_that_try_nothing_are_all_tables()
    {
        foreach (bool fillsHoles in new[] { false, true })
        {
            var counts = new ModelCount(Geometry.X86, Given.Orders(2, 4, 9), fillsHoles);
            var sum = counts.Silent();
            foreach (int order in new[] { 2, 4, 9 })
                for (int offset = 0; offset < 512; offset += 1 << order)
                    sum += counts.FirstTried(offset, order);
            Assert.Equal(counts.Tables, sum);
        }
    }

    [Fact]
    public void Three_evaluators_of_a_walk_give_the_same_for_every_set_of_orders()
    {
        var choices = new RandomChoices(1);
        var words = new ulong[BitSliced.Tables * 8];
        var slices = new ulong[512 * 8];
        for (int table = 0; table < BitSliced.Tables; table++)
        {
            int kind = choices.Below(4), period = choices.Below(9);
            for (int pte = 0; pte < 512; pte++)
            {
                bool occupied = kind switch
                {
                    0 => choices.OneIn(2),
                    1 => !choices.OneIn(100),
                    2 => choices.OneIn(100),
                    _ =>
                    (pte >> period) % 2 == 0
                };
                if (occupied)
                {
                    words[(table * 8) + (pte >> 6)] |= 1ul << (pte & 63);
                    slices[(pte * 8) + (table >> 6)] |= 1ul << (table & 63);
                }
            }
        }
        var ptes = Enumerable.Range(0, 512).Select(pte => System.Runtime.Intrinsics.Vector512.Create(slices.AsSpan(pte * 8, 8))).ToArray();
        var sliced = new BitSliced(Geometry.X86);
        for (uint bits = 0; bits < 1024; bits += 4)
            foreach (bool fillsHoles in new[] { false, true })
            {
                sliced.Run(ptes, new OrderSet(bits), fillsHoles);
                for (int table = (int)(bits / 4 % 7); table < BitSliced.Tables; table += 7)
                {
                    var expected = WalkTotals.ByStepper(words.AsSpan(table * 8, 8), new OrderSet(bits), fillsHoles);
                    Assert.Equal(expected, Pyramid.Run(words.AsSpan(table * 8, 8), new OrderSet(bits), fillsHoles));
                    Assert.Equal(expected, sliced.Of(table));
                }
            }
    }

    // The window 0/2 of 8 PTEs, of every kind an attempt can meet, beside plain pages.
    [Fact]
    public void What_a_window_comes_to_follows_from_its_ptes_one_after_the_other()
    {
        string[] kinds = [".", "z", "x", "o", "h", "s", "g", "f1[0+1]", "f2[1+1]", "f3[2+1]", "f1[1+1]o"];
        int attempted = 0;
        foreach (var cells in Odometer.All(choices => Enumerable.Range(0, 4).Select(_ => choices.Of<string>(kinds)).ToArray()))
            foreach (int maxPtesNone in new[] { 0, 7 })
            {
                var scenario = Daemon.Scenario.Of(PageTable.Parse($"{string.Join(' ', cells)} x*4", new Geometry(3)));
                scenario = scenario with
                {
                    Settings = scenario.Settings.WithSizes(Given.Orders(2), Settings.SizeEnabled.Madvise) with
                    {
                        MaxPtesNone = maxPtesNone,
                        MaxPtesSwap = 7,
                        MaxPtesShared = 7
                    },
                };
                if (scenario.Run(Subjects.Linux72, 1)[0].Attempts() is not [{ Offset: 0 } attempt, ..])
                    continue;
                attempted++;
                var outcome = scenario.Table.Cells[..4]
                    .Aggregate(WindowOutcome.Empty, (sum, cell) => sum.Then(WindowOutcome.Of(cell, maxPtesNone > 0)));
                Assert.True(attempt.Status == outcome.At(2), $"{scenario}: {attempt.Status}, and {outcome} was expected");
            }
        Assert.InRange(attempted, 5000, int.MaxValue);
    }

    private sealed record Difference(bool ByBruteForce) : IWalkerUse<WalkDifference?>
    {
        public WalkDifference? With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
            where TWalker : struct, IOrderWalker => ByBruteForce
            ? WalkDifference.SmallestByBruteForce((geometry, enabled) => new OffsetWalker(geometry, enabled), begin)
            : WalkDifference.Smallest((geometry, enabled) => new OffsetWalker(geometry, enabled), begin);
    }
}
