using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Page tables shaped like the domain: runs, aligned blocks with one defect, nearly full and nearly empty tables, folios at
/// natural and odd places, seeds that creep, limits met exactly and missed by one.
/// </summary>
/// <param name="choices">Where its choices come from.</param>
/// <param name="geometry">The geometry of the tables.</param>
/// <param name="kinds">The letters of the notation that may occur as defects; null for the usual ones.</param>
public sealed class TableGenerator(Choices choices, Geometry geometry, string? kinds = null)
{
    // The common ones first: of two draws the smaller counts.
    private const string CommonDefects = ".zhsopwlgSWtuLZrqaK", RareDefects = "bk", CommonBlocks = "zohsl";

    private readonly Cell[] _defects = Cells(kinds is null ? CommonDefects : CommonDefects + RareDefects, kinds);
    private readonly Cell[] _wholeBlocks = Cells(CommonBlocks, kinds);
    private readonly OddTables _odd = new(choices, geometry, kinds);

    /// <summary>A table.</summary>
    public PageTable Next()
    {
        int shape = choices.Below(8);
        if (shape == 7)
            return kinds is null && choices.OneIn(5) ? _odd.WithoutPtes() : _odd.WithAnyKind();
        var cells = new Cell[geometry.Pages];
        switch (shape)
        {
            case 0: Runs(cells); break;
            case 1: NearlyFull(cells); break;
            case 2: NearlyEmpty(cells); break;
            case 3: Blocks(cells); break;
            case 4: Folios(cells); break;
            case 5: Seeds(cells); break;
            default: Threshold(cells); break;
        }
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    /// <summary>A table of aligned blocks of the same size, each one of <paramref name="blocks"/>; the last is chosen first.</summary>
    public PageTable OfBlocks(ReadOnlySpan<Cell[]> blocks)
    {
        var cells = new Cell[geometry.Pages];
        for (int end = cells.Length; end > 0;)
        {
            var block = choices.Of(blocks);
            end -= block.Length;
            block.CopyTo(cells, end);
        }
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    private void Runs(Cell[] cells)
    {
        for (int i = 0; i < cells.Length;)
        {
            int run = Math.Min(cells.Length - i, 1 + choices.Below(1 << choices.Below(geometry.PmdOrder)));
            cells.AsSpan(i, run).Fill(choices.OneIn(3) ? Cell.None : choices.OneIn(8) ? Defect() : Cell.Plain);
            i += run;
        }
    }

    private void NearlyFull(Cell[] cells)
    {
        Array.Fill(cells, Cell.Plain);
        var defect = Defect();
        bool allTheSame = choices.OneIn(2);
        for (int defects = choices.Below(4); defects > 0; defects--)
            cells[choices.Below(cells.Length)] = allTheSame ? defect : Defect();
    }

    private void NearlyEmpty(Cell[] cells)
    {
        for (int pages = choices.Between(1, 6); pages > 0; pages--)
            cells[choices.Below(cells.Length)] = choices.OneIn(4) ? Defect() : Cell.Plain;
    }

    // Aligned blocks, each full, empty, a folio, full with one defect, or all of one odd kind.
    private void Blocks(Cell[] cells)
    {
        for (int i = 0; i < cells.Length;)
        {
            int order = Math.Min(choices.Between(Geometry.MinOrder, geometry.PmdOrder - 1), i == 0 ? geometry.PmdOrder - 1
                : int.TrailingZeroCount(i));
            var block = cells.AsSpan(i, 1 << order);
            int kind = choices.Below(6);
            if (kind == 0)
                Folio(block, order, 0);
            else if (kind < 4)
                block.Fill(Cell.Plain);
            if (kind == 3)
                block[choices.Below(block.Length)] = Defect();
            if (kind == 4)
                block.Fill(choices.Of<Cell>(_wholeBlocks));
            i += block.Length;
        }
    }

    // Folios anywhere, whole or in part, among plain pages.
    private void Folios(Cell[] cells)
    {
        if (choices.OneIn(2))
            Array.Fill(cells, Cell.Plain);
        for (int i = choices.Below(4); i < cells.Length;)
        {
            int order = choices.Between(1, geometry.PmdOrder);
            int first = choices.OneIn(3) ? choices.Below(1 << order) : 0;
            int most = Math.Min(cells.Length - i, (1 << order) - first);
            int pages = choices.OneIn(4) ? choices.Between(1, most) : most;
            Folio(cells.AsSpan(i, pages), order, first);
            i += pages + (choices.OneIn(2) ? 0 : choices.Below(1 << choices.Below(geometry.PmdOrder)));
        }
    }

    // One page in each sibling of the left edge: what creeps under scaled limits.
    private void Seeds(Cell[] cells)
    {
        cells[0] = Cell.Plain;
        for (int order = 0; order < geometry.PmdOrder; order++)
            if (!choices.OneIn(8))
                cells[1 << order] = Cell.Plain;
    }

    // As many pages as some limit asks for, or one more or less.
    private void Threshold(Cell[] cells)
    {
        int pages = Math.Clamp((cells.Length >> choices.Below(3)) + choices.Between(-1, 1), 0, cells.Length);
        cells.AsSpan(0, pages).Fill(Cell.Plain);
        if (choices.OneIn(2))
            choices.Shuffle(cells.AsSpan());
        if (choices.OneIn(3))
            cells[choices.Below(cells.Length)] = Defect();
    }

    private static void Folio(Span<Cell> cells, int order, int first)
    {
        for (int i = 0; i < cells.Length; i++)
            cells[i] = Cell.OfFolio(order, first + i);
    }

    private Cell Defect() => _defects[Math.Min(choices.Below(_defects.Length), choices.Below(_defects.Length))];

    private static Cell[] Cells(string letters, string? allowed) =>
        [.. letters.Where(letter => allowed is null || allowed.Contains(letter)).Select(letter => TableNotation.CellOf(letter)!.Value)];
}
