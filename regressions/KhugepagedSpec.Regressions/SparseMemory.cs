using System.Runtime.InteropServices;

namespace KhugepagedSpec.Regressions;

/// <summary>A fact about this machine's own pages: skipped, and says why, unless pagemap shows frames.</summary>
public sealed class RootFactAttribute : FactAttribute
{
    /// <summary>Decides whether to skip.</summary>
    public RootFactAttribute()
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/proc/kpageflags"))
            Skip = "reads /proc/kpageflags, as root only can: sudo dotnet test --filter CaptureTests";
    }
}

/// <summary>Memory of this process that is there only where it was touched.</summary>
internal sealed class SparseMemory : IDisposable
{
    private const int ReadWrite = 3, PrivateAnonymousNoReserve = 0x2 | 0x20 | 0x4000, NoHugePage = 15;

    // Room to begin at a PMD range.
    private const long Align = 1 << 21;

    private readonly nint _map;
    private readonly nint _length;

    public SparseMemory(long bytes)
    {
        _length = (nint)(bytes + 2 * Align);
        _map = Map(0, _length, ReadWrite, PrivateAnonymousNoReserve, -1, 0);
        Assert.NotEqual(-1, _map);
        Start = (_map + Align - 1) / Align * Align;
        // What is not ours stays outside, so that the VMA is this and no other.
        Assert.Equal(0, Protect(_map, (nint)(Start - _map), 0));
        Assert.Equal(0, Protect((nint)(Start + bytes), _map + _length - (nint)(Start + bytes), 0));
        Assert.Equal(0, Advise((nint)Start, (nint)bytes, NoHugePage));
    }

    /// <summary>The first byte.</summary>
    public long Start { get; }

    public void Touch(long page) => Marshal.WriteByte((nint)(Start + page * 4096), 1);

    public void Dispose() => Assert.Equal(0, Unmap(_map, _length));

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Protect(nint address, nint length, int protection);

    [DllImport("libc", EntryPoint = "madvise")]
    private static extern int Advise(nint address, nint length, int advice);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Unmap(nint address, nint length);
}
