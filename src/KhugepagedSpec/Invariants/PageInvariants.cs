using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Invariants;

/// <summary>What becomes of the pages.</summary>
internal static class PageInvariants
{
    public static (int? Cell, string Why)? UffdKeepsHoles(CollapseRun run)
    {
        if (run.Before.Pmd != PmdState.Table)
            return null;
        for (int i = 0; run.Vma.IsUffdArmed && i < run.Before.Cells.Length; i++)
            if (run.Before.Cells[i].IsNoneOrZero && !run.After.Cells[i].IsNoneOrZero && !run.IsChangedByOthers(i))
                return (i, "an empty PTE of a uffd-armed VMA was filled");
        if (run.ArmedFrom is not { } from)
            return null;
        foreach (var window in run.Attempts.Skip(from).Where(attempt => attempt.Status == ScanResult.Succeed))
        {
            var cells = run.CellsFoundBy(window);
            for (int i = 0; i < cells.Length; i++)
                if (cells[i].IsNoneOrZero)
                    return (window.Offset + i, $"{window.Name()} filled an empty PTE of a VMA that was armed after the scan");
        }
        return null;
    }

    public static (int? Cell, string Why)? ContentsPreserved(CollapseRun run) =>
        run.FirstContentsLost is { } cell and >= 0 ? (cell, "reads differently than before") : null;

    public static (int? Cell, string Why)? NeighboursPreserved(CollapseRun run)
    {
        if (run.Before.Pmd != PmdState.Table)
            return null;
        for (int i = 0; i < run.Before.Cells.Length; i++)
        {
            var (before, after) = (run.Before.Cells[i], run.After.Cells[i]);
            bool broughtBack = run.SwappedIn && !before.IsNoneOrZero
                && before.Kind is not (PteKind.Page or PteKind.Special or PteKind.ZoneDevice);
            if (!Windows.Same(before, after) && !run.IsCollapsed(i) && !broughtBack && !run.IsChangedByOthers(i))
                return (i, "changed, and lies in no collapsed window");
        }
        return null;
    }

    public static (int? Cell, string Why)? FailureChangesNothing(CollapseRun run)
    {
        if (run.Collapsed.Any() || run.SwappedIn)
            return null;
        if (run.Before.Pmd != run.After.Pmd && run.Changes.IsEmpty)
            return (null, $"the PMD entry was {run.Before.Pmd}, is {run.After.Pmd}, and nothing was collapsed");
        for (int i = 0; i < run.Before.Cells.Length; i++)
            if (!Windows.Same(run.Before.Cells[i], run.After.Cells[i]) && !run.IsChangedByOthers(i))
                return (i, "changed, and nothing was collapsed");
        return null;
    }

    public static (int? Cell, string Why)? OddPtesStay(CollapseRun run, Attempt window)
    {
        var cells = run.CellsFoundBy(window);
        for (int i = 0; i < cells.Length; i++)
            if (OddityOf(run, run.AsRead(cells[i], window.Offset + i), window) is { } oddity)
                return (window.Offset + i, $"{window.Name()} collapsed over {oddity}");
        return null;
    }

    public static (int? Cell, string Why)? NoDemotion(CollapseRun run, Attempt window)
    {
        if (run.IsPmd(window))
            return null;
        var cells = run.CellsFoundBy(window);
        for (int i = 0; i < cells.Length; i++)
            if (cells[i].Kind == PteKind.Page && cells[i].Order >= window.Order)
                return (window.Offset + i, $"{window.Name()} replaced a page of a folio of order {cells[i].Order}");
        return null;
    }

    public static (int? Cell, string Why)? OneWholeFolio(CollapseRun run, Attempt window)
    {
        if (IsChangedLater(run, window))
            return null;
        if (run.IsPmd(window) && run.After.Pmd != PmdState.Huge)
            return (null, $"{window.Name()} collapsed, and the PMD entry maps no huge page");
        var cells = run.After.CellsOf(window);
        for (int i = 0; i < cells.Length; i++)
        {
            var cell = cells[i];
            if (cell.Kind != PteKind.Page || cell.Order != window.Order || cell.Page != i || !cell.Has(CellFlags.Young | CellFlags.New)
                || (cell.Flags & (CellFlags.Shared | CellFlags.UffdWp | CellFlags.Pinned)) != 0)
            {
                return (window.Offset + i, $"{window.Name()} collapsed, and this is not page {i} of a whole new folio");
            }
        }
        return null;
    }

    public static (int? Cell, string Why)? Referenced(CollapseRun run, Attempt window)
    {
        // Pages swapped in, or back from elsewhere, come in young.
        if (run.Kind != CollapseKind.Khugepaged || run.SwappedIn)
            return null;
        foreach (var cell in run.CellsFoundBy(window))
            if (cell.Kind == PteKind.Page
                && (cell.Has(CellFlags.Young) || cell.Has(CellFlags.Referenced) || cell.Has(CellFlags.SecondaryYoung)))
                return null;
        return (window.Offset, $"{window.Name()} collapsed, and nothing in it was referenced");
    }

    private static bool IsChangedLater(CollapseRun run, Attempt window)
    {
        int index = run.Changes.IsEmpty ? -1 : run.Attempts.IndexOf(window);
        foreach (var change in run.Changes)
            if (change.Attempt > index && change.Index >= window.Offset && change.Index < window.Offset + (1 << window.Order))
                return true;
        return false;
    }

    private static string? OddityOf(CollapseRun run, Cell cell, Attempt window) => cell.Kind switch
    {
        PteKind.None or PteKind.ZeroPage or PteKind.Swap => null,
        PteKind.Migration or PteKind.DeviceExclusive or PteKind.DevicePrivate =>
            run.IsPmd(window) || run.SwappedIn ? null : "an entry that is no swap entry",
        PteKind.Page => cell switch
        {
            _ when cell.Has(CellFlags.UffdWp) => "a uffd-wp page",
            _ when cell.Has(CellFlags.Pinned) => "a pinned page",
            _ when cell.Has(CellFlags.Locked) => "a locked page",
            _ when cell.Has(CellFlags.OffLru) => "a page that is on no LRU list",
            _ when cell.Has(CellFlags.NotAnon) => "a page that is not anonymous",
            _ when cell.Has(CellFlags.LazyFree) && !cell.Has(CellFlags.Dirty) && run.Kind == CollapseKind.Khugepaged
                && !run.Vma.Has(VmaFlags.Droppable) => "a lazyfree page",
            _ => null,
        },
        _ => $"a {cell.Kind} entry",
    };
}
