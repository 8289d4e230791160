using System.Text.Json;
using KhugepagedSpec.Cli.Text;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>explain</c>.</summary>
/// <param name="Command">The command line that shows the same as text.</param>
/// <param name="Kinds">The symbols of single PTEs.</param>
/// <param name="Walk">The run.</param>
internal sealed record WalkPage(string Command, IReadOnlyDictionary<string, CellKind> Kinds, WalkPicture Walk)
{
    /// <summary>Makes it.</summary>
    public static HtmlPage Of(Explained explained, bool everyStep, string command)
    {
        var page = new WalkPage(command, CellKind.Of(WalkPicture.TablesOf(explained)), WalkPicture.Of(explained, everyStep));
        return new HtmlPage(page.Walk.Title, "explain", ["map", "tree", "walk"], JsonSerializer.Serialize(page, PageJson.Compact.WalkPage));
    }
}
