using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Invariants;

/// <summary>What repeated passes come to, and what they leave behind.</summary>
internal static class FixedPointInvariants
{
    public static Violation? Settles(History history)
    {
        if (history.Runs.Length < 2 || !IsSteady(history.Runs[0]))
            return null;
        var (first, second) = (history.Runs[0], history.Runs[1]);
        if (first.After.Pmd != second.After.Pmd)
            return new Violation(2, null, "the PMD entry changed again");
        for (int i = 0; i < first.After.Cells.Length; i++)
            if (!Windows.Same(first.After.Cells[i], second.After.Cells[i]))
                return new Violation(2, i, "changed again");
        return null;
    }

    public static Violation? Maximal(History history)
    {
        var run = history.Runs[0];
        if (!IsSteady(run) || run.Status is null || run.Attempts.IsEmpty)
            return null;
        bool fillsHoles = run.Settings.MaxPtesNone > 0;
        foreach (int order in run.Enabled.Orders().Reverse())
        {
            for (int offset = 0; offset < run.Geometry.Pages; offset += 1 << order)
            {
                if (!run.Vma.Covers(offset, offset + (1 << order)))
                    continue;
                var before = run.Before.CellsOf(offset, order);
                int pages = 0;
                foreach (var cell in before)
                    pages += cell.Kind == PteKind.Page ? 1 : 0;
                if ((fillsHoles ? pages > 0 : pages == before.Length) && run.After.Cells[offset].Order < order)
                    return new Violation(1, offset, $"{offset}/{order} could have been collapsed, and is not");
            }
            if (fillsHoles)
                break;
        }
        return null;
    }

    public static (int? Cell, string Why)? NoSecondAttempt(CollapseRun run)
    {
        if (run.Before.Pmd != PmdState.Table)
            return null;
        foreach (var attempt in run.Attempts)
        {
            if (!run.IsPmd(attempt) && IsOneFolio(run.Before.CellsOf(attempt), attempt.Order))
                return (attempt.Offset, $"{attempt.Name()} is tried, and is one folio already");
        }
        return null;
    }

    public static (int? Cell, string Why)? NothingLeftBehind(CollapseRun run)
    {
        bool scanSucceeded = !run.Attempts.IsEmpty;
        if (!scanSucceeded || run.HadFaults || run.After.Pmd != PmdState.Table)
            return null;
        foreach (int order in run.Enabled.Orders())
            for (int offset = 0; offset < run.Geometry.Pages; offset += 1 << order)
            {
                bool plain = run.Vma.Covers(offset, offset + (1 << order));
                foreach (var cell in run.After.CellsOf(offset, order))
                    plain &= Windows.IsPlain(cell);
                if (plain)
                    return (offset, $"{offset}/{order} is full of plain pages, and is left as it is");
            }
        return null;
    }

    private static bool IsOneFolio(ReadOnlySpan<Cell> cells, int order)
    {
        for (int i = 0; i < cells.Length; i++)
            if (cells[i].Kind != PteKind.Page || cells[i].Order != order || cells[i].Page != i)
                return false;
        return true;
    }

    // Plain pages, a supported limit, nobody in the way: the fixed points of the limits 0 and maximum.
    private static bool IsSteady(CollapseRun run) =>
        run.Kind == CollapseKind.Khugepaged && !run.HadFaults && !run.Vma.IsUffdArmed && Windows.IsPlain(run.Before)
        && (run.Settings.MaxPtesNone == 0 || run.Settings.MaxPtesNone == run.Geometry.MaxPtesLimit);
}
