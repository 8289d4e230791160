using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>
/// Where userfaultfd is looked at: at the scan (1), in the walk (2), in isolation (3, the only look that 7.2 takes below the PMD's
/// order). Asked by W. Yang and N. Pache, 2026-05, on v18 patch 11.
/// </summary>
public sealed class UffdDesignFacts
{
    public static TheoryData<string> Designs => [.. Catalogue.Designs.Select(design => design.Name)];

    // Attempts are not 7.2's: an armed window with a hole is not tried.
    [Theory]
    [Trait("Coverage", "Slow")]
    [MemberData(nameof(Designs))]
    public void The_designs_are_no_mistakes(string name)
    {
        var design = Catalogue.Find(name)!;
        foreach (var scenario in ScenarioMix.Random(31).Take(3000))
        {
            var history = History.Of(scenario, design, Checker.Passes);
            foreach (var invariant in Contract.Invariants)
                if (invariant.Name != "buddy-tree" && invariant.IsClaimedOf(design) && invariant.Check(history) is { } violation)
                    Assert.Fail($"{name} breaks {invariant.Name}: {violation}\n  explain {scenario} --model {name}");
        }
    }

    // By this it is wrong: a VMA that is armed between the walk's look and isolation loses its holes.
    [Fact]
    public void A_look_in_the_walk_alone_misses_what_is_armed_behind_its_back()
    {
        var variant = Catalogue.Find("uffd-checked-in-walk-only")!;
        var keepsHoles = Contract.Find(variant.MadeFor!)!;
        var armedBefore = Given.Khugepaged("x*15 . x*496", Given.Orders(4), 511).WithVma(VmaFlags.UffdMissing);
        var armedBehind = Given.Khugepaged("x*15 . x*496", Given.Orders(4), 511).Failing("uffd-registered");
        Assert.Equal("uffd-keeps-holes", keepsHoles.Name);
        Assert.Null(keepsHoles.Check(History.Of(armedBefore, variant, Checker.Passes)));
        Assert.NotNull(keepsHoles.Check(History.Of(armedBehind, variant, Checker.Passes)));
        Assert.Null(keepsHoles.Check(History.Of(armedBehind, Catalogue.Linux72, Checker.Passes)));
    }

    // So does a look at the scan, or a remembered flag, without isolation's.
    [Theory]
    [MemberData(nameof(Designs))]
    public void No_earlier_look_makes_isolations_unnecessary(string name)
    {
        var design = Catalogue.Find(name)!;
        var alone = design with { BlindAtIsolation = new() { Vma = true } };
        var scenario = Given.Khugepaged("x*15 . x*496", Given.Orders(4), 511).Failing("uffd-registered/write");
        Assert.NotNull(Contract.Find("uffd-keeps-holes")!.Check(History.Of(scenario, alone, 1)));
        Assert.Null(Contract.Find("uffd-keeps-holes")!.Check(History.Of(scenario, design, 1)));
    }
}
