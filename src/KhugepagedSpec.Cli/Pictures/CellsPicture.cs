using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>A page table as a page draws it.</summary>
/// <param name="Cells">A symbol a PTE, as in the text's picture, parted by spaces; <c>*16</c> repeats one.</param>
/// <param name="Folios">Each large folio: first PTE, PTEs, order, which of its pages is the first, 1 if it is new.</param>
/// <param name="Notes">PTEs of which more is to be said than a symbol can.</param>
/// <param name="Remark">What maps the range, if no PTE table does.</param>
internal sealed record CellsPicture(string Cells, ImmutableArray<ImmutableArray<int>> Folios, ImmutableArray<CellNote>? Notes,
    string? Remark)
{
    /// <summary>Draws a table.</summary>
    public static CellsPicture Of(PageTable table)
    {
        var drawing = TableDrawing.Of(table);
        var notes = NotesOn(table.Cells);
        return new CellsPicture(
            // There is nothing to be drawn where no entry is.
            table.Pmd is not (PmdState.Table or PmdState.Huge) ? "" : Shortened(drawing.Symbols),
            [.. drawing.Folios.Select(
                folio => ImmutableArray.Create(folio.Start, folio.Pages, folio.First.Order, folio.First.Page,
                    folio.First.Has(CellFlags.New) ? 1 : 0))],
            notes.IsEmpty ? null : notes, drawing.Remark);
    }

    private static string Shortened(string symbols)
    {
        var text = new StringBuilder();
        for (int i = 0, end; i < symbols.Length; i = end)
        {
            for (end = i + 1; end < symbols.Length && symbols[end] == symbols[i];)
                end++;
            text.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? " " : "")}{symbols[i]}{(end - i > 1 ? $"*{end - i}" : "")}");
        }
        return text.ToString();
    }

    private static ImmutableArray<CellNote> NotesOn(ImmutableArray<Cell> cells)
    {
        var notes = ImmutableArray.CreateBuilder<CellNote>();
        for (int i = 0, end; i < cells.Length; i = end)
        {
            string says = Says(cells[i]);
            for (end = i + 1; end < cells.Length && Says(cells[end]) == says;)
                end++;
            if (says.Length > 0)
                notes.Add(new CellNote(i, end - i, says));
        }
        return notes.ToImmutable();
    }

    // Letters have a meaning of their own.
    private static string Says(Cell cell)
    {
        if (cell.Slot > 0)
            return TableNotation.MeaningOf(cell);
        if (cell.Kind != PteKind.Page || (cell.Order == 0 && TableNotation.LetterOf(cell) is not null))
            return "";
        var words = TableNotation.AttributesOf(cell).Select(attribute => attribute.Meaning);
        return string.Join(", ", cell.Node > 0 ? words.Append(string.Create(CultureInfo.InvariantCulture, $"on NUMA node {cell.Node}"))
            : words);
    }
}

/// <summary>What is to be said of some PTEs.</summary>
/// <param name="From">The first.</param>
/// <param name="Pages">How many.</param>
/// <param name="Says">What.</param>
internal sealed record CellNote(int From, int Pages, string Says);

/// <summary>A symbol of the picture: what colour it has and what it means.</summary>
/// <param name="Kind">The style's name for it.</param>
/// <param name="Says">The notation's words for it.</param>
internal sealed record CellKind(string Kind, string Says)
{
    private const CellFlags Holding = CellFlags.Pinned | CellFlags.Locked | CellFlags.OffLru | CellFlags.NotAnon;

    /// <summary>The symbols of single PTEs that tables use.</summary>
    public static IReadOnlyDictionary<string, CellKind> Of(IEnumerable<PageTable> tables)
    {
        var kinds = new SortedDictionary<string, CellKind>(StringComparer.Ordinal);
        foreach (var cell in tables.SelectMany(table => table.Cells).Where(cell => cell.Order == 0).Distinct())
            kinds[(TableNotation.LetterOf(cell) ?? '?').ToString()] = TableNotation.LetterOf(cell) is { } letter
                ? new CellKind(Name(cell), TableNotation.Letters.Single(known => known.Letter == letter).Meaning)
                : new CellKind("page", "4K page that no letter stands for");
        return kinds;
    }

    private static string Name(Cell cell) => cell.Kind switch
    {
        PteKind.None => "none",
        PteKind.ZeroPage => "zero",
        PteKind.Page when (cell.Flags & CellFlags.Shared) != 0 => "shared",
        PteKind.Page when (cell.Flags & Holding) != 0 => "held",
        PteKind.Page => "page",
        PteKind.Special or PteKind.ZoneDevice => "held",
        PteKind.Swap => "swap",
        PteKind.GuardMarker or PteKind.PoisonMarker or PteKind.UffdWpMarker => "marker",
        _ => "entry",
    };
}
