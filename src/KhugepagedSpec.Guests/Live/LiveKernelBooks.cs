using System.Globalization;
using System.Text;

namespace KhugepagedSpec.Guests.Live;

/// <content>What the kernel counts of its pages as a whole.</content>
internal sealed partial class LiveKernel
{
    /// <summary>
    /// thp_collapse_alloc of all memory cgroups, as the root's memory.stat has it. What is read may be seconds old, unless enough was
    /// counted since: so some pages come and go first, which also empties this CPU's LRU batches.
    /// </summary>
    /// <returns>Null without memory cgroups.</returns>
    public long? CgroupCollapseAllocs()
    {
        if (!Abilities.HasMemcg)
            return null;
        return CountOf("thp_collapse_alloc", "/cgroup/memory.stat", after: ComeAndGo()) ?? 0;
    }

    // Before page caches are dropped the LRU batches of all CPUs are emptied (drop_caches_sysctl_handler); a guest has no cache to lose.
    private const string DrainAll = "set /proc/sys/vm/drop_caches 1\n";

    /// <summary>Empties the LRU batches of all CPUs, if khugepaged fills another than the processes do.</summary>
    public void DrainOfDaemon()
    {
        if (_daemonCpu != 0)
            _guest.Take(0, DrainAll);
    }

    /// <summary>How many pages there are of each kind. What CPUs have counted and not told is told first, and the LRU batches are
    /// emptied.</summary>
    public Levels Levels()
    {
        string steps = $"{DrainAll}set /proc/sys/vm/stat_refresh 1\nfile {VmStat}\nfile /proc/zoneinfo\nfile /proc/meminfo\n"
            + "file /proc/self/status\n";
        string[] files = [.. _guest.Take(0, steps).Where(part => part.Kind == 'f').Select(part => Encoding.ASCII.GetString(part.Data))];
        return Live.Levels.Of(files[0], files[1], files[2], files[3], Type.PageKilobytes);
    }

    /// <summary>How many PTEs NUMA balancing has taken the access from so far; null where it is off.</summary>
    public long? HintedPtes() => Abilities.BalancesNuma ? CountOf("numa_pte_updates", VmStat) : null;

    // A file of lines that are a name and a number each; null if it has no such line.
    private long? CountOf(string name, string path, string after = "")
    {
        string text = Encoding.ASCII.GetString(_guest.Take(0, $"{after}file {path}\n").Single(part => part.Kind == 'f').Data);
        string? line = text.Split('\n').FirstOrDefault(one => one.StartsWith($"{name} ", StringComparison.Ordinal));
        return line is null ? null : long.Parse(line.AsSpan(name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>How many pages are charged to a memory cgroup.</summary>
    public long ChargedTo(int group)
    {
        byte[] bytes = _guest.Take(0, $"file /cgroup/{group}/memory.current\n").Single(part => part.Kind == 'f').Data;
        return long.Parse(Encoding.ASCII.GetString(bytes), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) / Type.PageBytes;
    }

    // A fault of the PMD's size would make the agent known to khugepaged, and with it every process that it forks.
    private string ComeAndGo()
    {
        const long place = 1L << 43, mostKeptByCpu = 64; // MEMCG_CHARGE_BATCH; a page that comes and goes is counted twice at least
        long pages = mostKeptByCpu * _guest.Cpus;
        var steps = new StepWriter(Type);
        steps.Range("map", place, pages, 0);
        steps.Advise(place, pages, StepWriter.NoHugePage);
        steps.Range("write", place, pages, 1);
        steps.Advise(place, pages, StepWriter.Cold);
        steps.Range("unmap", place, pages);
        return steps.Take();
    }
}
