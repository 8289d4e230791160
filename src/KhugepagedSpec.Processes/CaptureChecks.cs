using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace KhugepagedSpec.Processes;

/// <summary>
/// What a capture must be beyond its shape: sizes that go together, VMAs and ranges that ascend, and lie where user space does.
/// It is asked line by line, in the order of the file.
/// </summary>
internal sealed class CaptureChecks
{
    // Five levels of page tables, the upper half the kernel's.
    private const ulong UserSpaceEnd = 1UL << 56;

    // No zone has blocks of more.
    private const int MostOrders = 32;

    private readonly List<CapturedRange> _ranges = [];
    private CaptureHead? _head;
    private long _end;
    private bool _isEnded;

    /// <summary>Reads an address of a whole page.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static long Page(string key, string address, int pageBytes) =>
        ulong.TryParse(address, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bytes) && bytes <= UserSpaceEnd
            && bytes % (ulong)pageBytes == 0
            ? (long)(bytes / (ulong)pageBytes)
            : throw Wrong(key, $"\"{Short(address)}\"", $"an address of user space in hexadecimal, a multiple of {pageBytes}");

    /// <summary>Checks that a page size and a PMD order go together.</summary>
    /// <exception cref="FormatException">They do not.</exception>
    public static void Sizes(int pageBytes, int pmdOrder)
    {
        if (pageBytes is not (4096 or 16384 or 65536))
            throw Wrong("head.pageBytes", $"{pageBytes}", "4096, 16384 or 65536");

        // A table is one page, and an entry has 8 bytes.
        int order = BitOperations.Log2((uint)pageBytes) - 3;
        if (pmdOrder != order)
            throw Wrong("head.pmdOrder", $"{pmdOrder}", $"{order} with pages of {pageBytes} bytes");
    }

    /// <summary>Checks the head.</summary>
    /// <exception cref="FormatException">It cannot be.</exception>
    public void Add(CaptureHead head)
    {
        _head = head;
        NotNegative("head.pid", head.Pid);
        NotNegative("head.scanSleepMilliseconds", head.Settings.ScanSleepMilliseconds);
        NotNegative("head.shared", head.Shared);
        NotNegative("head.started", head.Started);
    }

    /// <summary>Checks the head of a machine.</summary>
    /// <exception cref="FormatException">It cannot be.</exception>
    public static void Machine(MachineHeadJson machine)
    {
        NotNegative("machine.processes", machine.Processes);
        for (int order = 0; order < machine.FreeBlocks.Length; order++)
            NotNegative($"machine.freeBlocks[{order}]", machine.FreeBlocks[order]);
        if (machine.FreeBlocks.Length > MostOrders)
            throw Wrong("machine.freeBlocks", $"{machine.FreeBlocks.Length} orders", $"{MostOrders} at most");
    }

    /// <summary>Checks what was read of cgroups.</summary>
    /// <exception cref="FormatException">It cannot be.</exception>
    public static void Cgroups(ImmutableArray<CgroupJson> cgroups)
    {
        for (int i = 0; i < cgroups.Length; i++)
        {
            string key = $"machineEnd.cgroups[{i}]";
            if (!cgroups[i].Path.StartsWith('/'))
                throw Wrong($"{key}.path", $"\"{Short(cgroups[i].Path)}\"", "one that begins with '/'");
            NotNegative($"{key}.processes", cgroups[i].Processes);
            foreach (var (name, counts) in new[] { ("before", cgroups[i].Before), ("after", cgroups[i].After) })
                foreach (long count in new[] { counts.Anonymous, counts.PmdSized, counts.Shmem, counts.Swap })
                    NotNegative($"{key}.{name}", count);
            NotNegative($"{key}.limit.max", cgroups[i].Limit?.Max ?? 0);
            NotNegative($"{key}.limit.current", cgroups[i].Limit?.Current ?? 0);
        }
    }

    /// <summary>Checks a range against those before it.</summary>
    /// <exception cref="FormatException">It cannot be.</exception>
    public void Add(CapturedRange range)
    {
        NotEnded();
        int pages = _head!.Geometry.Pages;
        if (range.Start % pages != 0)
            throw Wrong("range.at", $"\"{_head.Address(range.Start)}\"", "the beginning of a PMD range");
        long most = ((long)(UserSpaceEnd / (ulong)_head.PageBytes) - range.Start) / pages;
        if (range.Count < 1 || range.Count > most)
            throw Wrong("range.ranges", $"{range.Count}", $"1 to {most}");
        long from = _ranges.Count > 0 ? EndOf(_ranges[^1]) : _end;
        if (range.Start < from)
            throw Wrong("range.at", $"\"{_head.Address(range.Start)}\"",
                $"{_head.Address(from)} or above, where what stands before it ends");
        _ranges.Add(range);
    }

    /// <summary>Checks a VMA against those before it and the ranges in it.</summary>
    /// <exception cref="FormatException">It cannot be.</exception>
    public void Add(CapturedVma captured)
    {
        NotEnded();
        var vma = captured.Vma;
        if (vma.Start < _end)
            throw Wrong("vma.start", $"\"{_head!.Address(vma.Start)}\"", $"{_head.Address(_end)} or above, where the VMA before it ends");
        if (vma.End <= vma.Start)
            throw Wrong("vma.end", $"\"{_head!.Address(vma.End)}\"", $"an address above {_head.Address(vma.Start)}, where it starts");
        foreach (var range in _ranges.Where(range => range.Start < vma.Start || EndOf(range) > vma.End))
            throw new FormatException(
                $"key 'vma': {_head!.Address(vma.Start)} to {_head.Address(vma.End)}: expected the range before it to lie in it, {_head.Address(range.Start)} to {_head.Address(EndOf(range))}");
        Counts("vma.pages", captured.Pages);
        Counts("vma.outside", captured.Outside);
        Counts("vma.smaps", captured.Smaps);
        _end = vma.End;
        _ranges.Clear();
    }

    /// <summary>Checks the end.</summary>
    /// <exception cref="FormatException">It cannot be.</exception>
    public void Add(CaptureEnd end)
    {
        NotEnded();
        NotNegative("end.vmas", end.Vmas);
        if (end.Of < end.Vmas)
            throw Wrong("end.of", $"{end.Of}", $"{end.Vmas} or more, as many were read");
        Counts("end.rollup", end.Rollup ?? default);
        _isEnded = true;
    }

    /// <summary>A value that cannot be.</summary>
    public static FormatException Wrong(string key, string there, string expected) => new($"key '{key}': {there}: expected {expected}");

    private void NotEnded()
    {
        if (_isEnded)
            throw new FormatException("a line after the end of the capture: expected none");
    }

    private long EndOf(CapturedRange range) => range.Start + range.Count * _head!.Geometry.Pages;

    private static void Counts(string key, PageCounts counts)
    {
        NotNegative($"{key}.anonymous", counts.Anonymous);
        NotNegative($"{key}.pmdMapped", counts.PmdMapped);
        NotNegative($"{key}.large", counts.Large);
        NotNegative($"{key}.swap", counts.Swap);
    }

    private static void NotNegative(string key, long value)
    {
        // No more than there are pages in user space.
        if (value is < 0 or > 1L << 56)
            throw Wrong(key, $"{value}", $"0 to {1L << 56}");
    }

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
