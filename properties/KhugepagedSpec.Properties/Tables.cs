using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Properties;

/// <summary>Random page tables, by runs: one seed from FsCheck, spread out by a generator of our own.</summary>
internal static class Tables
{
    /// <summary>Small and real geometries, all kinds, folios at natural and odd places.</summary>
    public static Gen<PageTable> Any { get; } =
        from seed in Gen.Choose(0, int.MaxValue)
        from order in Gen.Elements(4, 6, 9)
        select Make(new Random(seed), new Geometry(order), TableNotation.Letters.Select(letter => letter.Cell).ToArray());

    /// <summary>Tables a collapse can work on: mostly pages, holes and folios, few odd PTEs.</summary>
    public static Gen<PageTable> Collapsible { get; } =
        from seed in Gen.Choose(0, int.MaxValue)
        from order in Gen.Elements(4, 6, 9)
        select Make(new Random(seed), new Geometry(order), [.. "xxxxxx...zZohs".Select(letter => TableNotation.CellOf(letter)!.Value)]);

    private static PageTable Make(Random random, Geometry geometry, Cell[] kinds)
    {
        var cells = ImmutableArray.CreateBuilder<Cell>(geometry.Pages);
        while (cells.Count < geometry.Pages)
        {
            int left = geometry.Pages - cells.Count;
            int order = random.Next(1, geometry.PmdOrder);
            if (random.Next(4) == 0 && 1 << order <= left)
            {
                int first = random.Next(3) == 0 ? random.Next(1 << order) : 0;
                // A piece of a folio ends where another piece of the same folio might begin: keep to one piece.
                for (int page = first; page < 1 << order; page++)
                    cells.Add(Cell.OfFolio(order, page));
                continue;
            }
            var kind = kinds[random.Next(kinds.Length)];
            cells.AddRange(Enumerable.Repeat(kind, Math.Min(left, random.Next(3) == 0 ? 1 : random.Next(1, geometry.Pages / 4))));
        }
        return new PageTable(geometry, cells.ToImmutable());
    }
}
