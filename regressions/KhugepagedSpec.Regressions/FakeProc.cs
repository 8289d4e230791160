using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Regressions;

/// <summary>A machine with one process, of which everything can be said.</summary>
internal sealed class FakeProc : IProcFiles
{
    public const int Pid = 42;
    public const ulong Present = 1UL << 63, Swapped = 1UL << 62, Guard = 1UL << 58, UffdWp = 1UL << 57, Exclusive = 1UL << 56;
    public const ulong Locked = 1, Anon = 1 << 12, SwapBacked = 1 << 14, Head = 1 << 15, Tail = 1 << 16, Ksm = 1 << 21, ZeroPage = 1 << 24;
    private const string Thp = "/sys/kernel/mm/transparent_hugepage";

    private readonly SortedDictionary<long, ulong> _entries = [];
    private readonly Dictionary<long, (ulong Flags, ulong Mappings)> _frames = [];
    private readonly HashSet<long> _huge = [];
    private readonly List<string> _vmas = [];
    private readonly int _pid;
    private readonly string _folder;
    private long _nextFrame;

    public FakeProc(int pid = Pid, int started = 777)
    {
        (_pid, _folder, _nextFrame) = (pid, $"/proc/{pid}/", (long)pid << 20);
        Files[$"/proc/{pid}/status"] = "Name:\tfake\nTHP_enabled:\t1\n";
        Files[$"/proc/{pid}/stat"] = $"{pid} (fake) name) S {string.Join(' ', Enumerable.Range(4, 18))} {started} 0";
        Files[$"/proc/{pid}/statm"] = "100 10 1 1 0 9 0\n";
        Files["/proc/sys/kernel/osrelease"] = "7.2.13\n";
        Files[$"{Thp}/enabled"] = "always [madvise] never\n";
        Files[$"{Thp}/hpage_pmd_size"] = "2097152\n";
        Files[$"{Thp}/hugepages-64kB/enabled"] = "[always] inherit madvise never\n";
        Files[$"{Thp}/hugepages-2048kB/enabled"] = "always [inherit] madvise never\n";
        foreach (var (name, value) in new[] { ("max_ptes_none", 511), ("max_ptes_swap", 64), ("max_ptes_shared", 256),
            ("pages_to_scan", 4096), ("scan_sleep_millisecs", 10000), ("alloc_sleep_millisecs", 60000) })
            Files[$"{Thp}/khugepaged/{name}"] = $"{value}\n";
    }

    public Dictionary<string, string> Files { get; } = [];

    public bool IsRoot { get; set; } = true;

    /// <summary>Words of pagemap that can be asked for before the process ends.</summary>
    public int EndsAfter { get; set; } = int.MaxValue;

    /// <summary>Called before each reading of pagemap's words.</summary>
    public Action OnLook { get; set; } = () => { };

    public int Looks { get; private set; }

    /// <summary>Adds a VMA; its figures count from <paramref name="figures"/>, which are in KB.</summary>
    public void Vma(long firstPage, long pages, string figures, string flags = "rd wr mr mw me ac hg", string permissions = "rw-p",
        string file = "00:00 0")
    {
        _vmas.Add($"{firstPage << 12:x}-{(firstPage + pages) << 12:x} {permissions} 00000000 {file}\nSize: {pages * 4} kB\n{figures}VmFlags: {flags} \n");
        Files[$"/proc/{_pid}/smaps"] = string.Concat(_vmas);
    }

    /// <summary>Maps a 4K page.</summary>
    public void Page(long page, ulong flags = Anon | SwapBacked, ulong entry = Exclusive, ulong mappings = 1)
    {
        // Every other frame, so that neighbours are not neighbours.
        _nextFrame += 2;
        _frames[_nextFrame] = (flags, mappings);
        _entries[page] = Present | entry | (ulong)_nextFrame;
    }

    /// <summary>Maps pages of one new large folio.</summary>
    public void Folio(long page, int order, int first = 0, int? count = null, bool isHuge = false, ulong entry = Exclusive)
    {
        long head = ((_nextFrame >> 9) + 1) << 9;
        _nextFrame = head + (1 << order);
        for (int i = 0; i < 1 << order; i++)
            _frames[head + i] = (Anon | SwapBacked | (i == 0 ? Head : Tail), 1);
        for (int i = 0; i < (count ?? (1 << order)); i++)
        {
            _entries[page + i] = Present | entry | (ulong)(head + first + i);
            if (isHuge)
                _huge.Add(page + i);
        }
    }

    /// <summary>Maps the huge zero page.</summary>
    public void HugeZero(long page)
    {
        long head = ((_nextFrame >> 9) + 1) << 9;
        _nextFrame = head + 512;
        for (int i = 0; i < 512; i++)
        {
            _frames[head + i] = (ZeroPage | (i == 0 ? Head : Tail), 0);
            _entries[page + i] = Present | (ulong)(head + i);
            _huge.Add(page + i);
        }
    }

    /// <summary>Writes a word of pagemap, or takes it away.</summary>
    public void Entry(long page, ulong? entry)
    {
        if (entry is { } word)
            _entries[page] = word;
        else
            _entries.Remove(page);
    }

    public string? Text(string path)
    {
        if (Looks > EndsAfter && path.StartsWith(_folder, StringComparison.Ordinal))
            return null;
        if (!IsRoot && path.EndsWith("smaps", StringComparison.Ordinal))
            throw new UnauthorizedAccessException(path);
        return Files.GetValueOrDefault(path);
    }

    public ulong[]? Words(string path, IReadOnlyList<WordRun> runs)
    {
        bool isPagemap = path.EndsWith("pagemap", StringComparison.Ordinal);
        if (isPagemap)
        {
            Looks++;
            OnLook();
            if (Looks > EndsAfter)
                return null;
        }
        return [.. runs.SelectMany(run => Enumerable.Range(0, run.Count).Select(i => Word(path, run.First + i)))];
    }

    public IReadOnlyList<PageRegion> Regions(string pagemap, ulong start, ulong end, int most) => Looks > EndsAfter ? [] :
    [
        .. _entries.Keys.Where(page => (ulong)page << 12 >= start && (ulong)page << 12 < end).Take(most)
            .Select(page => new PageRegion((ulong)page << 12, (ulong)(page + 1) << 12, _huge.Contains(page))),
    ];

    /// <summary>The frame is one of this process's.</summary>
    public bool HasFrame(long frame) => frame >> 20 == _pid;

    private ulong Word(string path, long index) => path switch
    {
        "/proc/kpageflags" => _frames.GetValueOrDefault(index).Flags,
        "/proc/kpagecount" => _frames.GetValueOrDefault(index).Mappings,
        _ => _entries.GetValueOrDefault(index),
    };
}
