using System.Text;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Reproducers;

/// <summary>A page table as the program itself sees it, and can print it: what pagemap and kpageflags tell a process of its own.</summary>
internal static class TableInC
{
    /// <summary>The letters of what a program can make.</summary>
    public const string Kinds = ".xZzohplLwWqrsSg";

    /// <summary>The table in the notation, as the program prints it.</summary>
    public static string Of(PageTable table) => table.Pmd switch
    {
        PmdState.Huge => $"m{table.Geometry.PmdOrder}",
        PmdState.HugeZero => "mz",
        PmdState.Table => TableNotation.Write(new PageTable(table.Geometry, [.. table.Cells.Select(Seen)])),
        _ => TableNotation.Write(PageTable.Empty(table.Geometry, PmdState.Table)),
    };

    /// <summary>What the letters of a table mean, one line each.</summary>
    public static IEnumerable<string> Legend(params string[] tables)
    {
        string all = string.Concat(tables);
        foreach (var (letter, _, meaning) in TableNotation.Letters)
            if (all.Contains(letter, StringComparison.Ordinal))
                yield return $"{letter} {meaning}";
        if (all.Contains('f', StringComparison.Ordinal))
            yield return "f4 a folio of order 4, mapped by PTEs; f4[8+3] three pages of it, from page 8";
        if (all.Contains('m', StringComparison.Ordinal))
            yield return all.Contains("mz", StringComparison.Ordinal) ? "mz the huge zero page" : "m9 a huge page, mapped by the PMD entry";
        yield return "*16 sixteen in a row";
    }

    /// <summary>A text as literals of C, several lines where it is long.</summary>
    public static string Literal(string text) => string.Join("\n\t", Wrapped(text, 100, keepBlank: true).Select(line => $"\"{line}\""));

    /// <summary>A text in lines, broken at blanks.</summary>
    /// <param name="text">The text.</param>
    /// <param name="width">Columns at most, where there is a blank.</param>
    /// <param name="keepBlank">Leave the blank at the end of a line.</param>
    public static IEnumerable<string> Wrapped(string text, int width, bool keepBlank = false)
    {
        var line = new StringBuilder();
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + word.Length > width)
            {
                yield return keepBlank ? line.ToString() : line.ToString().TrimEnd();
                line.Clear();
            }
            line.Append(word).Append(' ');
        }
        yield return line.ToString().TrimEnd();
    }

    private static Cell Seen(Cell cell) => TableNotation.CellOf(cell.Kind switch
    {
        PteKind.None => '.',
        PteKind.ZeroPage => cell.Has(CellFlags.UffdWp) ? 'q' : 'z',
        PteKind.Swap => cell.Has(CellFlags.UffdWp) ? 'S' : 's',
        PteKind.GuardMarker => 'g',
        PteKind.UffdWpMarker => 'W',
        PteKind.Page when cell.Order > 0 => ' ',
        PteKind.Page => cell.Has(CellFlags.UffdWp) ? 'w' : cell.Has(CellFlags.LazyFree) ? 'l' : cell.Has(CellFlags.Shared) ? 'h' : 'x',
        _ => throw new NotSupportedException($"{cell.Kind} is not of {Kinds}"),
    }) ?? Cell.OfFolio(cell.Order, cell.Page);
}
