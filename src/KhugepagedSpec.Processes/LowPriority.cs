using System.Globalization;
using System.Runtime.InteropServices;

namespace KhugepagedSpec.Processes;

/// <summary>
/// This program with nice 10 and idle I/O, as long as it reads processes that are at work; as it was afterwards, where it may. Both are a
/// thread's own. Source: Linux, <c>setpriority(2)</c>, <c>ioprio_set(2)</c>.
/// </summary>
public sealed class LowPriority : IDisposable
{
    /// <summary>The nice value while it lasts.</summary>
    public const int Nice = 10;

    private const int OfThread = 0, IoOfThread = 1, IoIdle = 3 << 13, IoUsual = 0;

    private readonly int _before;

    /// <summary>Begins; a thread that is nicer already stays so.</summary>
    public LowPriority()
    {
        _before = GetPriority(OfThread, 0);
        if (_before < Nice)
            Set(Nice);
        SetIo(IoIdle);
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        if (_before < Nice)
            Set(_before);
        SetIo(IoUsual);
    }

    private static void Set(int nice)
    {
        foreach (int thread in Threads())
            _ = SetPriority(OfThread, thread, nice);
    }

    // A kernel without I/O priorities has nothing to lower.
    private static void SetIo(int priority)
    {
        nint call = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => 251,
            Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 30,
            _ => 0,
        };
        if (call == 0)
            return;
        foreach (int thread in Threads())
            _ = SystemCall(call, IoOfThread, thread, priority);
    }

    private static IEnumerable<int> Threads() =>
        Directory.EnumerateDirectories("/proc/self/task").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture));

    [DllImport("libc", EntryPoint = "getpriority")]
    private static extern int GetPriority(int which, int who);

    [DllImport("libc", EntryPoint = "setpriority")]
    private static extern int SetPriority(int which, int who, int nice);

    [DllImport("libc", EntryPoint = "syscall")]
    private static extern nint SystemCall(nint number, nint which, nint who, nint priority);
}
