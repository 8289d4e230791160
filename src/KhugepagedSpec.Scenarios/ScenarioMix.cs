using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Scenarios;

/// <summary>Random scenarios over several geometries, as a check runs them.</summary>
public static class ScenarioMix
{
    // Real geometry mostly, small ones for what needs a rare coincidence.
    private static readonly int[] Usual = [9, 9, 4, 6];

    // x86-64's halves, arm64's 16K and 64K pages: as rare as they are large.
    private static readonly (int Every, int PmdOrder)[] Rare = [(1009, 13), (211, 11), (53, 8), (37, 5)];

    /// <summary>The PMD orders that occur.</summary>
    public static IEnumerable<int> PmdOrders => Usual.Concat(Rare.Select(one => one.PmdOrder)).Distinct().Order();

    /// <summary>Scenarios without end; the same seed gives the same.</summary>
    public static IEnumerable<Scenario> Random(int seed)
    {
        var usual = Usual.Select((order, i) => Of(seed, i, order)).ToArray();
        var rare = Rare.Select((one, i) => Of(seed + 1_000_000, i, one.PmdOrder)).ToArray();
        for (int i = 0; ; i++)
        {
            int which = Array.FindIndex(Rare, one => i % one.Every == one.Every - 1);
            yield return which < 0 ? usual[i % usual.Length].Next() : rare[which].Next();
        }
    }

    private static ScenarioGenerator Of(int seed, int i, int order) =>
        new(new RandomChoices((ulong)seed * 4 + (ulong)i), new Geometry(order));
}
