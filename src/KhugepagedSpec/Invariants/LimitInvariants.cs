using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Invariants;

/// <summary>What the three limits promise.</summary>
internal static class LimitInvariants
{
    public static Violation? NoCreep(History history)
    {
        var first = history.Runs[0];
        if (first.Kind != CollapseKind.Khugepaged || first.Before.Pmd != PmdState.Table)
            return null;
        for (int pass = 0; pass < history.Runs.Length; pass++)
        {
            int filled = 0;
            for (int i = 0; i < first.Before.Cells.Length; i++)
                if (first.Before.Cells[i].IsNoneOrZero && !history.Runs[pass].After.Cells[i].IsNoneOrZero && !IsOthers(history, pass, i))
                    filled++;
            if (filled > first.Settings.MaxPtesNone)
                return new Violation(pass + 1, null, $"{filled} empty PTEs filled so far, max_ptes_none is {first.Settings.MaxPtesNone}");
        }
        return null;
    }

    public static (int? Cell, string Why)? NoSwapOrSharedBelowPmd(CollapseRun run, Attempt window)
    {
        if (run.IsPmd(window))
            return null;
        var cells = run.CellsFoundBy(window);
        for (int i = 0; i < cells.Length; i++)
        {
            if (cells[i].Kind == PteKind.Swap && !SwappedInAtPmd(run))
                return (window.Offset + i, $"{window.Name()} collapsed over a swap entry");
            if (cells[i].Kind == PteKind.Page && cells[i].Has(CellFlags.Shared))
                return (window.Offset + i, $"{window.Name()} collapsed over a shared page");
        }
        return null;
    }

    public static (int? Cell, string Why)? PmdLimits(CollapseRun run, Attempt window)
    {
        if (!run.IsPmd(window) || run.Kind != CollapseKind.Khugepaged)
            return null;
        int none = 0, swap = 0, shared = 0;
        foreach (var cell in run.CellsFoundBy(window))
        {
            none += cell.IsNoneOrZero ? 1 : 0;
            shared += cell.Has(CellFlags.Shared) ? 1 : 0;
        }
        // What was swapped out since the scan is not counted again.
        foreach (var cell in run.Before.Cells)
            swap += cell.IsNoneOrZero || cell.Kind is PteKind.Page or PteKind.Special or PteKind.ZoneDevice ? 0 : 1;
        return none > run.Settings.MaxPtesNone ? (null, $"{none} empty PTEs, max_ptes_none is {run.Settings.MaxPtesNone}")
            : swap > run.Settings.MaxPtesSwap ? (null, $"{swap} swapped PTEs, max_ptes_swap is {run.Settings.MaxPtesSwap}")
            : shared > run.Settings.MaxPtesShared ? (null, $"{shared} shared PTEs, max_ptes_shared is {run.Settings.MaxPtesShared}")
            : null;
    }

    public static (int? Cell, string Why)? HolesBelowPmd(CollapseRun run, Attempt window)
    {
        if (run.IsPmd(window) || run.Settings.MaxPtesNone == run.Geometry.MaxPtesLimit)
            return null;
        var cells = run.CellsFoundBy(window);
        for (int i = 0; i < cells.Length; i++)
            if (cells[i].IsNoneOrZero)
                return (window.Offset + i, $"{window.Name()} filled an empty PTE under max_ptes_none {run.Settings.MaxPtesNone}");
        return null;
    }

    // Filled by others: in a gap of an attempt, or between passes.
    private static bool IsOthers(History history, int pass, int cell)
    {
        for (int i = 0; i <= pass; i++)
            if (history.Runs[i].IsChangedByOthers(cell)
                || (i > 0 && history.Runs[i].Before.Cells[cell].IsNoneOrZero != history.Runs[i - 1].After.Cells[cell].IsNoneOrZero))
                return true;
        return false;
    }

    // What an attempt at the PMD order brought back is no swap entry any more when the lower orders come.
    private static bool SwappedInAtPmd(CollapseRun run) =>
        run.Attempts.Any(attempt => run.IsPmd(attempt) && attempt.Swapin is { SwappedIn: > 0 });
}
