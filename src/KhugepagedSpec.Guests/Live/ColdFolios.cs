using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Tables of large folios that are cold but for some of their pages, or given up and written again in part: what shows which PTEs share
/// accessed and dirty bits.
/// </summary>
internal static class ColdFolios
{
    private const CellFlags Written = CellFlags.Young | CellFlags.Dirty;

    /// <summary>A table.</summary>
    /// <param name="choices">Which.</param>
    /// <param name="machine">The machine; folios are as large as its blocks of shared bits, or a little smaller or larger.</param>
    public static PageTable Next(Choices choices, MachineType machine)
    {
        var geometry = machine.Geometry;
        var cells = new Cell[geometry.Pages];
        int least = Math.Max(Geometry.MinOrder, Math.Max(4, machine.SharedBitsOrder) - 2);
        int most = Math.Min(geometry.PmdOrder - 1, least + 4);
        if (choices.OneIn(3))
            Array.Fill(cells, choices.OneIn(2) ? Cell.Plain : TableNotation.CellOf('o')!.Value);
        for (int folios = choices.Between(1, 6); folios > 0; folios--)
        {
            int order = choices.Between(least, most), first = choices.Below(geometry.Pages >> order) << order;

            // Off its boundary now and then: then no block of it is aligned.
            if (choices.OneIn(6) && first + 2 * (1 << order) <= cells.Length)
                first += 1 << choices.Below(order);
            if (cells.AsSpan(first, 1 << order).IndexOfAnyExcept(Cell.None, Cell.Plain, TableNotation.CellOf('o')!.Value) < 0)
                Folio(choices, cells.AsSpan(first, 1 << order), order);
        }
        if (choices.OneIn(4))
            cells[choices.Below(cells.Length)] = TableNotation.CellOf('s')!.Value;
        return new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    private static void Folio(Choices choices, Span<Cell> cells, int order)
    {
        bool isGivenUp = choices.OneIn(4);
        var flags = isGivenUp ? CellFlags.LazyFree : CellFlags.Dirty;
        for (int i = 0; i < cells.Length; i++)
            cells[i] = Cell.OfFolio(order, i) with { Flags = flags };
        for (int used = choices.Below(4); used > 0; used--)
        {
            ref var cell = ref cells[choices.Below(cells.Length)];
            cell = cell with { Flags = flags | Written };
        }
    }
}
