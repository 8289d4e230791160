using System.Collections.Concurrent;
using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking;

/// <summary>A class of differences: those whose first step that differs is of the same kinds, with the same results.</summary>
/// <param name="First">That step of the first version, without its figures.</param>
/// <param name="Second">The second's.</param>
/// <param name="Scenarios">How many scenarios show it.</param>
/// <param name="Smallest">The smallest of them, shrunk.</param>
/// <param name="In">What differs in the smallest.</param>
public sealed record DifferenceClass(string First, string Second, long Scenarios, Difference Smallest, DifferenceIn In);

/// <summary>One class of settings, and whether the versions differ in it.</summary>
/// <param name="Settings">The class.</param>
/// <param name="Scenarios">Scenarios looked at.</param>
/// <param name="Differ">How many of them differ.</param>
/// <param name="Undisturbed">How many of these have a table and nothing going wrong: no injected fault, no program.</param>
public sealed record SettingsVerdict(SettingsClass Settings, long Scenarios, long Differ, long Undisturbed);

/// <summary>All the differences within a bound, by class, and where there is none.</summary>
/// <param name="Scenarios">Scenarios looked at.</param>
/// <param name="Bound">What they are, in words.</param>
/// <param name="Settings">The classes of settings that occur.</param>
/// <param name="Classes">The classes of differences, most frequent first.</param>
public sealed record DiffSurvey(long Scenarios, string Bound, ImmutableArray<SettingsVerdict> Settings,
    ImmutableArray<DifferenceClass> Classes)
{
    private const int Random = 10_000;

    /// <summary>All was gone through; else what is said is of those looked at.</summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>Goes through every scenario of the small geometries, and random ones at the real size.</summary>
    /// <param name="first">One version.</param>
    /// <param name="second">The other.</param>
    /// <param name="scope">What to look for, and under which settings.</param>
    /// <param name="tell">Told from time to time how many scenarios were looked at.</param>
    /// <param name="stop">Ends it early.</param>
    public static DiffSurvey Run(
        KhugepagedVersion first, KhugepagedVersion second, DiffScope scope, Action<int>? tell = null, CancellationToken stop = default)
    {
        var settings = new ConcurrentDictionary<SettingsClass, (long Scenarios, long Differ, long Undisturbed)>();
        var classes = new ConcurrentDictionary<(string First, string Second), (long Scenarios, int Number, Scenario Smallest)>();
        int count = 0;
        bool isComplete = true;
        var all = scope.Scenarios(Random).TakeWhile(_ => isComplete = !stop.IsCancellationRequested);
        Parallel.ForEach(all.Select((scenario, number) => (scenario, number)), one =>
        {
            var difference = VersionDiff.On(one.scenario, first, second, scope.In);
            int differs = difference is null ? 0 : 1;
            int undisturbed = one.scenario.Faults.IsEmpty && one.scenario.Program.IsEmpty ? differs : 0;
            settings.AddOrUpdate(
                SettingsClass.Of(one.scenario), (1, differs, undisturbed), (_, so) =>
                    (so.Scenarios + 1, so.Differ + differs, so.Undisturbed + undisturbed));
            if (difference is not null)
                classes.AddOrUpdate(
                    ClassOf(difference), (1, one.number, one.scenario),
                    (_, so) => one.number < so.Number ? (so.Scenarios + 1, one.number, one.scenario)
                        : so with { Scenarios = so.Scenarios + 1 });
            int now = Interlocked.Increment(ref count);
            if (now % 1000 == 0)
                tell?.Invoke(now);
        });
        return new DiffSurvey(
            count, scope.Bound(Random),
            [.. SettingsClass.All.Where(settings.ContainsKey).Select(one =>
                new SettingsVerdict(one, settings[one].Scenarios, settings[one].Differ, settings[one].Undisturbed))],
            [
                .. classes.OrderByDescending(one => one.Value.Scenarios).ThenBy(one => one.Value.Number).Select(one =>
                {
                    var small =
                        Shrinker.Shrink(one.Value.Smallest, candidate => scope.Given.Has(candidate)
                            && VersionDiff.On(candidate, first, second, scope.In) is { } still && ClassOf(still) == one.Key);
                    var difference = VersionDiff.On(small, first, second, scope.In)!;
                    return new DifferenceClass(one.Key.First, one.Key.Second, one.Value.Scenarios, difference,
                        VersionDiff.In(small, first, second, scope.In));
                }),
            ])
        {
            IsComplete = isComplete,
        };
    }

    private static (string First, string Second) ClassOf(Difference difference) =>
        (Step(difference.First, difference.DiffersAt), Step(difference.Second, difference.DiffersAt));

    private static string Step(ImmutableArray<RunLine> lines, int at) => at < lines.Length ? lines[at].Step : "nothing";
}

/// <summary>What a search for differences looks for, and where.</summary>
/// <param name="In">What counts as one.</param>
/// <param name="Given">The settings that are not searched.</param>
public sealed record DiffScope(DifferenceIn In, GivenSettings Given)
{
    /// <summary>All that versions do, under all settings.</summary>
    public static DiffScope All { get; } = new(DifferenceIn.Behaviour, GivenSettings.Nothing);

    /// <summary>The small geometries, smallest scenario first, then random ones at the real size.</summary>
    /// <param name="random">How many of those.</param>
    public IEnumerable<Scenario> Scenarios(int random) =>
        SmallScenarios.All(Given.On).Concat(ScenarioGenerator.Random(1, Geometry.X86).Take(random).Select(Given.On).OfType<Scenario>());

    /// <summary>The same in words.</summary>
    public string Bound(int random)
    {
        string small = SmallScenarios.All(Given.On).Any() ? $"{SmallScenarios.Bound}; " : "";
        return FormattableString.Invariant($"{small}{random} random ones at the real size");
    }
}
