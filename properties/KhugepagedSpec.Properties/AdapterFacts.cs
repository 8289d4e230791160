using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit.Abstractions;

namespace KhugepagedSpec.Properties;

/// <summary>That a property runs as often as it says, with the arguments it asks for, on an instance of its class.</summary>
[Properties(MaxTest = 7)]
public sealed class AdapterFacts(ITestOutputHelper output) : IDisposable
{
    // Large enough for two runs not to have the same cases by chance.
    private const int Size = 100_000, Replayed = 5;

    private static int s_byClass, s_byMethod, s_replayed, s_case;

    public void Dispose() => output.WriteLine("disposed");

    [Property]
    public void The_class_says_how_often(int value)
    {
        Assert.InRange(++s_byClass, 1, 7);
        output.WriteLine($"{value}");
    }

    [Property(MaxTest = 3)]
    public bool The_method_says_it_louder(int value) => ++s_byMethod <= 3 && value == value + 0;

    [Property(Arbitrary = [typeof(Small)])]
    public void Arguments_come_from_the_classes_named(int value) => Assert.InRange(value, 1, 3);

    [Property(Replay = "(1,3)", MaxTest = Replayed, StartSize = Size, EndSize = Size)]
    public void A_replay_gives_the_same_cases(int value) =>
        Assert.Equal(Cases(Config.Quick.WithReplay(1, 3), Replayed)[s_replayed++], value);

    [Property(MaxTest = 1, StartSize = Size, EndSize = Size)]
    [Replay("(1,3)")]
    [Replay("(5,7,99999)")]
    public void Several_replays_go_before_the_run(int value)
    {
        int[] replays = [Cases(Config.Quick.WithReplay(1, 3), 1)[0], Cases(Config.Quick.WithReplay(5, 7, 99_999), 1)[0]];
        int now = s_case++;
        Assert.InRange(now, 0, replays.Length);
        if (now < replays.Length)
            Assert.Equal(replays[now], value);
        else
            Assert.DoesNotContain(value, replays);
    }

    // What FsCheck makes of a replay, without the adapter.
    private static List<int> Cases(Config config, int count)
    {
        var cases = new List<int>();
        Check.One(config.WithMaxTest(count).WithStartSize(Size).WithEndSize(Size).WithQuietOnSuccess(true), Prop.ForAll<int>(cases.Add));
        return cases;
    }

    [Property(Skip = "a skipped property is not run")]
    public void A_property_may_be_skipped(int value) => Assert.Fail($"{value}");

    [Property]
    public async Task A_property_may_be_asynchronous(int value)
    {
        await Task.Yield();
        Assert.Equal(value, -(-value));
    }

    [Property]
    public Property A_property_may_return_one(int value) => (value * 2 == value + value).ToProperty();

    private static class Small
    {
        public static Arbitrary<int> Int() => Arb.From(Gen.Choose(1, 3));
    }

    /// <summary>Settings of an outer class are those of a nested one, unless it has its own.</summary>
    [Properties(MaxTest = 2, Arbitrary = [typeof(Small)])]
    public sealed class Nested
    {
        private static int s_cases;

        [Property]
        public void The_inner_class_wins(int value)
        {
            Assert.InRange(++s_cases, 1, 2);
            Assert.InRange(value, 1, 3);
        }
    }
}
