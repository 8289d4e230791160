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
        Build(processes, process => (IsInGroup(process) ? $"enter {process.Number}\n" : "") + process.Builder.Introduce());
        Build(processes, process => process.Builder.Build());
        kernel.ReclaimNodes(together[0].Has("far"));
        kernel.Enable(together[0].Settings);
        foreach (var (process, parts) in Build(processes, process => process.Builder.Register()))
            process.ProgramSlots = [.. parts.Where(part => part.Kind == 'n').Select(part => Snapshot.SlotsOf(part.Data, Type.Geometry))];
        foreach (var (process, table, _) in Look(processes))
            process.Before = table;
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
        AtTheEnd(processes);
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
            foreach (var (process, parts) in TakeEach(processes, process => $"collapse {process.Address} {process.Pages}\n"))
                process.Call(parts.Single().Data);
        var after = kernel.Observe(isKhugepaged ? "scan\n" : "");
        var counters = kernel.Added(before, after);
        var ranges = Ranges(after.Trace, pass);
        var counted = processes.ToDictionary(process => process, process => CountedBy(process, ranges));
        var folios = processes.ToDictionary(process => process, process => process.Folios);
        string audited = pass + 1 == processes[0].Input.Passes ? _audit.StepsAfterPasses : "";
        foreach (var (process, table, others) in Look(processes, process =>
            audited + (counted[process] is null || process.OtherVmas is not null ? "" : Others(process))))
        {
            AgentPart? rss = audited.Length > 0 ? others[0] : null;
            if (others.Count > (rss is null ? 0 : 1))
                process.OtherVmas = (int)others[^1].Number;
            _audit.AfterPass(process.Number, pass + 1, process.Seen!, table, rss);
            process.Passes.Add(new RecordedPass
            {
                Counters = counters,
                After = table,
                IsTraced = kernel.Abilities.HasProbes,
                Trace = !kernel.Abilities.HasProbes ? null : [.. ranges.Where(process.Owns).SelectMany(range => range.Lines)
                    .Select(line => process.Trace.Of(line, folios[process], process.Folios))],
                PmdMappedKb = process.PmdMappedKb,
                Progress = counted[process] - process.OtherVmas,
                Attempts = [.. ranges.Where(process.Owns).SelectMany(process.AttemptsOf)],
                Scans = [.. ranges.Where(process.Owns).Select(range => range.Scan).OfType<ScanLine>()],
                Return = isKhugepaged ? null : process.Return,
                Errno = isKhugepaged ? null : process.Errno,
            });
        }
        var going = processes.Where(process => pass == 0 && !process.Input.Then.IsEmpty).ToList();
        kernel.TakeEach(going.Select(process => (process.Number, process.Builder.Then())));
        foreach (var (process, table, _) in Look(going))
            process.ThenSlots = TableNotation.WriteSlots(table);
        return after;
    }

    // What a pass counted for the process and all of its VMAs. A pass that ends at the second range that no folio is allocated for may not
    // come to them.
    private static int? CountedBy(RecordedProcess process, List<TracedRange> ranges) =>
        !process.Input.Program.IsEmpty || !process.Input.Settings.OrdersFor(advised: false).IsEmpty
        || ranges.Count(range => process.AttemptsOf(range).Any(attempt => attempt.Status == ScanResult.AllocHugePageFail)) > 1
            ? null : ranges.Find(range => process.Owns(range) && range.Progress is not null)?.Progress;

    // Its other VMAs are one each, as none of them was advised.
    private string Others(RecordedProcess process) =>
        $"others {process.Address + process.First * PageBytes} {process.End - process.First}\n";

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

    // Those that cannot be built are left out from then on.
    private List<(RecordedProcess Process, List<AgentPart> Parts)> Build(
        List<RecordedProcess> processes, Func<RecordedProcess, string> steps)
    {
        var built = new List<(RecordedProcess Process, List<AgentPart>)>();
        foreach (var (process, (parts, error)) in processes.Zip(
            kernel.TryEach(processes.Select(process => (process.Number, steps(process))))))
            if (error.Length == 0)
                built.Add((process, parts));
            else
            {
                _errors[process.Index] = error;
                kernel.ForgetSettings();
            }
        processes.Clear();
        processes.AddRange(built.Select(one => one.Process));
        return built;
    }

    private IEnumerable<(RecordedProcess Process, List<AgentPart> Parts)> TakeEach(
        List<RecordedProcess> processes, Func<RecordedProcess, string> steps) =>
        processes.Zip(kernel.TakeEach(processes.Select(process => (process.Number, steps(process)))));

    // With the answers to what else each is asked for.
    private IEnumerable<(RecordedProcess Process, PageTable Table, List<AgentPart> Others)> Look(
        List<RecordedProcess> processes, Func<RecordedProcess, string>? andAlso = null)
    {
        foreach (var (process, parts) in TakeEach(processes, process => LookSteps(process) + andAlso?.Invoke(process)))
        {
            int own = HasNeighbours(process) ? 5 : 3;
            yield return (process, TableOf(process, parts[..own]), parts[own..]);
        }
    }

    private string LookSteps(RecordedProcess process)
    {
        var (address, pages) = (process.Address, process.Pages);
        string own = $"snapshot {address} {pages}\nhuge {address} {pages}\n"
            + $"huge {address + process.First * PageBytes} {process.End - process.First}\n";
        return !HasNeighbours(process) ? own
            : $"{own}snapshot {address - pages * PageBytes} {pages}\nsnapshot {address + pages * PageBytes} {pages}\n";
    }

    // Where the neighbours' ranges are scanned too, their folios may be named as well.
    private static bool HasNeighbours(RecordedProcess process) => process.First <= -process.Pages && process.End >= 2 * process.Pages;

    private PageTable TableOf(RecordedProcess process, List<AgentPart> parts)
    {
        var earlier = process.Seen;
        process.Seen = Seen(0);
        var table = process.Seen.Table(process.Input.Settings.Geometry, parts[1].Number > 0, earlier);

        // The huge zero page is no anonymous one.
        process.PmdMappedKb = (parts[2].Number - (table.Pmd == PmdState.HugeZero ? process.Pages : 0)) * PageBytes / 1024;
        process.Folios = [];
        if (parts.Count > 3)
            Seen(3).AddFolios(process.Folios, -process.Pages);
        process.Seen.AddFolios(process.Folios, 0);
        if (parts.Count > 3)
            Seen(4).AddFolios(process.Folios, process.Pages);
        return table;

        Snapshot Seen(int part) => new(parts[part].Data, kernel.Abilities.TellsKsm);
    }

    private void AtTheEnd(List<RecordedProcess> processes)
    {
        kernel.DrainOfDaemon();
        var folios = processes.ToDictionary(process => process, process => process.NewFolios());
        foreach (var (process, parts) in TakeEach(processes, process =>
            process.Builder.Check(process.Passes.Count > 0 ? process.Passes[^1].After : process.Before!)
                + Audit.StepsAtTheEnd(process.Builder.Range, process.Input, folios[process])))
        {
            process.WrongPages = (int)parts.Where(part => part.Kind == 'w').Sum(part => part.Number);
            _audit.AtTheEnd(process.Number, process.Passes.Count, process.Input, folios[process],
                [.. parts.Where(part => part.Kind != 'w')]);
        }
    }
}
