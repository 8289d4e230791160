using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>diff</c>: two runs side by side.</summary>
/// <param name="Command">The command line that shows the same as text.</param>
/// <param name="Versions">The two versions.</param>
/// <param name="Searched">What was searched; null for a given table.</param>
/// <param name="Explain">The scenario as arguments of explain; null if they do the same.</param>
/// <param name="PmdOrder">How many PTEs there are, as a power of two.</param>
/// <param name="Kinds">The symbols of single PTEs.</param>
/// <param name="Tables">The tables that lines show.</param>
/// <param name="Sides">The lines of each run, a row each; null where it has nothing beside the other.</param>
/// <param name="DiffersAt">The first row that differs, from 0.</param>
internal sealed record DiffPage(
    string Command, ImmutableArray<string> Versions, string? Searched, string? Explain, int PmdOrder, IReadOnlyDictionary<string,
        CellKind> Kinds,
    ImmutableArray<CellsPicture> Tables, ImmutableArray<ImmutableArray<LinePicture?>> Sides, int DiffersAt)
{
    /// <summary>Makes it.</summary>
    /// <param name="first">One version.</param>
    /// <param name="second">The other.</param>
    /// <param name="difference">Where they part; null if they do not.</param>
    /// <param name="searched">What was searched, if something was.</param>
    /// <param name="command">The command line.</param>
    public static HtmlPage Of(KhugepagedVersion first, KhugepagedVersion second, Difference? difference, string? searched, string command)
    {
        var rows = difference?.Rows ?? [];
        ImmutableArray<ImmutableArray<RunLine?>> sides =
            difference is null ? [] : [[.. rows.Select(row => row.First)], [.. rows.Select(row => row.Second)]];
        var tables = sides.SelectMany(side => side.OfType<RunLine>().Select(line => line.Table)).Distinct().ToList();
        var page = new DiffPage(
            command, [first.Name, second.Name], searched, difference?.Scenario.ToString(),
                difference?.Scenario.Table.Geometry.PmdOrder ?? Geometry.X86.PmdOrder, CellKind.Of(tables),
            [.. tables.Select(CellsPicture.Of)],
            [.. sides.Select(side => side.Select(line => line is null ? null
                : new LinePicture(line.Text, tables.IndexOf(line.Table), line.Attempt is { } attempt
                    ? [attempt.Offset, 1 << attempt.Order] : null)).ToImmutableArray())],
            difference?.DiffersAt ?? -1);
        return new HtmlPage($"{first.Name} and {second.Name}", "diff", ["map"], JsonSerializer.Serialize(page, PageJson.Compact.DiffPage));
    }
}

/// <summary>One line of a run.</summary>
/// <param name="Text">What happened.</param>
/// <param name="Table">The table as it was last looked at, by number.</param>
/// <param name="Window">The window that the line is about: first PTE and PTEs; null for none.</param>
internal sealed record LinePicture(string Text, int Table, ImmutableArray<int>? Window);
