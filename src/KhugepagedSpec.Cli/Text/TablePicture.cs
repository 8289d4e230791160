using System.Globalization;
using System.Text;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Text;

/// <summary>A page table as rows of 64 cells.</summary>
internal static class TablePicture
{
    private const int Columns = 64;

    /// <summary>Draws it, each row with the number of its first PTE.</summary>
    public static string Draw(PageTable table)
    {
        var drawing = TableDrawing.Of(table);
        if (drawing.Remark is { } remark)
            return $"   {remark}\n";
        string cells = drawing.Symbols;
        var picture = new StringBuilder();
        for (int row = 0; row < cells.Length; row += Columns)
            picture.Append(CultureInfo.InvariantCulture, $"{row,6}  {cells.AsSpan(row, Math.Min(Columns, cells.Length - row))}\n");
        return picture.ToString();
    }
}
