using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Invariants;

/// <summary>Ways to speak of windows and their cells.</summary>
public static class Windows
{
    /// <summary>The cells of a window; fewer if a mistaken walk ran past the table.</summary>
    public static ReadOnlySpan<Cell> CellsOf(this PageTable table, Attempt window) => table.CellsOf(window.Offset, window.Order);

    /// <summary>The cells of a window; fewer if a mistaken walk ran past the table.</summary>
    public static ReadOnlySpan<Cell> CellsOf(this PageTable table, int offset, int order) =>
        table.Cells.AsSpan().Slice(offset, Math.Min(1 << order, table.Cells.Length - offset));

    /// <summary>The cells of a window as an attempt at it found them: as the scan saw them, but for what others changed up to
    /// then.</summary>
    public static ReadOnlySpan<Cell> CellsFoundBy(this CollapseRun run, Attempt window)
    {
        var seen = run.Before.CellsOf(window);
        if (run.Changes.IsEmpty)
            return seen;
        var found = seen.ToArray();
        int index = run.Attempts.IndexOf(window);
        foreach (var change in run.Changes)
            if (change.Attempt <= index && change.Index >= window.Offset && change.Index < window.Offset + found.Length)
                found[change.Index - window.Offset] = change.Cell;
        return found;
    }

    /// <summary>A cell with the accessed and dirty bits that a read of its PTE gives on this machine.</summary>
    public static Cell AsRead(this CollapseRun run, Cell cell, int index)
    {
        int order = run.Machine.SharedBitsOrder;
        const CellFlags shared = CellFlags.Young | CellFlags.Dirty;
        if (order == 0 || cell.Order < order || run.Before.Cells.Length < 1 << order)
            return cell;
        var block = run.Before.CellsOf(index >> order << order, order);
        if ((block[0].Page & (block.Length - 1)) != 0 || block[0].Order < order)
            return cell;
        var read = cell.Flags;
        for (int i = 0; i < block.Length; i++)
        {
            if (block[i] != block[0] with { Flags = block[i].Flags, Page = (ushort)(block[0].Page + i) })
                return cell;
            read |= block[i].Flags & shared;
        }
        return cell with { Flags = read };
    }

    /// <summary>Others changed the PTE during the pass.</summary>
    public static bool IsChangedByOthers(this CollapseRun run, int cell)
    {
        foreach (var change in run.Changes)
            if (change.Index == cell)
                return true;
        return false;
    }

    /// <summary>As <c>offset/order</c>.</summary>
    public static string Name(this Attempt window) => $"{window.Offset}/{window.Order}";

    /// <summary>The window covers the PMD range.</summary>
    public static bool IsPmd(this CollapseRun run, Attempt window) => window.Order == run.Geometry.PmdOrder;

    /// <summary>A private, plain page that was referenced: nothing keeps it from being collapsed.</summary>
    public static bool IsPlain(Cell cell) =>
        cell.Kind == PteKind.Page && cell.Order == 0
        && (cell.Flags & ~(CellFlags.Young | CellFlags.Dirty | CellFlags.ZeroFilled | CellFlags.New)) == 0 && cell.Has(CellFlags.Young);

    /// <summary>The table holds nothing but plain pages, holes and zero pages.</summary>
    public static bool IsPlain(PageTable table)
    {
        if (table.Pmd != PmdState.Table)
            return false;
        foreach (var cell in table.Cells)
            if (!cell.IsNoneOrZero && !IsPlain(cell))
                return false;
        return true;
    }

    /// <summary>The two cells are the same but for the folio being newly seen.</summary>
    public static bool Same(Cell before, Cell after) =>
        before with { Flags = before.Flags & ~CellFlags.New } == after with { Flags = after.Flags & ~CellFlags.New };

    /// <summary>True if the cell lies in a collapsed window.</summary>
    public static bool IsCollapsed(this CollapseRun run, int cell)
    {
        foreach (var window in run.Collapsed)
            if (window.Offset <= cell && cell < window.Offset + (1 << window.Order))
                return true;
        return false;
    }
}
