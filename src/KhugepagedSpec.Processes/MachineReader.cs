using System.Collections.Immutable;
using System.Globalization;

namespace KhugepagedSpec.Processes;

/// <summary>Which processes are meant; together if there are several kinds.</summary>
/// <param name="Pids">By number.</param>
/// <param name="Cgroups">By cgroup: its path below the mount or in the file system, or its name.</param>
/// <param name="Units">By unit of systemd.</param>
/// <param name="IsAll">All that have memory of their own, but the one that asks.</param>
public sealed record ProcessChoice(ImmutableArray<int> Pids, ImmutableArray<string> Cgroups, ImmutableArray<string> Units, bool IsAll)
{
    /// <summary>Nothing was chosen.</summary>
    public bool IsNone => Pids.IsEmpty && Cgroups.IsEmpty && Units.IsEmpty && !IsAll;

    /// <summary>As it would be typed.</summary>
    public override string ToString()
    {
        string pids = string.Join(',', Pids.Select(pid => pid.ToString(CultureInfo.InvariantCulture)));
        string[] parts =
        [
            Pids.IsEmpty ? "" : $"--pid {pids}",
            .. Cgroups.Select(name => $"--cgroup {name}"),
            .. Units.Select(name => $"--unit {name}"),
            IsAll ? "--all" : "",
        ];
        return string.Join(' ', parts.Where(part => part.Length > 0));
    }
}

/// <summary>Reads processes of a machine, one after the other. One that cannot be read is told of, and the others go on.</summary>
/// <param name="proc">The machine.</param>
/// <param name="pageBytes">The size of its base pages.</param>
/// <param name="self">The process that asks.</param>
internal sealed class MachineReader(IProcFiles proc, int pageBytes, int self)
{
    /// <summary>What a process amounts to in progress.</summary>
    public const int Parts = 1000;

    private const string BuddyInfo = "/proc/buddyinfo";

    private readonly Cgroups _cgroups = new(proc);

    /// <summary>The processes meant, the oldest first: so khugepaged is taken to come to them, whose list is not to be seen.</summary>
    /// <exception cref="CaptureException">There is no such cgroup or unit, or nothing in it.</exception>
    public ImmutableArray<int> Choose(ProcessChoice choice)
    {
        IEnumerable<int> found = [.. choice.Cgroups.SelectMany(_cgroups.OfCgroup), .. choice.Units.SelectMany(_cgroups.OfUnit)];
        if (choice.IsAll)
            found = found.Concat(proc.Folders("/proc")
                .Select(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : 0));
        var pids = found.Where(pid => pid > 0 && pid != self && HasMemory(pid)).Concat(choice.Pids).Distinct()
            .Select(pid => (pid, start: Started(pid))).OrderBy(one => one.start).ThenBy(one => one.pid).Select(one => one.pid)
            .ToImmutableArray();
        return !pids.IsEmpty ? pids
            : throw new CaptureException($"{choice}: no process in it has memory of its own: expected one that runs");
    }

    /// <summary>Reads them.</summary>
    /// <param name="pids">Which, in order.</param>
    /// <param name="asked">How they were chosen, in words.</param>
    /// <param name="range">Only PMD ranges that overlap this, in bytes.</param>
    /// <param name="into">Made once there is something to tell it.</param>
    /// <param name="advance">Told how many of <see cref="Parts"/> of a process were gone through since the last time.</param>
    /// <param name="onSkipped">Told of each process that could not be read, or not to its end.</param>
    /// <param name="cancellation">Ends it before the next PMD range.</param>
    /// <exception cref="CaptureException">None can be read.</exception>
    public void Read(ImmutableArray<int> pids, string asked, (ulong Start, ulong End) range, Func<IMachineSink> into, Action<long> advance,
        Action<SkippedProcess> onSkipped, CancellationToken cancellation)
    {
        var before = pids.Select(_cgroups.Of).OfType<string>().Distinct().Order(StringComparer.Ordinal)
            .ToDictionary(path => path, path => _cgroups.Counts(path, pageBytes));
        var head = new MachineHead((proc.Text("/proc/sys/kernel/osrelease") ?? "").Trim(), DateTimeOffset.UtcNow, asked, pids.Length,
            FreeBlocks());
        IMachineSink? sink = null;
        var skipped = new List<SkippedProcess>();
        foreach (int pid in pids)
        {
            if (cancellation.IsCancellationRequested)
                break;
            var parts = new Progress(advance);
            try
            {
                var reader = new ProcessReader(proc, pid, pageBytes);
                if (sink is null)
                {
                    sink = into();
                    sink.Add(head);
                    skipped.ForEach(sink.Add);
                }
                var end = reader.Read(range, sink, parts.Of(reader.Extent(range)), cancellation);
                if (end.Ending == CaptureEnding.ProcessEnded)
                    onSkipped(new(pid, FormattableString.Invariant($"{pid}: the process ended; {end.Vmas} of {end.Of} VMAs were read")));
            }
            catch (CaptureException error) when (pids.Length > 1)
            {
                var one = new SkippedProcess(pid, error.Message);
                skipped.Add(one);
                onSkipped(one);
                sink?.Add(one);
            }
            parts.Done();
        }
        if (sink is null && !cancellation.IsCancellationRequested)
            throw new CaptureException(skipped[0].Why);
        sink?.End(cancellation.IsCancellationRequested ? CaptureEnding.Interrupted : CaptureEnding.Complete,
            [.. before.Select(one => new CgroupFigures(one.Key, _cgroups.Count(one.Key), one.Value, _cgroups.Counts(one.Key, pageBytes),
                _cgroups.Limit(one.Key, pageBytes)))]);
    }

    private bool HasMemory(int pid) => proc.Text($"/proc/{pid}/statm") is { } sizes && !sizes.StartsWith("0 ", StringComparison.Ordinal);

    private long Started(int pid) =>
        long.TryParse(ProcessReader.StartTime(proc, pid), CultureInfo.InvariantCulture, out long start) ? start : long.MaxValue;

    // Node 0, zone DMA32 and then a number an order.
    private ImmutableArray<long> FreeBlocks()
    {
        var sum = new List<long>();
        foreach (string line in (proc.Text(BuddyInfo) ?? "").Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            for (int i = 4; i < words.Length; i++)
            {
                if (sum.Count <= i - 4)
                    sum.Add(0);
                sum[i - 4] += long.Parse(words[i], NumberStyles.None, CultureInfo.InvariantCulture);
            }
        }
        return [.. sum];
    }

    // Bytes of address space as parts of a process.
    private sealed class Progress(Action<long> advance)
    {
        private long _told;

        public Action<long> Of(long extent)
        {
            long bytes = 0;
            return more => Tell((long)((double)(bytes += more) / Math.Max(1, extent) * Parts));
        }

        public void Done() => Tell(Parts);

        private void Tell(long parts)
        {
            if (parts <= _told)
                return;
            advance(parts - _told);
            _told = parts;
        }
    }
}
