using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Checking;

/// <summary>How many histories showed each thing that makes a check worth something.</summary>
public sealed class InterestingShares
{
    private static readonly (string Name, Func<CollapseRun, bool> Shows)[] Things =
    [
        ("scan refused", run => run.Status is not null && run.Attempts.IsEmpty),
        ("collapsed at the PMD order", run => run.Collapsed.Any(run.IsPmd)),
        ("collapsed below it", run => run.Collapsed.Any(window => !run.IsPmd(window))),
        ("an attempt failed", run => run.Attempts.Any(attempt => attempt.Status != ScanResult.Succeed)),
        ("holes filled", run => run.Collapsed.Any(window => run.Before.CellsOf(window).Contains(Cell.None))),
        ("poisoned by the LRU batch", run => run.Attempts.Any(attempt => attempt.Status == ScanResult.PageCount)),
        ("swapped in", run => run.SwappedIn),
        ("uffd-armed and tried", run => run.Vma.IsUffdArmed && !run.Attempts.IsEmpty),
    ];

    private readonly int[] _counts = new int[Things.Length];
    private int _histories;

    /// <summary>Notes what a history shows.</summary>
    public void Note(History history)
    {
        _histories++;
        for (int i = 0; i < Things.Length; i++)
            if (history.Runs.Any(Things[i].Shows))
                _counts[i]++;
    }

    /// <summary>Each thing and its share, in percent.</summary>
    public IEnumerable<(string Name, double Percent)> Percentages() =>
        Things.Select((thing, i) => (thing.Name, _histories == 0 ? 0 : 100.0 * _counts[i] / _histories));

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(", ", Percentages().Select(share => string.Create(CultureInfo.InvariantCulture, $"{share.Name} {share.Percent:0.0}%")));
}
