using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Page tables for the sake of their kinds: every letter and every attribute of the notation is as likely as every other, among
/// pages that collapse likes, and so is every state of the PMD entry.
/// </summary>
/// <param name="choices">Where its choices come from.</param>
/// <param name="geometry">The geometry of the tables.</param>
/// <param name="kinds">The letters of the notation that may occur; null for all, and attributes and PMD states with them.</param>
internal sealed class OddTables(Choices choices, Geometry geometry, string? kinds)
{
    private static readonly ImmutableArray<PmdState> States = [.. Enum.GetValues<PmdState>().Where(state => state != PmdState.Table)];

    private readonly Cell[] _letters =
        [.. TableNotation.Letters.Where(letter => kinds is null || kinds.Contains(letter.Letter)).Select(letter => letter.Cell)];

    /// <summary>A table without PTEs, in any of the states that have none.</summary>
    public PageTable WithoutPtes()
    {
        var state = choices.Of(States.AsSpan());
        if (state != PmdState.Huge)
            return PageTable.Empty(geometry, state);
        var cells = new Cell[geometry.Pages];
        Large(cells, geometry.PmdOrder, 0, Written);
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells), state);
    }

    /// <summary>A table of pages and holes with a few PTEs, or blocks of them, of any kind.</summary>
    public PageTable WithAnyKind()
    {
        var cells = new Cell[geometry.Pages];
        Background(cells);
        for (int odd = choices.Between(1, 3); odd > 0; odd--)
        {
            var kind = choices.Of<Cell>(_letters);
            int order = choices.OneIn(3) ? choices.Below(Math.Min(geometry.PmdOrder, 5)) : 0;
            cells.AsSpan(choices.Below(cells.Length >> order) << order, 1 << order).Fill(kind);
        }
        if (kinds is null && choices.OneIn(2))
            WithAttributes(cells);
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    private const CellFlags Written = CellFlags.Young | CellFlags.Dirty;

    private void Background(Cell[] cells)
    {
        // Now and then everything is of one kind: shared, or old.
        Array.Fill(cells, choices.OneIn(8) ? choices.Of<Cell>(_letters) : Cell.Plain);
        if (!choices.OneIn(3))
            return;
        int order = choices.Below(geometry.PmdOrder);
        for (int i = 0; i < cells.Length; i += 1 << order)
            if (choices.OneIn(3))
                cells.AsSpan(i, 1 << order).Clear();
    }

    // One folio, whole or in part, with one or two attributes; KSM has no large ones.
    private void WithAttributes(Cell[] cells)
    {
        var flags = Written;
        for (int i = choices.Between(1, 2); i > 0; i--)
        {
            var (_, set, clear, _) = choices.Of(TableNotation.Attributes.AsSpan());
            flags = (flags | set) & ~clear;
        }
        int order = (flags & CellFlags.Ksm) != 0 ? 0 : choices.Below(geometry.PmdOrder);
        int first = choices.OneIn(3) ? choices.Below(1 << order) : 0;
        int start = choices.Below(cells.Length >> order) << order;
        Large(cells.AsSpan(start, (1 << order) - first), order, first, flags);
    }

    private static void Large(Span<Cell> cells, int order, int first, CellFlags flags)
    {
        for (int i = 0; i < cells.Length; i++)
            cells[i] = new Cell(PteKind.Page, flags, (byte)order, (ushort)(first + i));
    }
}
