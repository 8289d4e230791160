using System.Globalization;
using System.Text;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli;

/// <summary>
/// A page table as rows of 64 cells. A large folio is its order in hexadecimal, then one '=' a page, '#' if the pass made it;
/// '~' if only part of it is mapped here.
/// </summary>
internal static class TablePicture
{
    private const int Columns = 64;

    public static string Draw(PageTable table)
    {
        if (table.Pmd != PmdState.Table)
            return table.Pmd switch
            {
                PmdState.None => "   no PTE table\n",
                PmdState.Migration => "   a huge page under migration, mapped by the PMD entry\n",
                _ => $"   a huge page of order {table.Geometry.PmdOrder}, mapped by the PMD entry{(table.Cells[0].Has(CellFlags.New) ? ", new" : "")}\n",
            };
        string cells = Cells(table);
        var picture = new StringBuilder();
        for (int row = 0; row < cells.Length; row += Columns)
            picture.Append(CultureInfo.InvariantCulture, $"{row,6}  {cells.AsSpan(row, Math.Min(Columns, cells.Length - row))}\n");
        return picture.ToString();
    }

    private static string Cells(PageTable table)
    {
        var cells = table.Cells;
        var picture = new char[cells.Length];
        for (int i = 0; i < cells.Length;)
        {
            var cell = cells[i];
            int end = i + 1;
            if (cell.Kind == PteKind.Page && cell.Order > 0)
            {
                while (end < cells.Length && cells[end].Kind == PteKind.Page && cells[end].Order == cell.Order && cells[end].Page == cells[end - 1].Page + 1)
                    end++;
                char fill = end - i < 1 << cell.Order ? '~' : cell.Has(CellFlags.New) ? '#' : '=';
                picture.AsSpan(i, end - i).Fill(fill);
                picture[i] = cell.Order.ToString("x", CultureInfo.InvariantCulture)[0];
            }
            else
            {
                picture[i] = TableNotation.LetterOf(cell) ?? '?';
            }
            i = end;
        }
        return new string(picture);
    }
}
