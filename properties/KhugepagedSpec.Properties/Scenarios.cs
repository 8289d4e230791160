using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Properties;

/// <summary>The scenarios that properties are given: one seed from FsCheck, spread out by our generator, shrunk by our shrinker.</summary>
public static class Scenarios
{
    public static Arbitrary<Scenario> Any() => Arb.From(
        from seed in Gen.Choose(0, int.MaxValue)
        from order in Gen.Elements(9, 9, 4, 6)
        select new ScenarioGenerator(new RandomChoices((ulong)seed), new Geometry(order)).Next(),
        Shrinker.Simpler);
}
