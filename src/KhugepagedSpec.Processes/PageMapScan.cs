using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KhugepagedSpec.Processes;

/// <summary>
/// The ioctl <c>PAGEMAP_SCAN</c>: which pages are not empty, and which of them the PMD maps. Source: Linux,
/// <c>Documentation/admin-guide/mm/pagemap.rst</c>, <c>include/uapi/linux/fs.h</c>.
/// </summary>
internal static class PageMapScan
{
    private const ulong Present = 1 << 3, Swapped = 1 << 4, Huge = 1 << 6;

    /// <summary>64-bit words of a region.</summary>
    public const int RegionWords = 3;

    private const int ESRCH = 3;

    /// <summary>The pages of the process that are not empty.</summary>
    /// <param name="pagemap">Its pagemap file.</param>
    /// <param name="start">The first byte.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="most">Regions at most.</param>
    /// <exception cref="CaptureException">The kernel does not know the ioctl, or fails it.</exception>
    public static IReadOnlyList<PageRegion> Run(SafeFileHandle pagemap, ulong start, ulong end, int most)
    {
        ulong[] regions = new ulong[most * RegionWords];
        var pinned = GCHandle.Alloc(regions, GCHandleType.Pinned);
        try
        {
            var argument = new Argument
            {
                Size = (ulong)Marshal.SizeOf<Argument>(),
                Start = start,
                End = end,
                Regions = (ulong)pinned.AddrOfPinnedObject(),
                RegionCount = (ulong)most,
                AnyOf = Present | Swapped,
                Returned = Present | Swapped | Huge,
            };
            nint found = Ioctl(pagemap, Request, ref argument);
            if (found < 0)
                return Marshal.GetLastPInvokeError() == ESRCH ? []
                    : throw new CaptureException($"PAGEMAP_SCAN: {Marshal.GetLastPInvokeErrorMessage()}: expected Linux 6.7 or later");
            return [.. Enumerable.Range(0, (int)found).Select(i => RegionOf(regions.AsSpan(i * RegionWords, RegionWords)))];
        }
        finally
        {
            pinned.Free();
        }
    }

    /// <summary>A region as the kernel writes it: start, end, categories.</summary>
    public static PageRegion RegionOf(ReadOnlySpan<ulong> words) => new(words[0], words[1], (words[2] & Huge) != 0);

    // _IOWR('f', 16, struct pm_scan_arg).
    private static nuint Request => 3u << 30 | (uint)Marshal.SizeOf<Argument>() << 16 | (uint)'f' << 8 | 16;

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static extern int Ioctl(SafeFileHandle file, nuint request, ref Argument argument);

    [StructLayout(LayoutKind.Sequential)]
    private struct Argument
    {
        public ulong Size, Flags, Start, End, WalkEnd, Regions, RegionCount, MaxPages, Inverted, Mask, AnyOf, Returned;
    }
}
