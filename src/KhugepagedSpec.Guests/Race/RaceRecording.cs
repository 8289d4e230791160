using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Race;

/// <summary>A guest in which khugepaged and others race for a few PMD ranges, and all of it is recorded.</summary>
public sealed class RaceRecording : IDisposable
{
    private const string Tracing = "/sys/kernel/tracing", Thp = "/sys/kernel/mm/transparent_hugepage";
    private const string Pause = $"{Thp}/khugepaged/scan_sleep_millisecs";
    private const long Base = 1L << 40;
    private const int Racer = 1, SliceMilliseconds = 500, MostBufferKb = 131072;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly GuestKernel _guest;
    private readonly ProbeSet? _probes;
    private readonly int _bufferKb, _cpus;

    private RaceRecording(GuestKernel guest, GuestMachine machine)
    {
        _guest = guest;
        _cpus = machine.Cpus;
        _bufferKb = Math.Min(MostBufferKb, machine.MemoryMegabytes * 1024 / 4 / _cpus);
        Abilities = KernelAbilities.FromGreeting(_guest.Greeting);
        if (Abilities is { HasProbes: true, HasEvents: true })
            _probes = ProbeSet.On(Functions(), Code, line => Try($"append {Tracing}/kprobe_events {line}"));
    }

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities { get; }

    /// <summary>Boots a kernel and sets the probes.</summary>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static RaceRecording Boot(CachedKernel kernel)
    {
        var machine = kernel.Machine with { Cpus = Math.Max(2, kernel.Machine.Cpus) };
        return GuestKernel.Boot(kernel with { Machine = machine }, Patience, guest => new RaceRecording(guest, machine));
    }

    /// <summary>Races, and writes the trace.</summary>
    /// <param name="plan">The race; its actors are possible on this kernel.</param>
    /// <param name="to">Where the trace goes.</param>
    /// <param name="advance">Told of each second.</param>
    /// <param name="cancellation">Ends all of it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled; what was written is a part.</exception>
    /// <exception cref="GuestException">The guest does not answer, or a step failed.</exception>
    public RaceOutcome Run(RacePlan plan, TextWriter to, Action advance, CancellationToken cancellation)
    {
        var probes = _probes ?? throw new InvalidOperationException("the kernel has no probes");
        var enabled = plan.Enabled ?? (Abilities.CollapsesToMthp ? OrderSet.Empty.With(2).With(4) : OrderSet.Empty.With(9));
        string actors = string.Join(' ', plan.Actors.Select(actor => actor.Name));
        string threads = Text(_guest.Take(Racer, $"race prepare {Base} {plan.Ranges} {plan.Seed} {actors}\n"));
        Prepare(enabled, threads);
        foreach (var hold in plan.Holds)
            Hold(hold);
        var roles = Roles(threads);
        Head(to, plan, enabled, threads, roles, probes);
        string ends = Race(plan.Seconds, advance, cancellation);
        var coverage = new RaceCoverage(roles);
        to.Write("== trace\n");
        Lines($"{Tracing}/trace", line =>
        {
            cancellation.ThrowIfCancellationRequested();
            to.Write(line + "\n");
            coverage.Count(line);
        });
        long lost = Tail(to, ends);
        var words = ends.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToList();
        return new RaceOutcome(Abilities.FullName, plan, enabled, probes, coverage, lost,
            Number(words.Single(line => line[0] == "wrong")[2]),
            [.. words.Where(line => line[0] == "ops").Select(line => (line[1], Number(line[2])))]);
    }

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _guest.Dispose();

    private void Prepare(OrderSet enabled, string threads)
    {
        var steps = new StepWriter(MachineType.X86);
        foreach (int order in Geometry.X86.AnonOrders.Orders())
            steps.SetSize(order, enabled.Contains(order) ? "madvise" : "never");
        foreach (var (file, value) in new[]
        {
            ("enabled", "madvise"), ("use_zero_page", "0"), ("defrag", "defer"), ("khugepaged/defrag", "1"),
            ("khugepaged/pages_to_scan", "4096"),
            ("khugepaged/alloc_sleep_millisecs", "0"), ("khugepaged/max_ptes_none", "0"),
        })
            steps.SetThp(file, value);
        foreach (var (file, value) in new[]
        {
            ("tracing_on", "0"), ("trace_clock", "counter"), ("options/overwrite", "0"), ("options/event-fork", "1"),
            ("options/hash-ptr", "0"),
            ("buffer_size_kb", $"{_bufferKb}"), ("set_event_pid", string.Join(' ', Roles(threads).Select(role => role.Thread))),
            ("events/k/enable", "1"), ("events/mmap_lock/enable", "1"), ("events/huge_memory/enable", "1"), ("trace", "0"),
        })
            steps.Set($"{Tracing}/{file}", value);
        _guest.Take(0, steps.Take());
    }

    private void Hold(RaceHold hold)
    {
        _guest.Take(Racer, $"race hold {hold.Probe} {hold.Microseconds}\n", out string error);
        if (error.Length > 0)
            throw new GuestUnavailableException($"Linux {Abilities.Release} cannot be held at {hold.Probe}: {error}");
    }

    private string Race(int seconds, Action advance, CancellationToken cancellation)
    {
        // A probe is set or taken away once every task has slept, which a khugepaged without pause does not.
        const int slicesASecond = 1000 / SliceMilliseconds;
        _guest.Take(0, $"set {Tracing}/tracing_on 1\nset {Pause} 0\n");
        _guest.Take(Racer, "race go\n");
        for (int done = 1; done <= seconds * slicesASecond; done++)
        {
            cancellation.ThrowIfCancellationRequested();
            _guest.Take(Racer, $"race wait {SliceMilliseconds}\n");
            if (done % slicesASecond == 0)
                advance();
        }
        _guest.Take(0, $"set {Tracing}/tracing_on 0\nset {Pause} 100000000\n");
        return Text(_guest.Take(Racer, "race stop\n"));
    }

    private void Head(TextWriter to, RacePlan plan, OrderSet enabled, string threads, List<(string Role, int Thread)> roles,
        ProbeSet probes)
    {
        string actors = string.Join(',', plan.Actors.Select(actor => actor.Name));
        to.Write($"== settings\nkernel {Abilities.FullName}\ncpus {_cpus}\nclock counter\nseed {plan.Seed}\nseconds {plan.Seconds}\n");
        to.Write($"actors {actors}\norders {string.Join(' ', enabled.Orders())}\nmax_ptes_none 0\nbuffer_kb {_bufferKb}\n");
        to.Write($"== threads\n{threads}");
        to.Write($"== base\nbase 0x{Base:x} ranges {plan.Ranges} pid {roles.First(role => role.Role == "main").Thread}\n");
        foreach (var hold in plan.Holds)
            to.Write($"hold {hold.Probe} {hold.Microseconds}\n");
        to.Write("== probes\n");
        foreach (string line in probes.Set)
            to.Write($"{line}\n");
        foreach (var (name, why) in probes.Missing)
            to.Write($"missing {name}: {why}\n");
    }

    private long Tail(TextWriter to, string ends)
    {
        long lost = 0;
        for (int cpu = 0; cpu < _cpus; cpu++)
        {
            string text = Text(_guest.Take(0, $"file {Tracing}/per_cpu/cpu{cpu}/stats\n"));
            to.Write($"== cpu{cpu}\n{text}");
            lost += text.Split('\n').Select(line => line.Split(": "))
                .Where(line => line[0] is "overrun" or "commit overrun" or "dropped events").Sum(line => Number(line[1]));
        }
        to.Write($"== operations\n{ends}== end\n");
        return lost;
    }

    private KernelText Functions()
    {
        var lines = new List<string>();
        Lines("/proc/kallsyms", lines.Add);
        return new KernelText(lines);
    }

    private byte[]? Code((ulong Start, int Length) extent) => new KernelCore(Words).Read(extent.Start, extent.Length);

    private ulong[] Words(ulong first, int count)
    {
        var parts = _guest.Take(0, FormattableString.Invariant($"words /proc/kcore {first} {count}\n"), out string error);
        if (error.Length > 0 || parts.Count != 1)
            return [];
        byte[] data = parts[0].Data;
        return [.. Enumerable.Range(0, data.Length / 8).Select(at => BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(at * 8)))];
    }

    private string Try(string step)
    {
        _guest.Take(0, step + "\n", out string error);
        return error.Length == 0 ? "" : error[(error.LastIndexOf(": ", StringComparison.Ordinal) + 2)..];
    }

    private static List<(string Role, int Thread)> Roles(string threads) =>
        [.. threads.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')).Select(words => (words[0], (int)Number(words[1])))];

    // Parts end anywhere.
    private void Lines(string path, Action<string> line)
    {
        var unfinished = new StringBuilder();
        string error = _guest.Take(0, $"stream {path}\n", part =>
        {
            string[] lines = Encoding.ASCII.GetString(part.Data).Split('\n');
            foreach (string one in lines[..^1])
            {
                line(unfinished.Append(one).ToString());
                unfinished.Clear();
            }
            unfinished.Append(lines[^1]);
        });
        if (error.Length > 0)
            throw new GuestException($"the guest's agent: {error}", []);
        if (unfinished.Length > 0)
            line(unfinished.ToString());
    }

    private static string Text(List<AgentPart> parts) => Encoding.ASCII.GetString(parts.Single(part => part.Kind == 'f').Data);

    private static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
