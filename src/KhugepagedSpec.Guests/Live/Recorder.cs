using System.Buffers.Binary;
using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Has a kernel do scenarios, several in the same passes if they share their settings, and writes down what it did.</summary>
/// <param name="kernel">The kernel.</param>
internal sealed class Recorder(LiveKernel kernel)
{
    // In the middle of a gigabyte: what lies beside a range shares its table of PMD entries, so that there is one.
    private const long FirstAddress = (1L << 44) + (1L << 29), AddressesEach = 1L << 34, PageBytes = 4096;

    private readonly Dictionary<int, string> _errors = [];

    /// <summary>Where the observed range of each scenario lies, so that there is room around it.</summary>
    /// <param name="index">Which scenario, from 0.</param>
    public static long AddressOf(int index) => FirstAddress + index * AddressesEach;

    /// <summary>What the kernel logged of itself in the last recording, if something was wrong.</summary>
    public Splat? Logged { get; private set; }

    /// <summary>The first thing in the tracepoints of the last recording that nothing is known of, and in which pass it was; null if there
    /// is none.</summary>
    public (int Pass, string What)? Strange { get; private set; }

    /// <summary>Records scenarios in the same passes.</summary>
    /// <param name="together">The scenarios: the same settings, kind and number of passes.</param>
    /// <returns>What the kernel did, in their order; null for one that could not be built, and why.</returns>
    /// <exception cref="GuestException">The guest hung or ended.</exception>
    public (RecordedVector? Vector, string Error)[] Record(IReadOnlyList<VectorInput> together)
    {
        var processes = together.Select((input, index) => new Process(input, index)).ToList();
        (Logged, Strange) = (null, null);
        kernel.ForgetWarnings();
        kernel.Fragment(Shortage.BlocksFrom(together[0].Faults, together[0].Settings.Geometry));

        // All become known to khugepaged first, in this order, whatever they do later that would have made them known too.
        kernel.ResetSizes();
        foreach (var process in processes)
            Take(process, (Shortage.IsOfCharge(process.Input.Faults) ? $"enter {process.Number}\n" : "") + process.Builder.Introduce());
        foreach (var process in processes)
            Take(process, process.Builder.Build());
        kernel.Enable(together[0].Settings);
        foreach (var process in processes)
            process.ProgramSlots = [.. Take(process, process.Builder.Register()).Where(part => part.Kind == 'n')
                .Select(part => Slots(part, process.Pages))];
        processes.RemoveAll(process => process.Error.Length > 0);
        foreach (var process in processes)
            process.Before = Look(process, earlier: null);
        bool isChargeShort = Shortage.IsOfCharge(together[0].Faults);
        if (isChargeShort)
            foreach (var process in processes)
                kernel.Take(process.Number, $"limit {process.Number}\n");
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
                Counters = process.Passes[^1].Counters with
                {
                    CgroupCollapseAllocs = charged,
                    WarnedOfMaxPtesNone = warned,
                },
            };
        if (isChargeShort)
            foreach (var process in processes)
                kernel.Take(0, $"set /cgroup/{process.Number}/memory.max max\nset /cgroup/{process.Number}/memory.swap.max max\n");
        foreach (var process in processes)
            process.WrongPages = CountWrong(process);
        kernel.EndProcesses(together.Count);
        kernel.ResetSizes();
        Logged = kernel.TakeSplat();
        return [.. together.Select((input, index) => processes.FirstOrDefault(process => process.Index == index) is { } process
            ? (process.Vector(), "")
            : ((RecordedVector?)null, _errors.GetValueOrDefault(index, "")))];
    }

    private (long[], Memory.Statistics?, string) Pass(List<Process> processes, (long[], Memory.Statistics?, string) before, int pass)
    {
        bool isKhugepaged = processes[0].Input.Kind == CollapseKind.Khugepaged;
        if (!isKhugepaged)
            foreach (var process in processes)
                process.Call(kernel.Take(process.Number, $"collapse {process.Address} {process.Pages}\n").Single().Data);
        var after = kernel.Observe(isKhugepaged ? "scan\n" : "");
        var counters = kernel.Added(before, after);
        var ranges = Ranges(after.Trace, processes[0].Input.Settings.Geometry, pass);
        foreach (var process in processes)
        {
            var (folios, table) = (process.Folios, Look(process, process.Seen));
            process.Passes.Add(new RecordedPass
            {
                Counters = counters,
                After = table,
                IsTraced = kernel.Abilities.HasProbes,
                Trace = !kernel.Abilities.HasProbes ? null :
                [
                    .. ranges.Where(process.Owns).SelectMany(range => range.Lines)
                        .Select(line => process.Trace.Of(line, folios, process.Folios)),
                ],
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
    private List<TracedRange> Ranges(string trace, Geometry geometry, int pass)
    {
        try
        {
            return TraceReader.Read(trace, geometry.PmdOrder, kernel.Abilities.Trace, kernel.Abilities.ProbesAttempts);
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

        Snapshot Beside(int first) =>
            new(
                kernel.Take(process.Number, $"snapshot {process.Address + first * PageBytes} {pages}\n").Single().Data,
                kernel.Abilities.TellsKsm);
    }

    private int CountWrong(Process process)
    {
        var after = process.Passes.Count > 0 ? process.Passes[^1].After : process.Before!;
        return (int)kernel.Take(process.Number, process.Builder.Check(after)).Sum(Number);
    }

    private static string Slots(AgentPart part, int pages)
    {
        var cells = new Cell[pages];
        for (int i = 0; i < pages; i++)
            cells[i] = PageMap.CellOf(BinaryPrimitives.ReadUInt64LittleEndian(part.Data.AsSpan(i * 8)), 0, 0, 0);
        return TableNotation.WriteSlots(new PageTable(Geometry.X86, [.. cells]));
    }

    private static long Number(AgentPart part) => BinaryPrimitives.ReadInt64LittleEndian(part.Data);

    // One scenario under way.
    private sealed class Process
    {
        public Process(VectorInput input, int index)
        {
            Input = input;
            Index = index;
            Address = AddressOf(index);
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

        public bool Owns(TracedRange range) => range.Address >= Address - AddressesEach / 2 && range.Address < Address + AddressesEach / 2;

        public IEnumerable<Attempt> AttemptsOf(TracedRange range) =>
            range.Attempts.Select(attempt => attempt.Offset == Attempt.UnknownOffset ? attempt
                : attempt with { Offset = attempt.Offset + (int)((range.Address - Address) / PageBytes) });

        public void Call(byte[] outcome)
        {
            Return = (int)BinaryPrimitives.ReadInt64LittleEndian(outcome);
            Errno = (int)BinaryPrimitives.ReadInt64LittleEndian(outcome.AsSpan(8));
        }

        public RecordedVector Vector() => new()
        {
            Input = Input,
            Before = Before!,
            Passes = [.. Passes],
            WrongPages = WrongPages,
            ProgramSlots = ProgramSlots,
            ThenSlots = ThenSlots,
            ThenAfter = Input.Then.Length > 0 ? 1 : 0,
        };
    }
}
