using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Checking;

/// <summary>How many histories showed each thing that makes a check worth something.</summary>
public sealed class InterestingShares
{
    // What the first table is like, then what came of it in any pass.
    private static readonly ImmutableArray<(string Name, Func<History, bool> Shows)> Things =
    [
        ("a folio at an unnatural place",
            First(run => Any(run.Before, (cell, i) => cell.Order > 0 && ((i - cell.Page) & ((1 << cell.Order) - 1)) != 0))),
        ("a folio mapped in part", First(run => run.Before.Pmd == PmdState.Table && IsAnyMappedInPart(run.Before))),
        ("a full window but for one PTE", First(run => HasOneDefect(run.Before))),
        ("max_ptes_none met exactly", First(run => AboveNoneLimit(run) == 0)),
        ("max_ptes_none missed by one", First(run => AboveNoneLimit(run) == 1)),
        ("scan refused", Later(run => run.Status is not null && run.Attempts.IsEmpty)),
        ("collapsed at the PMD order", Later(run => run.Collapsed.Any(run.IsPmd))),
        ("collapsed below it", Later(run => run.Collapsed.Any(window => !run.IsPmd(window)))),
        ("an attempt failed", Later(run => run.Attempts.Any(attempt => attempt.Status != ScanResult.Succeed))),
        ("holes filled", Later(run => run.Collapsed.Any(window => run.Before.CellsOf(window).Contains(Cell.None)))),
        ("poisoned by the LRU batch", Later(run => run.Attempts.Any(attempt => attempt.Status == ScanResult.PageCount))),
        ("swapped in", Later(run => run.SwappedIn)),
        ("uffd-armed and tried", Later(run => run.Vma.IsUffdArmed && !run.Attempts.IsEmpty)),
    ];

    private readonly int[] _counts = new int[Things.Length];
    private int _histories;

    /// <summary>Names of everything that is counted.</summary>
    public static IEnumerable<string> Names => Things.Select(thing => thing.Name);

    /// <summary>Notes what a history shows.</summary>
    public void Note(History history)
    {
        _histories++;
        for (int i = 0; i < Things.Length; i++)
            if (Things[i].Shows(history))
                _counts[i]++;
    }

    /// <summary>Each thing and its share, in percent.</summary>
    public IEnumerable<(string Name, double Percent)> Percentages() =>
        Things.Select((thing, i) => (thing.Name, _histories == 0 ? 0 : 100.0 * _counts[i] / _histories));

    /// <summary>Whether enough of the histories showed a thing.</summary>
    /// <param name="name">The thing.</param>
    /// <param name="percent">The least share, 0 to 100.</param>
    /// <returns>Null if they did, else what is short.</returns>
    public string? Cover(string name, double percent)
    {
        double share = Percentages().Single(thing => thing.Name == name).Percent;
        return share >= percent ? null
            : string.Create(CultureInfo.InvariantCulture,
            $"'{name}' in {share:0.0}% of {_histories} histories: expected {percent}% or more");
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(", ", Percentages().Select(share => string.Create(CultureInfo.InvariantCulture, $"{share.Name} {share.Percent:0.0}%")));

    private static Func<History, bool> First(Func<CollapseRun, bool> shows) => history => shows(history.Runs[0]);

    private static Func<History, bool> Later(Func<CollapseRun, bool> shows) => history => history.Runs.Any(shows);

    private static bool Any(PageTable table, Func<Cell, int, bool> holds)
    {
        for (int i = 0; i < table.Cells.Length; i++)
            if (holds(table.Cells[i], i))
                return true;
        return false;
    }

    // A piece of a folio that does not begin with its first page, or does not go on to its last.
    private static bool IsAnyMappedInPart(PageTable table) => Any(table, (cell, i) =>
        cell.Order > 0
        && ((cell.Page > 0 && (i == 0 || !Follows(table.Cells[i - 1], cell)))
            || (cell.Page < (1 << cell.Order) - 1 && (i + 1 == table.Cells.Length || !Follows(cell, table.Cells[i + 1])))));

    private static bool Follows(Cell cell, Cell next) =>
        next.Kind == PteKind.Page && next.Order == cell.Order && next.Page == cell.Page + 1;

    private static bool HasOneDefect(PageTable table)
    {
        for (int order = Geometry.MinOrder + 1; order <= table.Geometry.PmdOrder; order++)
            for (int offset = 0; offset < table.Cells.Length; offset += 1 << order)
            {
                int defects = 0;
                foreach (var cell in table.CellsOf(offset, order))
                    defects += Windows.IsPlain(cell) ? 0 : 1;
                if (defects == 1)
                    return true;
            }
        return false;
    }

    // Empty PTEs beyond the limit; far below where the PMD's order is not enabled or the limit is the maximum.
    private static int AboveNoneLimit(CollapseRun run)
    {
        if (!run.Enabled.Contains(run.Geometry.PmdOrder) || run.Settings.MaxPtesNone == run.Geometry.MaxPtesLimit)
            return int.MinValue;
        int none = 0;
        foreach (var cell in run.Before.Cells)
            none += cell.IsNoneOrZero ? 1 : 0;
        return none - run.Settings.MaxPtesNone;
    }
}
