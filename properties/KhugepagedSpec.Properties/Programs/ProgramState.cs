using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Properties.Programs;

/// <summary>A program under way: a machine with one process over two PMD ranges, later perhaps its child, and what each must
/// read.</summary>
public sealed class ProgramState
{
    private const int Ranges = 2;

    private readonly Daemon.Khugepaged _khugepaged;
    private readonly List<Subject> _subjects = [];
    private readonly HashSet<long> _written = [0, -1];
    private readonly Dictionary<(int Mm, long Start), ImmutableArray<CollapseRun>> _histories = [];

    public ProgramState(KhugepagedVersion version, int pmdOrder)
    {
        var geometry = new Geometry(pmdOrder);
        Machine = new Machine(version, ThpSettings.Defaults(geometry));
        _khugepaged = new Daemon.Khugepaged(Machine);
        var mm = Machine.AddProcess();
        mm.Add(new Vma(0, Pages, VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.HugePage, HasAnonVma: false));
        _subjects.Add(new Subject(Machine, mm, Pages));
    }

    public Machine Machine { get; }

    public IReadOnlyList<Subject> Subjects => _subjects;

    public int Pages => Ranges * Machine.Geometry.Pages;

    /// <summary>The passes since something else happened, by process and range.</summary>
    public IEnumerable<History> Histories => _histories.Values.Select(runs => new History(runs));

    public Subject? Find(int process) => process <= _subjects.Count ? _subjects[process - 1] : null;

    /// <summary>What a write left; nothing ever reads as expected if it was there before.</summary>
    public Expected Fresh(long contents) => _written.Add(contents) ? new Expected(contents) : Expected.Never;

    public void Set(OrderSet orders, int maxPtesNone) => Machine.Settings =
        ThpSettings.Defaults(Machine.Geometry).WithSizes(orders & Machine.Geometry.AnonOrders, SizeEnabled.Madvise) with
        {
            MaxPtesNone = Math.Min(maxPtesNone, Machine.Geometry.MaxPtesLimit),
        };

    public void Fork()
    {
        if (_subjects.Count > 1)
            return;
        var parent = _subjects[0];
        var mm = parent.Program.Fork(_ => true, flags => flags & ~(VmaFlags.Locked | VmaFlags.UffdMissing));
        var child = new Subject(Machine, mm, Pages);
        // The child keeps what was mapped: no swap entry, no marker.
        for (int page = 0; page < Pages; page++)
            child.Reads[page] = child.Read(page) == 0 ? Expected.Zero : parent.Reads[page];
        _subjects.Add(child);
    }

    public void Pass()
    {
        Machine.Memory.Clock++;
        Note(CollapseKind.Khugepaged, () => _khugepaged.Pass());
    }

    public void Collapse(int process)
    {
        if (Find(process) is not { } subject)
            return;
        Forget();
        Machine.Memory.Clock++;
        Note(CollapseKind.Madvise, () => Daemon.MadviseCollapse.Call(Machine, subject.Mm, subject.Vma, 0, Pages).Report);
        Forget();
    }

    /// <summary>Something else happened: no pass follows from the one before it.</summary>
    public void Forget() => _histories.Clear();

    private void Note(CollapseKind kind, Func<PassReport> pass)
    {
        int since = Machine.Memory.Clock - 1;
        var before = Look(int.MaxValue);
        var report = pass();
        var after = Look(since);
        foreach (var table in report.Tables)
        {
            // What another process's collapse unshared in this pass, nobody looked at in between.
            if (report.Tables.TakeWhile(other => other != table).Any(other => other.Mm != table.Mm && other.Status == ScanResult.Succeed))
                continue;
            var at = (table.Mm, table.Start);
            var run = new CollapseRun
            {
                Settings = Machine.Settings,
                Kind = kind,
                Vma = _subjects[table.Mm - 1].Vma,
                Enabled = table.Scan.Enabled,
                Before = before[at],
                After = after[at],
                Status = table.Status,
                Attempts = [.. table.Attempts],
                Added = report.Tables.Count == 1 ? report.Added : null,
                LeftTheTable = table.LeftTheTable,
            };
            _histories[at] = _histories.GetValueOrDefault(at, []).Add(run);
        }
    }

    private Dictionary<(int Mm, long Start), PageTable> Look(int bornAfter) =>
        _subjects.SelectMany(subject => Enumerable.Range(0, Ranges).Select(i => (subject.Mm, Start: (long)i * Machine.Geometry.Pages)))
            .ToDictionary(at => (at.Mm.Id, at.Start), at => TableImage.Read(Machine, at.Mm, at.Start, bornAfter));
}
