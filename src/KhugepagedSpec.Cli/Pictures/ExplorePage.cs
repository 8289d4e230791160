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
/// <param name="Broken">The property that the way breaks, and what it says; null for none.</param>
/// <param name="Way">The way to be shown; null if there is none.</param>
internal sealed record ExplorePage(
    string Command, string Title, string? Verdict, ImmutableArray<SearchRow> Results, ImmutableArray<string>? Broken, WayPicture? Way)
{
    /// <summary>The page of searches; the shortest counterexample is the way to be shown.</summary>
    public static HtmlPage Of(string title, IReadOnlyList<SearchResult> results, string command)
    {
        var shown = Suite.Shortest(results);
        return Page(new ExplorePage(
            command, title, ExploreText.Verdict(results), [.. results.Select(SearchRow.Of)],
            shown?.Broken is { } broken ? [broken.Name, broken.Statement] : null, shown?.Counterexample is { } way ? WayPicture.Of(way)
                : null));
    }

    /// <summary>The page of a way that was given.</summary>
    public static HtmlPage Of(string title, Interleaving way, string command) =>
        Page(new ExplorePage(command, title, null, [], null, WayPicture.Of(way)));

    private static HtmlPage Page(ExplorePage page) =>
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
