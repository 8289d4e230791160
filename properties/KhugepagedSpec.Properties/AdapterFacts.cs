using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit.Abstractions;

namespace KhugepagedSpec.Properties;

/// <summary>That a property runs as often as it says, with the arguments it asks for, on an instance of its class.</summary>
[Properties(MaxTest = 7)]
public sealed class AdapterFacts(ITestOutputHelper output) : IDisposable
{
    private static int s_byClass, s_byMethod, s_replayed;
    private static int? s_firstReplayed;
    private static readonly List<int> s_cases = [];

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

    [Property(Replay = "(1,3)", MaxTest = 5)]
    public void A_replay_gives_the_same_cases(int value)
    {
        s_firstReplayed ??= value;
        if (s_replayed++ == 0)
            Assert.Equal(s_firstReplayed, value);
    }

    [Property(MaxTest = 1)]
    [Replay("(1,3)")]
    [Replay("(5,7,20)")]
    public void Several_replays_go_before_the_run(int value)
    {
        s_cases.Add(value);
        Assert.InRange(s_cases.Count, 1, 3);
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
