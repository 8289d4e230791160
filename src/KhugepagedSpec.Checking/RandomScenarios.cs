using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>
/// Random scenarios shaped like the domain: runs, aligned blocks with one defect, nearly full and nearly empty tables, folios at
/// natural and odd places, seeds that creep, and settings that matter for the table made.
/// </summary>
public sealed class RandomScenarios
{
    private const string Defects = ".zhsopwlgSWtuLZrqaK";
    private readonly Random _random;
    private readonly Geometry _geometry;

    /// <summary>Starts a sequence; the same seed gives the same scenarios.</summary>
    public RandomScenarios(int seed, Geometry geometry)
    {
        _random = new Random(seed);
        _geometry = geometry;
    }

    /// <summary>The next scenario.</summary>
    public Scenario Next()
    {
        var scenario = Scenario.Of(Table());
        var settings = Settings(scenario.Settings);
        return scenario with
        {
            Settings = _random.Next(4) == 0 ? AtTheLimits(settings, scenario.Table) : settings,
            Vma = scenario.Vma with { Flags = scenario.Vma.Flags | Flags() },
            Kind = _random.Next(12) == 0 ? CollapseKind.Madvise : CollapseKind.Khugepaged,
            Mishaps = Mishaps(),
        };
    }

    private PageTable Table()
    {
        var cells = new Cell[_geometry.Pages];
        switch (_random.Next(7))
        {
            case 0: Runs(cells); break;
            case 1: NearlyFull(cells); break;
            case 2: NearlyEmpty(cells); break;
            case 3: Blocks(cells); break;
            case 4: Folios(cells); break;
            case 5: Seeds(cells); break;
            default: Threshold(cells); break;
        }
        return new PageTable(_geometry, ImmutableArray.Create(cells));
    }

    private void Runs(Cell[] cells)
    {
        for (int i = 0; i < cells.Length;)
        {
            int run = Math.Min(cells.Length - i, 1 + _random.Next(1 << _random.Next(_geometry.PmdOrder)));
            cells.AsSpan(i, run).Fill(_random.Next(3) == 0 ? Cell.None : _random.Next(8) == 0 ? Defect() : Cell.Plain);
            i += run;
        }
    }

    private void NearlyFull(Cell[] cells)
    {
        Array.Fill(cells, Cell.Plain);
        for (int defects = _random.Next(4); defects > 0; defects--)
            cells[_random.Next(cells.Length)] = Defect();
    }

    private void NearlyEmpty(Cell[] cells)
    {
        for (int pages = 1 + _random.Next(6); pages > 0; pages--)
            cells[_random.Next(cells.Length)] = _random.Next(4) == 0 ? Defect() : Cell.Plain;
    }

    // Aligned blocks, each full, empty, a folio, or full with one defect.
    private void Blocks(Cell[] cells)
    {
        for (int i = 0; i < cells.Length;)
        {
            int order = Math.Min(_random.Next(Geometry.MinOrder, _geometry.PmdOrder), i == 0 ? _geometry.PmdOrder - 1 : int.TrailingZeroCount(i));
            var block = cells.AsSpan(i, 1 << order);
            int kind = _random.Next(6);
            if (kind == 0)
                Folio(block, order, 0);
            else if (kind < 4)
                block.Fill(Cell.Plain);
            if (kind == 3)
                block[_random.Next(block.Length)] = Defect();
            i += block.Length;
        }
    }

    // Folios anywhere, whole or in part, among plain pages.
    private void Folios(Cell[] cells)
    {
        if (_random.Next(2) == 0)
            Array.Fill(cells, Cell.Plain);
        for (int i = _random.Next(4); i < cells.Length;)
        {
            int order = _random.Next(1, _geometry.PmdOrder + 1);
            int first = _random.Next(3) == 0 ? _random.Next(1 << order) : 0;
            int pages = Math.Min(cells.Length - i, Math.Max(1, (1 << order) - first - (_random.Next(4) == 0 ? _random.Next(1 << order) : 0)));
            Folio(cells.AsSpan(i, Math.Min(pages, (1 << order) - first)), order, first);
            i += pages + (_random.Next(2) == 0 ? 0 : _random.Next(1 << _random.Next(_geometry.PmdOrder)));
        }
    }

    // One page in each sibling of the left edge: what creeps under scaled limits.
    private void Seeds(Cell[] cells)
    {
        cells[0] = Cell.Plain;
        for (int order = 0; order < _geometry.PmdOrder; order++)
            if (_random.Next(8) > 0)
                cells[1 << order] = Cell.Plain;
    }

    // As many pages as some limit asks for, or one more or less.
    private void Threshold(Cell[] cells)
    {
        int pages = Math.Clamp((cells.Length >> _random.Next(3)) + _random.Next(-1, 2), 0, cells.Length);
        cells.AsSpan(0, pages).Fill(Cell.Plain);
        if (_random.Next(2) == 0)
            _random.Shuffle(cells);
        if (_random.Next(3) == 0)
            cells.AsSpan(_random.Next(cells.Length), 1).Fill(Defect());
    }

    private static void Folio(Span<Cell> cells, int order, int first)
    {
        for (int i = 0; i < cells.Length; i++)
            cells[i] = Cell.OfFolio(order, first + i);
    }

    private Cell Defect()
    {
        char letter = Defects[Math.Min(_random.Next(Defects.Length), _random.Next(Defects.Length))];
        foreach (var known in TableNotation.Letters)
            if (known.Letter == letter)
                return known.Cell;
        throw new InvalidOperationException($"no kind is called '{letter}'");
    }

    private ThpSettings Settings(ThpSettings settings)
    {
        int pmdOrder = _geometry.PmdOrder;
        var orders = _random.Next(6) switch
        {
            0 => OrderSet.Of(pmdOrder),
            1 => OrderSet.Of(_random.Next(Geometry.MinOrder, pmdOrder)),
            2 => _geometry.AnonOrders,
            3 => _geometry.AnonOrders.Without(pmdOrder),
            _ => new OrderSet((uint)_random.Next(1 << (pmdOrder + 1))) & _geometry.AnonOrders,
        };
        int maximum = _geometry.MaxPtesLimit;
        return settings.WithSizes(orders, _random.Next(6) == 0 ? SizeEnabled.Always : SizeEnabled.Madvise) with
        {
            MaxPtesNone = _random.Next(6) switch { 0 or 1 => 0, 2 or 3 => maximum, 4 => (maximum + 1) / 2 - _random.Next(2), _ => _random.Next(maximum + 1) },
            MaxPtesSwap = _random.Next(3) == 0 ? _random.Next(3) : maximum,
            MaxPtesShared = _random.Next(3) == 0 ? _random.Next(3) : maximum,
        };
    }

    // The PMD's order enabled, and each limit exactly what the table has, or one less.
    private ThpSettings AtTheLimits(ThpSettings settings, PageTable table)
    {
        int Limit(Func<Cell, bool> counts) => Math.Clamp(table.Cells.Count(counts) - (_random.Next(4) == 0 ? 1 : 0), 0, _geometry.MaxPtesLimit);
        return settings.WithSizes(settings.OrdersFor(advised: true).With(_geometry.PmdOrder), SizeEnabled.Madvise) with
        {
            MaxPtesNone = Limit(cell => cell.IsNoneOrZero),
            MaxPtesSwap = Limit(cell => cell.Kind is PteKind.Swap or PteKind.GuardMarker),
            MaxPtesShared = Limit(cell => cell.Has(CellFlags.Shared)),
        };
    }

    private VmaFlags Flags() => _random.Next(12) switch
    {
        0 => VmaFlags.UffdMissing,
        1 => VmaFlags.UffdWp,
        2 => VmaFlags.Locked,
        3 => VmaFlags.Droppable,
        _ => VmaFlags.None,
    };

    private ImmutableArray<ScriptedMishap> Mishaps()
    {
        if (_random.Next(5) > 0)
            return [];
        Mishap[] whats =
        [
            Mishap.AllocFails, Mishap.AllocFails, Mishap.ChargeFails, Mishap.CopyFails, Mishap.PageLocked, Mishap.PageOffLru, Mishap.SwapinFails, Mishap.SwapinRetries,
        ];
        int order = _random.Next(Geometry.MinOrder, _geometry.PmdOrder + 1);
        return [new ScriptedMishap(whats[_random.Next(whats.Length)], Order: _random.Next(2) == 0 ? order : null, Times: 1 + _random.Next(3))];
    }
}
