using ArchUnitNET.Fluent.Slices;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnit;

namespace KhugepagedSpec.Regressions;

/// <summary>The rooms of the house: inside a project no namespace uses another in a circle, and the model checker knows nothing of khugepaged.</summary>
public sealed class RoomsTests
{
    private static readonly ArchUnitNET.Domain.Architecture House = new ArchLoader().LoadAssemblies(
        typeof(PageTables.PageTable).Assembly, typeof(Scenarios.Shrinker).Assembly, typeof(Checking.Checker).Assembly, typeof(Races.CollapseProtocol).Assembly,
        typeof(ModelChecker.Exploration.Explorer<,,>).Assembly, typeof(global::KhugepagedSpec.Recordings.Replay).Assembly, typeof(Processes.CaptureFile).Assembly,
        typeof(Guests.Live.LiveComparison).Assembly, typeof(global::KhugepagedSpec.Cli.Shell.Verb).Assembly).Build();

    [Theory]
    [InlineData("KhugepagedSpec.(*)")]
    public void No_namespace_uses_another_in_a_circle(string slices) =>
        SliceRuleDefinition.Slices().Matching(slices).Should().BeFreeOfCycles().Check(House);
}
