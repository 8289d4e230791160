using System.Buffers.Binary;
using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
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
        var processes = together.Select((input, index) => new Process(input, index, Type)).ToList();
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
    private bool IsInGroup(Process process) =>
        Shortage.IsOfCharge(process.Input.Faults) || (CountsPages && kernel.Abilities.HasMemcg && process.Index == 0);

    private (long[], Memory.Statistics?, string) Pass(List<Process> processes, (long[], Memory.Statistics?, string) before, int pass)
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
            _audit.AfterPass(process.Number, pass + 1, process.Seen!, table);
            process.Passes.Add(new RecordedPass
            {
                Counters = counters,
                After = table,
                IsTraced = kernel.Abilities.HasProbes,
                Trace = !kernel.Abilities.HasProbes ? null : [.. ranges.Where(process.Owns).SelectMany(range => range.Lines)
                    .Select(line => process.Trace.Of(line, folios, process.Folios))],
                PmdMappedKb = process.PmdMappedKb,
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

    private List<AgentPart> Take(Process process, string steps)
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

    private PageTable Look(Process process, Snapshot? earlier)
    {
        var (first, pages) = (process.Address + process.First * PageBytes, process.End - process.First);
        var parts = kernel.Take(process.Number,
            $"snapshot {process.Address} {process.Pages}\nhuge {process.Address} {process.Pages}\nhuge {first} {pages}\n");
        process.Seen = new Snapshot(parts[0].Data, kernel.Abilities.TellsKsm);
        var table = process.Seen.Table(process.Input.Settings.Geometry, Number(parts[1]) > 0, earlier);

        // The huge zero page is no anonymous one.
        process.PmdMappedKb = (Number(parts[2]) - (table.Pmd == PmdState.HugeZero ? process.Pages : 0)) * PageBytes / 1024;
        process.Folios = Folios(process);
        return table;
    }

    // Where the neighbours' ranges are scanned too, their folios may be named as well.
    private Dictionary<ulong, int> Folios(Process process)
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

    private int CountWrong(Process process)
    {
        var after = process.Passes.Count > 0 ? process.Passes[^1].After : process.Before!;
        return (int)kernel.Take(process.Number, process.Builder.Check(after)).Sum(Number);
    }

    private static long Number(AgentPart part) => BinaryPrimitives.ReadInt64LittleEndian(part.Data);

    // One scenario under way.
    private sealed class Process
    {
        private readonly MachineType _machine;

        public Process(VectorInput input, int index, MachineType machine)
        {
            _machine = machine;
            Input = input;
            Index = index;
            Address = GuestRange.AddressOf(index, machine);
            Pages = input.Settings.Geometry.Pages;
            (First, End) = input.Extent;
            Builder = new TableBuilder(input, Address, (index + 1L) << 32);
        }

        public VectorInput Input { get; }

        public int Index { get; }

        public int Number => Index + 1;

        public long Address { get; }

        public int Pages { get; }

        public int First { get; }

        public int End { get; }

        public TableBuilder Builder { get; }

        public string Error { get; set; } = "";

        public PageTable? Before { get; set; }

        public Snapshot? Seen { get; set; }

        public long PmdMappedKb { get; set; }

        public Dictionary<ulong, int> Folios { get; set; } = [];

        public TraceNormalForm Trace { get; } = new();

        public int Return { get; private set; }

        public int Errno { get; private set; }

        public int WrongPages { get; set; }

        public string? ThenSlots { get; set; }

        public ImmutableArray<string> ProgramSlots { get; set; } = [];

        public List<RecordedPass> Passes { get; } = [];

        public bool Owns(TracedRange range) => Math.Abs(range.Address - Address) < GuestRange.BytesEach(_machine) / 2;

        public IEnumerable<Attempt> AttemptsOf(TracedRange range) =>
            range.Attempts.Select(attempt => attempt.Offset == Attempt.UnknownOffset ? attempt
                : attempt with { Offset = attempt.Offset + (int)((range.Address - Address) / _machine.PageBytes) });

        public void Call(byte[] outcome)
        {
            Return = (int)BinaryPrimitives.ReadInt64LittleEndian(outcome);
            Errno = (int)BinaryPrimitives.ReadInt64LittleEndian(outcome.AsSpan(8));
        }

        // Pages of folios that a collapse made and that are there still. What a fault swaps in is no such folio: Linux 7.2 and 7.3
        // (mm/memory.c, do_swap_page) leave it evictable in a VM_LOCKED VMA, until reclaim meets it.
        public List<(int Page, bool IsHead)> NewFolios()
        {
            var pages = new List<(int, bool)>();
            for (int i = 0; i < Pages && Passes.Count > 0; i++)
                if (Passes[^1].After.Cells[i] is { Kind: PteKind.Page, Order: > 0 } now
                    && Passes.Any(pass => pass.After.Cells[i] is { Order: > 0 } then && then.Has(CellFlags.New)
                        && pass.Attempts.Any(attempt => attempt.Collapsed(i))))
                    pages.Add((i, now.Page == 0));
            return pages;
        }

        public RecordedVector Vector(MachineType modelledAs) => new()
        {
            Input = Input with { Machine = modelledAs },
            Before = Before!,
            Passes = [.. Passes],
            WrongPages = WrongPages,
            ProgramSlots = ProgramSlots,
            ThenSlots = ThenSlots,
            ThenAfter = Input.Then.Length > 0 ? 1 : 0,
        };
    }
}
