using System.Globalization;

namespace KhugepagedSpec.Processes;

/// <summary>
/// The memory cgroups of a machine, of version 2 or 1. Source: Linux, <c>Documentation/admin-guide/cgroup-v2.rst</c>,
/// <c>Documentation/admin-guide/cgroup-v1/memory.rst</c>.
/// </summary>
/// <param name="proc">The machine.</param>
internal sealed class Cgroups(IProcFiles proc)
{
    private const string Mount = "/sys/fs/cgroup";

    // Version 1 says so where nothing limits; no machine has as much.
    private const long NoLimit = 1L << 60;

    private static readonly string[] Suffixes = [".service", ".scope", ".slice"];

    private readonly bool _isUnified = proc.Text($"{Mount}/cgroup.controllers") is not null;

    // Where memory is counted; and where systemd has its units.
    private string Root => _isUnified ? Mount : $"{Mount}/memory";

    private string UnitRoot => _isUnified ? Mount : $"{Mount}/systemd";

    /// <summary>The memory cgroup of a process; null if it has none.</summary>
    public string? Of(int pid)
    {
        foreach (string line in (proc.Text($"/proc/{pid}/cgroup") ?? "").Split('\n'))
        {
            // number:controllers:path
            string[] parts = line.Split(':', 3);
            if (parts.Length == 3 && (_isUnified ? parts[0] == "0" && parts[1].Length == 0 : parts[1].Split(',').Contains("memory")))
                return parts[2];
        }
        return null;
    }

    /// <summary>The processes of a cgroup given by path or name, and of those below it.</summary>
    /// <exception cref="CaptureException">There is none, or several have the name.</exception>
    public IReadOnlyList<int> OfCgroup(string name) => Pids(name.StartsWith('/') ? At(name) : Named("--cgroup", name, Root, [name]));

    /// <summary>The processes of a unit of systemd.</summary>
    /// <exception cref="CaptureException">There is none.</exception>
    public IReadOnlyList<int> OfUnit(string name) => Pids(Named("--unit", name, UnitRoot,
        Suffixes.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal)) ? [name] : [$"{name}.service"]));

    /// <summary>How many processes are in a cgroup and in those below it.</summary>
    public int Count(string path) => Pids(Folder(path)).Count;

    /// <summary>What it counts now, in pages.</summary>
    public CgroupCounts Counts(string path, int pageBytes)
    {
        string folder = Folder(path);
        var stat = new Dictionary<string, long>();
        foreach (string line in (proc.Text($"{folder}/memory.stat") ?? "").Split('\n'))
            if (line.Split(' ') is [var key, var value] && long.TryParse(value, CultureInfo.InvariantCulture, out long bytes))
                stat[key] = bytes / pageBytes;
        return _isUnified
            ? new(Of("anon"), Of("anon_thp"), Of("shmem"), (Number($"{folder}/memory.swap.current") ?? 0) / pageBytes)
            : new(Of("total_rss"), Of("total_rss_huge"), Of("total_shmem"), Of("total_swap"));

        long Of(string key) => stat.GetValueOrDefault(key);
    }

    /// <summary>Of the limits of a cgroup and of those above it, the one that leaves the least room; null if there is none.</summary>
    public CgroupLimit? Limit(string path, int pageBytes)
    {
        var (max, current) = _isUnified ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes");
        CgroupLimit? least = null;
        for (string at = path; ; at = at[..Math.Max(1, at.LastIndexOf('/'))])
        {
            string folder = Folder(at);
            if (Number($"{folder}/{max}") is { } limit && limit < NoLimit && Number($"{folder}/{current}") is { } used)
            {
                var one = new CgroupLimit(at, $"{folder}/{max}", limit / pageBytes, used / pageBytes);
                least = least is null || one.Room < least.Room ? one : least;
            }
            if (at == "/")
                return least;
        }
    }

    private string Folder(string path) => path == "/" ? Root : Root + path;

    private string At(string path)
    {
        string below = path;
        foreach (string start in new[] { Root, Mount })
            if (below == start || below.StartsWith(start + "/", StringComparison.Ordinal))
                below = below[start.Length..];
        string folder = Folder(below.TrimEnd('/') is { Length: > 0 } there ? there : "/");
        return proc.Text($"{folder}/cgroup.procs") is not null ? folder
            : throw new CaptureException($"--cgroup {path}: no such cgroup: expected one below {Mount}");
    }

    private string Named(string option, string name, string root, string[] names)
    {
        var found = new List<string>();
        var left = new Stack<string>([root]);
        while (left.TryPop(out string? folder))
            foreach (string child in proc.Folders(folder))
            {
                string path = $"{folder}/{child}";
                left.Push(path);
                if (names.Contains(child) || (option == "--cgroup" && Suffixes.Any(suffix => child == name + suffix)))
                    found.Add(path);
            }
        string several = string.Join(", ", found.Order(StringComparer.Ordinal).Take(3).Select(path => path[root.Length..]));
        string expected = option == "--unit" ? "a unit that runs" : "a cgroup, by name or path";
        return found.Count == 1 ? found[0]
            : throw new CaptureException(found.Count == 0
                ? $"{option} {name}: none of that name below {Mount}: expected {expected}"
                : $"{option} {name}: {found.Count} of that name: expected --cgroup with the path of one, as {several}");
    }

    private List<int> Pids(string folder)
    {
        var pids = new List<int>();
        var left = new Stack<string>([folder]);
        while (left.TryPop(out string? at))
        {
            foreach (string line in (proc.Text($"{at}/cgroup.procs") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
                if (int.TryParse(line, CultureInfo.InvariantCulture, out int pid) && pid > 0)
                    pids.Add(pid);
            foreach (string child in proc.Folders(at))
                left.Push($"{at}/{child}");
        }
        return pids;
    }

    private long? Number(string path) =>
        long.TryParse(proc.Text(path)?.Trim(), CultureInfo.InvariantCulture, out long value) ? value : null;
}
