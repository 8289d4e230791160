using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>explore</c>: an interleaving as swim lanes, or what searches came to.</summary>
/// <param name="Command">The command line that shows the same as text.</param>
/// <param name="Title">What was searched, or gone through.</param>
/// <param name="Verdict">What it came to; null if nothing was searched.</param>
/// <param name="Results">A row a search.</param>
/// <param name="Broken">The property that the way breaks; null for none.</param>
/// <param name="Way">The way to be shown; null if there is none.</param>
internal sealed record ExplorePage(
    string Command, string Title, string? Verdict, ImmutableArray<SearchRow> Results, BrokenPicture? Broken, WayPicture? Way)
{
    /// <summary>The page of searches; the shortest counterexample is the way to be shown.</summary>
    public static HtmlPage Of(string title, IReadOnlyList<SearchResult> results, string command)
    {
        var shown = Suite.Shortest(results);
        var way = shown?.Counterexample is { } counterexample ? WayPicture.Of(counterexample) : null;
        return Page(new ExplorePage(
            command, title, ExploreText.Verdict(results), [.. results.Select(SearchRow.Of)], BrokenPicture.Of(shown?.Blame, way), way));
    }

    /// <summary>The page of a way that was given, and what it breaks.</summary>
    public static HtmlPage Of(string title, Interleaving way, Blame? blame, string command)
    {
        var picture = WayPicture.Of(way);
        return Page(new ExplorePage(command, title, null, [], BrokenPicture.Of(blame, picture), picture));
    }

    /// <summary>A page of what it shows.</summary>
    public static HtmlPage Page(ExplorePage page) =>
        new(page.Title, "explore", [], JsonSerializer.Serialize(page, PageJson.Compact.ExplorePage));
}

/// <summary>One search.</summary>
/// <param name="Entries">PTEs of the table.</param>
/// <param name="Table">The table.</param>
/// <param name="Actors">Who ran beside khugepaged.</param>
/// <param name="Ending">How it ended.</param>
/// <param name="Broken">The property that is broken; null for none.</param>
/// <param name="Generated">States generated.</param>
/// <param name="Distinct">Distinct ones.</param>
/// <param name="Left">States left on the queue.</param>
/// <param name="Depth">The longest way.</param>
internal sealed record SearchRow(int Entries, string Table, string Actors, string Ending, string? Broken, long Generated, long Distinct,
    long Left, int Depth)
{
    /// <summary>The row of a search.</summary>
    public static SearchRow Of(SearchResult result) => new(
        result.Space.Shape.Pages, result.Table, string.Join(", ", result.Actors), ExploreText.Name(result.Found.Ending),
            result.Broken?.Name,
        result.Found.Extent.Generated, result.Found.Extent.Distinct, result.Found.Extent.Left, result.Found.Extent.Depth);
}

/// <summary>An interleaving.</summary>
/// <param name="Processes">The lanes.</param>
/// <param name="Start">Every variable and its first value.</param>
/// <param name="Steps">The steps.</param>
/// <param name="Replay">The way as text.</param>
internal sealed record WayPicture(ImmutableArray<string> Processes, ImmutableArray<ImmutableArray<string>> Start,
    ImmutableArray<MovePicture> Steps, string Replay)
{
    /// <summary>Pictures a way.</summary>
    public static WayPicture Of(Interleaving way)
    {
        ImmutableArray<string> processes = [.. way.Steps.Select(step => step.Process).Distinct()];
        return new WayPicture(
            processes, Pairs(way.Start),
            [.. way.Steps.Select(step =>
                new MovePicture(processes.IndexOf(step.Process), step.Step.Function, step.Step.Says, Pairs(step.Changes)))], way.Replay);

        static ImmutableArray<ImmutableArray<string>> Pairs(ImmutableArray<(string Variable, string Value)> values) =>
            [.. values.Select(value => ImmutableArray.Create(value.Variable, value.Value))];
    }
}

/// <summary>One step of an interleaving.</summary>
/// <param name="Lane">Whose, by number.</param>
/// <param name="Function">The function.</param>
/// <param name="Says">What it does.</param>
/// <param name="Changes">Each variable that changed, with its new value.</param>
internal sealed record MovePicture(int Lane, string Function, string Says, ImmutableArray<ImmutableArray<string>> Changes);

/// <summary>What a way breaks.</summary>
/// <param name="Property">The property; null where none has a name.</param>
/// <param name="Verdict">That it is broken, in words.</param>
/// <param name="Expected">What it says.</param>
/// <param name="Found">What is there instead.</param>
/// <param name="Lanes">Whose step breaks it; of a deadlock each that waits.</param>
internal sealed record BrokenPicture(string? Property, string Verdict, string Expected, string Found, ImmutableArray<BlamedLane> Lanes)
{
    /// <summary>Pictures what a way breaks; null for nothing.</summary>
    public static BrokenPicture? Of(Blame? blame, WayPicture? way) => blame is null || way is null ? null
        : new BrokenPicture(blame.Property.Name, $"{blame.Property.Name} is broken", blame.Property.Statement, blame.Why,
            [.. blame.Processes.Select(one => new BlamedLane(way.Processes.IndexOf(one.Process),
                    blame.Property == Safety.NoDeadlock ? "waits" : "breaks it", string.Join(", ", one.Locks.DefaultIfEmpty("no lock"))))
                .Where(one => one.Lane >= 0)]);
}

/// <summary>One lane where it is seen.</summary>
/// <param name="Lane">Which.</param>
/// <param name="Says">What it does that is wrong.</param>
/// <param name="Locks">The locks that it holds at the end; null if that is not known.</param>
internal sealed record BlamedLane(int Lane, string Says, string? Locks);
