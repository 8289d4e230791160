using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Has a kernel do scenarios, several in the same passes if they share their settings, and writes down what it did.</summary>
/// <param name="kernel">The kernel.</param>
internal sealed class Recorder(LiveKernel kernel)
{
    private readonly Dictionary<int, string> _errors = [];
    private Audit _audit = new(kernel);

    /// <summary>Pages are counted before and after.</summary>
    public bool CountsPages { get; init; }

    /// <summary>The first has a thread on another CPU that keeps writing to its pages while the passes go on.</summary>
    public bool HasWriter { get; init; }

    private MachineType Type => kernel.Abilities.Machine;
    private long PageBytes => Type.PageBytes;

    /// <summary>What the kernel logged of itself in the last recording, if something was wrong.</summary>
    public Splat? Logged { get; private set; }

    /// <summary>The first thing in the tracepoints of the last recording that nothing is known of, and in which pass it was; null if there
    /// is none.</summary>
    public (int Pass, string What)? Strange { get; private set; }

    /// <summary>What was wrong with the kernel's books in the last recording; null if nothing was.</summary>
    public Mismatch? Audited => _audit.Found;

    /// <summary>Records scenarios in the same passes.</summary>
    /// <param name="together">The scenarios: the same settings, kind and number of passes.</param>
    /// <returns>What the kernel did, in their order; null for one that could not be built, and why.</returns>
    /// <exception cref="GuestException">The guest hung or ended.</exception>
    public (RecordedVector? Vector, string Error)[] Record(IReadOnlyList<VectorInput> together)
    {
        var processes = together.Select((input, index) => new RecordedProcess(input, index, Type)).ToList();
        (Logged, Strange, _audit) = (null, null, new Audit(kernel));
        kernel.ForgetWarnings();
        kernel.Fragment(Shortage.BlocksFrom(together[0].Faults, together[0].Settings.Geometry));
        var levels = CountsPages ? kernel.Levels() : null;

        // All become known to khugepaged first, in this order, whatever they do later that would have made them known too.
        kernel.ResetSizes();
        foreach (var process in processes)
            Take(process, (IsInGroup(process) ? $"enter {process.Number}\n" : "") + process.Builder.Introduce());
        foreach (var process in processes)
            Take(process, process.Builder.Build());
        kernel.ReclaimNodes(together[0].Has("far"));
        kernel.Enable(together[0].Settings);
        foreach (var process in processes)
            process.ProgramSlots = [.. Take(process, process.Builder.Register()).Where(part => part.Kind == 'n')
                .Select(part => Snapshot.SlotsOf(part.Data, Type.Geometry))];
        processes.RemoveAll(process => process.Error.Length > 0);
        foreach (var process in processes)
            process.Before = Look(process, earlier: null);
        bool isChargeShort = Shortage.IsOfCharge(together[0].Faults);
        foreach (var process in processes.Where(_ => isChargeShort))
            kernel.Take(process.Number, $"limit {process.Number}\n");
        var written = processes.Find(process => HasWriter && process.Index == 0);
        if (written is not null)
            kernel.Take(written.Number, written.Builder.StartWriting(written.Before!));
        bool hadWarned = kernel.HasWarnedOfMaxPtesNone();
        long? charged = kernel.CgroupCollapseAllocs();
        var seen = kernel.Observe("");
        for (int pass = 0; pass < together[0].Passes && processes.Count > 0; pass++)
            seen = Pass(processes, seen, pass);
        charged = kernel.CgroupCollapseAllocs() - charged;
        bool? warned = hadWarned ? null : kernel.HasWarnedOfMaxPtesNone();
        foreach (var process in processes.Where(process => process.Passes.Count > 0))
            process.Passes[^1] = process.Passes[^1] with
            {
                Counters = process.Passes[^1].Counters with { CgroupCollapseAllocs = charged, WarnedOfMaxPtesNone = warned },
            };
        if (isChargeShort)
            foreach (var process in processes)
                kernel.Take(0, $"set /cgroup/{process.Number}/memory.max max\nset /cgroup/{process.Number}/memory.swap.max max\n");
        if (written is not null)
            _audit.OfWriter(written.Number, written.Passes.Count, kernel.Take(written.Number, "stop-writing\n").Single());

        // What is read now comes back from swap page by page.
        kernel.ResetSizes();
        foreach (var process in processes)
        {
            process.WrongPages = CountWrong(process);
            _audit.AtTheEnd(process.Number, process.Passes.Count, process.Builder.Range, process.Input, process.NewFolios());
        }
        kernel.EndProcesses(together.Count);
        if (levels is not null)
            _audit.AfterAll(levels, together[0].Passes, [.. processes.Where(IsInGroup).Select(process => process.Number)]);
        Logged = kernel.TakeSplat();
        return [.. together.Select((input, index) => processes.FirstOrDefault(process => process.Index == index) is { } process
            ? (process.Vector(kernel.Abilities.ModelledAs), "")
            : ((RecordedVector?)null, _errors.GetValueOrDefault(index, "")))];
    }

    // Of those that can be charged one at least, as entering a group takes long.
    private bool IsInGroup(RecordedProcess process) =>
        Shortage.IsOfCharge(process.Input.Faults) || (CountsPages && kernel.Abilities.HasMemcg && process.Index == 0);

    private (long[], Memory.Statistics?, string) Pass(
        List<RecordedProcess> processes, (long[], Memory.Statistics?, string) before, int pass)
    {
        bool isKhugepaged = processes[0].Input.Kind == CollapseKind.Khugepaged;
        if (!isKhugepaged)
            foreach (var process in processes)
                process.Call(kernel.Take(process.Number, $"collapse {process.Address} {process.Pages}\n").Single().Data);
        var after = kernel.Observe(isKhugepaged ? "scan\n" : "");
        var counters = kernel.Added(before, after);
        var ranges = Ranges(after.Trace, pass);
        foreach (var process in processes)
        {
            var (folios, table) = (process.Folios, Look(process, process.Seen));
            _audit.AfterPass(process.Number, pass + 1, process.Seen!, table, isLast: pass + 1 == process.Input.Passes);
            process.Passes.Add(new RecordedPass
            {
                Counters = counters,
                After = table,
                IsTraced = kernel.Abilities.HasProbes,
                Trace = !kernel.Abilities.HasProbes ? null : [.. ranges.Where(process.Owns).SelectMany(range => range.Lines)
                    .Select(line => process.Trace.Of(line, folios, process.Folios))],
                PmdMappedKb = process.PmdMappedKb,
                Progress = ProgressOf(process, ranges),
                Attempts = [.. ranges.Where(process.Owns).SelectMany(process.AttemptsOf)],
                Scans = [.. ranges.Where(process.Owns).Select(range => range.Scan).OfType<ScanLine>()],
                Return = isKhugepaged ? null : process.Return,
                Errno = isKhugepaged ? null : process.Errno,
            });
            if (pass > 0 || process.Input.Then.IsEmpty)
                continue;
            kernel.Take(process.Number, process.Builder.Then());
            process.ThenSlots = TableNotation.WriteSlots(Look(process, process.Seen));
        }
        return after;
    }

    // Its other VMAs are one each, as none of them was advised. A pass that ends at the second range that no folio is allocated
    // for may not come to them.
    private int? ProgressOf(RecordedProcess process, List<TracedRange> ranges)
    {
        if (!process.Input.Program.IsEmpty || !process.Input.Settings.OrdersFor(advised: false).IsEmpty
            || ranges.Count(range => process.AttemptsOf(range).Any(attempt => attempt.Status == ScanResult.AllocHugePageFail)) > 1
            || ranges.Find(range => process.Owns(range) && range.Progress is not null)?.Progress is not { } counted)
            return null;
        var (first, pages) = (process.Address + process.First * PageBytes, process.End - process.First);
        return counted - (process.OtherVmas ??= (int)kernel.Take(process.Number, $"others {first} {pages}\n").Single().Number);
    }

    // A kernel may have results of its own.
    private List<TracedRange> Ranges(string trace, int pass)
    {
        try
        {
            return TraceReader.Read(trace, Type, kernel.Abilities.Trace, kernel.Abilities.ProbesAttempts);
        }
        catch (FormatException error)
        {
            Strange ??= (pass + 1, error.Message);
            return [];
        }
    }

    private List<AgentPart> Take(RecordedProcess process, string steps)
    {
        if (process.Error.Length > 0)
            return [];
        var parts = kernel.Take(process.Number, steps, out string error);
        process.Error = error;
        if (error.Length == 0)
            return parts;
        _errors[process.Index] = error;
        kernel.ForgetSettings();
        return [];
    }

    private PageTable Look(RecordedProcess process, Snapshot? earlier)
    {
        var (first, pages) = (process.Address + process.First * PageBytes, process.End - process.First);
        var parts = kernel.Take(process.Number,
            $"snapshot {process.Address} {process.Pages}\nhuge {process.Address} {process.Pages}\nhuge {first} {pages}\n");
        process.Seen = new Snapshot(parts[0].Data, kernel.Abilities.TellsKsm);
        var table = process.Seen.Table(process.Input.Settings.Geometry, parts[1].Number > 0, earlier);

        // The huge zero page is no anonymous one.
        process.PmdMappedKb = (parts[2].Number - (table.Pmd == PmdState.HugeZero ? process.Pages : 0)) * PageBytes / 1024;
        process.Folios = Folios(process);
        return table;
    }

    // Where the neighbours' ranges are scanned too, their folios may be named as well.
    private Dictionary<ulong, int> Folios(RecordedProcess process)
    {
        var places = new Dictionary<ulong, int>();
        int pages = process.Pages;
        bool hasNeighbours = process.First <= -pages && process.End >= 2 * pages;
        if (hasNeighbours)
            Beside(-pages).AddFolios(places, -pages);
        process.Seen!.AddFolios(places, 0);
        if (hasNeighbours)
            Beside(pages).AddFolios(places, pages);
        return places;

        Snapshot Beside(int first) => new(
            kernel.Take(process.Number, $"snapshot {process.Address + first * PageBytes} {pages}\n").Single().Data,
            kernel.Abilities.TellsKsm);
    }

    private int CountWrong(RecordedProcess process)
    {
        var after = process.Passes.Count > 0 ? process.Passes[^1].After : process.Before!;
        return (int)kernel.Take(process.Number, process.Builder.Check(after)).Sum(part => part.Number);
    }
}
