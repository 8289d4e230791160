using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Text;

/// <summary>A large folio in a drawing, or the part of it that is mapped in one piece.</summary>
/// <param name="Start">Its first PTE.</param>
/// <param name="Pages">How many PTEs.</param>
/// <param name="First">The first of them.</param>
internal readonly record struct DrawnFolio(int Start, int Pages, Cell First)
{
    /// <summary>Only a part of it is mapped here.</summary>
    public bool IsPart => Pages < 1 << First.Order;
}

/// <summary>
/// A page table as symbols, one a PTE. A large folio is its order in hexadecimal, then one '=' a page, '#' if the pass made it;
/// '~' if only part of it is mapped here.
/// </summary>
/// <param name="Symbols">The symbols.</param>
/// <param name="Folios">The large folios among them.</param>
/// <param name="Remark">What maps the range if no PTE table does; null if one does.</param>
internal sealed record TableDrawing(string Symbols, ImmutableArray<DrawnFolio> Folios, string? Remark)
{
    /// <summary>Draws a table.</summary>
    public static TableDrawing Of(PageTable table)
    {
        var cells = table.Cells;
        char[] symbols = new char[cells.Length];
        var folios = ImmutableArray.CreateBuilder<DrawnFolio>();
        for (int i = 0, end; i < cells.Length; i = end)
        {
            var cell = cells[i];
            end = i + 1;
            if (cell.Kind != PteKind.Page || cell.Order == 0)
            {
                symbols[i] = TableNotation.LetterOf(cell) ?? '?';
                continue;
            }
            while (end < cells.Length && cells[end].Kind == PteKind.Page && cells[end].Order == cell.Order
                && cells[end].Page == cells[end - 1].Page + 1)
                end++;
            var folio = new DrawnFolio(i, end - i, cell);
            symbols.AsSpan(i, folio.Pages).Fill(folio.IsPart ? '~' : cell.Has(CellFlags.New) ? '#' : '=');
            symbols[i] = cell.Order.ToString("x", CultureInfo.InvariantCulture)[0];
            folios.Add(folio);
        }
        return new TableDrawing(new string(symbols), folios.ToImmutable(), RemarkOn(table));
    }

    private static string? RemarkOn(PageTable table) => table.Pmd switch
    {
        PmdState.Table => null,
        PmdState.Huge =>
            $"a huge page of order {table.Geometry.PmdOrder}, mapped by the PMD entry{(table.Cells[0].Has(CellFlags.New) ? ", new" : "")}",
        var state => TableNotation.PmdEntries.First(entry => entry.State == state).Meaning,
    };
}
