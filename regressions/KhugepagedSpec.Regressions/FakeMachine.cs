using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Regressions;

/// <summary>A machine with several processes, of which everything can be said.</summary>
internal sealed class FakeMachine : IProcFiles
{
    private readonly Dictionary<int, FakeProc> _processes = [];

    /// <summary>Files of the machine, and such as take the place of a process's.</summary>
    public Dictionary<string, string> Files { get; } = [];

    /// <summary>Adds a process, in a cgroup of version 2.</summary>
    public FakeProc Add(int pid, int started, string cgroup = "/a.slice/one.service")
    {
        var process = new FakeProc(pid, started);
        process.Files[$"/proc/{pid}/cgroup"] = $"0::{cgroup}\n";
        string procs = $"/sys/fs/cgroup{cgroup}/cgroup.procs";
        Files[procs] = Files.GetValueOrDefault(procs) + $"{pid}\n";
        Files["/sys/fs/cgroup/cgroup.controllers"] = "memory\n";
        return _processes[pid] = process;
    }

    public string? Text(string path) => Files.TryGetValue(path, out string? text) ? text
        : Of(path) is { } process ? process.Text(path)
        : path.StartsWith("/proc/", StringComparison.Ordinal) && path.Length > 6 && char.IsAsciiDigit(path[6]) ? null
        : _processes.Values.First().Text(path);

    public IReadOnlyList<string> Folders(string path) => path == "/proc"
        ? [.. _processes.Keys.Select(pid => $"{pid}"), "sys", "self"]
        :
        [
            .. Files.Keys.Where(file => file.StartsWith(path + "/", StringComparison.Ordinal))
                .Select(file => file[(path.Length + 1)..]).Where(rest => rest.Contains('/', StringComparison.Ordinal))
                .Select(rest => rest[..rest.IndexOf('/', StringComparison.Ordinal)]).Distinct(),
        ];

    public ulong[]? Words(string path, IReadOnlyList<WordRun> runs) => Of(path) is { } process ? process.Words(path, runs)
        :
        [
            .. runs.SelectMany(run => Enumerable.Range(0, run.Count).Select(i => run.First + i))
                .Select(frame => _processes.Values.FirstOrDefault(one => one.HasFrame(frame)) is { } owner
                    ? owner.Words(path, [new WordRun(frame, 1)])![0] : 0),
        ];

    public IReadOnlyList<PageRegion> Regions(string pagemap, ulong start, ulong end, int most) =>
        Of(pagemap)!.Regions(pagemap, start, end, most);

    private FakeProc? Of(string path) => path.Split('/') is ["", "proc", var name, ..] && int.TryParse(name, out int pid)
        ? _processes.GetValueOrDefault(pid) : null;
}
