using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Races;
using ModelChecker.Exploration;
using ModelChecker.Guarded;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What <c>explore</c> prints.</summary>
internal static class ExploreText
{
    public static int List()
    {
        Line($"versions");
        foreach (var version in Protocols.Versions)
            Line($"  {version.Name,-34}{version.Source}");
        Line($"\nknown-bad, each 7.2's with one thing wrong");
        foreach (var protocol in Protocols.KnownBad.Concat(Protocols.Pairs))
        {
            Line($"  {protocol.Name,-34}{protocol.Source}");
            Line($"  {"",-34}breaks {protocol.Breaks!.Name}, shown by {(protocol.ShownBy.Count == 0 ? "khugepaged alone" : string.Join(", ", protocol.ShownBy))}");
        }
        Line($"\nasked, and safe beside every pair of actors on a table of 4");
        foreach (var question in Protocols.Switches.Where(each => each.Breaks is null))
        {
            Line($"  {question.Name,-34}{question.Source}");
            Line($"  {"",-34}{question.Says}");
        }
        Line($"\nactors");
        foreach (var actor in Actor.All)
            Line($"  {actor.Name,-34}{actor.Says}");
        Line($"\nproperties");
        foreach (var property in Safety.All)
        {
            Line($"  {property.Name,-34}{property.Statement}");
            Line($"  {"",-34}{property.Citation}");
        }
        return ExitCode.Agree;
    }

    public static void Print(ProtocolSpace space, IReadOnlyList<Actor> actors, List<SearchResult> results, SearchResult? counterexample)
    {
        Line($"{Title(space, actors)}");
        foreach (var result in results)
        {
            Line($"  table {result.Table}  {Closing(result.Found)}");
            if (result.Finals is not { } finals)
                continue;
            Line($"  {"",6}memory ends in {finals.Count} ways, {finals.OnlyInterleaved.Count} of them only because critical sections mix");
            foreach (string state in finals.OnlyInterleaved)
                Line($"        {state}");
        }
        if (counterexample?.Counterexample is { } way)
        {
            Line($"\ntable {counterexample.Table}: {counterexample.Broken!.Name} is broken after {way.Steps.Length} steps");
            Line($"  {counterexample.Broken.Statement}\n");
            Print(way);
            Line($"\nbroken: {counterexample.Why}");
            Line($"replay: explore --model {space.Protocol.Name}{(actors.Count > 0 ? $" --actors {string.Join(',', actors)}" : "")} --entries {space.Shape.Pages} --table {counterexample.Table} --replay '{way.Replay}'");
        }
        else
            Line($"{Verdict(results)}");
    }

    public static void Print(ProtocolSpace space, int most, int combinations, List<SearchResult> results, string? circle, TimeSpan time)
    {
        var (generated, distinct, left) =
            (results.Sum(result => result.Found.Extent.Generated), results.Sum(result => result.Found.Extent.Distinct),
                results.Sum(result => result.Found.Extent.Left));
        string size = most switch { 1 => "actor", 2 => "pair of actors or fewer", _ => "three actors or fewer" };
        Line($"{space.Protocol.Name}, {space.Shape.Pages} entries, tables {string.Join(" and ", space.Tables)}, beside every {size}: {combinations} combinations");
        foreach (var broken in results.Where(result => result.Broken is not null))
            Line($"  {string.Join(',', broken.Actors)}, table {broken.Table}: {broken.Broken!.Name} is broken after {broken.Found.Counterexample!.Actions.Length} steps");
        Line($"  locks {(circle is not null ? $"in a circle: {circle}" : "are taken in one order by everybody, and dropped")}");
        Line($"  {generated:N0} states generated, {distinct:N0} distinct, {left:N0} left on queue, depth {results.Max(result => result.Found.Extent.Depth)}");
        Line($"  odds of a collision {results.Sum(result => result.Found.Extent.CollisionOdds):0.0e+0}; {time.TotalSeconds:0.0} s, {distinct / Math.Max(1e-3, time.TotalSeconds):N0} states a second");
        NameOpen([.. results.Where(result => result.Found.Ending is not (Ending.Exhausted or Ending.Refuted))
            .Select(result => $"{string.Join(',', result.Actors)}, table {result.Table} ({Name(result.Found.Ending)})")]);
        Line($"{Verdict(results)}");
    }

    /// <summary>Names searches that were not exhausted: of them nothing is said.</summary>
    public static void NameOpen(IReadOnlyCollection<string> searches)
    {
        const int most = 20;
        foreach (string open in searches.Take(most))
            Line($"  not exhausted: {open}");
        if (searches.Count > most)
            Line($"  not exhausted: {searches.Count - most} more");
    }

    /// <summary>What is searched.</summary>
    public static string Title(ProtocolSpace space, IReadOnlyList<Actor> actors) => string.Create(
        CultureInfo.InvariantCulture,
            $"{space.Protocol.Name} beside {(actors.Count == 0 ? "nobody" : string.Join(", ", actors))}; {space.Shape.Pages} entries");

    /// <summary>A way, step by step.</summary>
    public static int Print(Interleaving way)
    {
        int number = 0;
        foreach (var step in way.Steps)
        {
            Line($"{++number,4}  {step.Process,-14}{step.Step.Function,-36}{step.Step.Says}");
            if (step.Changes.Length > 0)
                Wrap(step.Changes.Select(change => $"{change.Variable}={change.Value}"));
        }
        return ExitCode.Agree;
    }

    public static ExploreJson ToJson(CollapseProtocol protocol, List<SearchResult> results) => new(protocol.Name, Verdict(results),
    [
        .. results.Select(result =>
        {
            var (found, way) = (result.Found, result.Counterexample);
            return new SearchJson(
                result.Space.Shape.Pages, result.Table, [.. result.Actors.Select(actor => actor.Name)], Name(found.Ending),
                    found.Extent.Generated, found.Extent.Distinct, found.Extent.Left,
                found.Extent.Depth, found.Extent.CollisionOdds, found.Time.TotalSeconds, result.Finals?.Count,
                    result.Finals?.OnlyInterleaved, result.Broken?.Name, result.Why, way?.Replay,
                way?.Steps.Select(step =>
                    new StepJson(step.Process, step.Step.Function, step.Step.Says,
                        step.Changes.ToDictionary(change => change.Variable, change => change.Value))).ToList());
        }),
    ]);

    private static string Closing(Exploration<Move> found) => string.Create(
        CultureInfo.InvariantCulture,
        $"{found.Extent.Generated:N0} states generated, {found.Extent.Distinct:N0} distinct, {found.Extent.Left:N0} left on queue, depth {found.Extent.Depth}"
        + $", odds of a collision {found.Extent.CollisionOdds:0.0e+0}; {found.Time.TotalSeconds:0.00} s");

    /// <summary>What searches came to, in words.</summary>
    public static string Verdict(IReadOnlyCollection<SearchResult> results)
    {
        var endings = results.Select(result => result.Found.Ending).ToHashSet();
        return endings.Contains(Ending.Refuted) ? "refuted"
            : endings.SetEquals([Ending.Exhausted]) ? "exhausted: no property is broken"
            : $"not exhausted ({string.Join(", ", endings.Where(ending => ending != Ending.Exhausted).Select(Name))}): nothing is shown of what lies further on";
    }

    /// <summary>How a search ended, in words.</summary>
    public static string Name(Ending ending) => ending switch
    {
        Ending.Exhausted => "exhausted",
        Ending.Refuted => "refuted",
        Ending.DepthReached => "depth reached",
        Ending.MemoryReached => "memory reached",
        _ => "interrupted",
    };

    // What changed, on as few lines as fit.
    private static void Wrap(IEnumerable<string> words)
    {
        const int width = 120;
        string line = "      ";
        foreach (string word in words)
        {
            if (line.Length + word.Length + 1 > width)
            {
                Line($"{line}");
                line = "      ";
            }
            line += " " + word;
        }
        Line($"{line}");
    }
}
