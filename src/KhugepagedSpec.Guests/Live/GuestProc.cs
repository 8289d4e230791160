using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Guests.Live;

/// <summary>A guest's <c>/proc</c> and <c>/sys</c>, as its agent reads them.</summary>
internal sealed class GuestProc(LiveKernel kernel) : IProcFiles
{
    // As many runs as fit in a request, and as many words as the agent keeps.
    private const int RunsAtOnce = 1 << 12, WordsAtOnce = 1 << 13;

    /// <summary>The number in the guest of a process that the agent takes steps for.</summary>
    /// <param name="kernel">The guest.</param>
    /// <param name="process">The agent's number for it.</param>
    public static int PidOf(LiveKernel kernel, int process) =>
        (int)kernel.Take(process, "pid\n").Single().Number;

    /// <summary>One of its processes.</summary>
    /// <param name="pid">Its number in the guest.</param>
    public ProcessCapture Capture(int pid)
    {
        var capture = new CaptureBuilder();
        new ProcessReader(this, pid, pageBytes: (int)kernel.Abilities.Machine.PageBytes)
            .Read((0, ulong.MaxValue), capture, _ => { }, CancellationToken.None);
        return capture.Capture!;
    }

    public string? Text(string path)
    {
        var parts = kernel.Take(0, $"file {path}\n", out string error);
        return error.Length > 0 ? null : Encoding.UTF8.GetString(parts.Single().Data);
    }

    public ulong[]? Words(string path, IReadOnlyList<WordRun> runs)
    {
        var words = new List<ulong>();
        for (int i = 0; i < runs.Count;)
        {
            var request = new StringBuilder($"words {path}");
            int first = i, wanted = 0;
            for (; i < runs.Count && i - first < RunsAtOnce && wanted + runs[i].Count <= WordsAtOnce; wanted += runs[i++].Count)
                request.Append(CultureInfo.InvariantCulture, $" {runs[i].First} {runs[i].Count}");
            var parts = kernel.Take(0, request.Append('\n').ToString(), out string error);
            if (error.Length > 0 || parts.Single().Data.Length < wanted * sizeof(ulong))
                return null;
            words.AddRange(MemoryMarshal.Cast<byte, ulong>(parts.Single().Data));
        }
        return [.. words];
    }

    public IReadOnlyList<PageRegion> Regions(string pagemap, ulong start, ulong end, int most)
    {
        var parts = kernel.Take(0, string.Create(CultureInfo.InvariantCulture, $"regions {pagemap} {start} {end} {most}\n"),
            out string error);
        if (error.Length > 0)
            throw new CaptureException($"the guest's agent: {error}");
        var words = MemoryMarshal.Cast<byte, ulong>(parts.Single().Data);
        var regions = new PageRegion[words.Length / PageMapScan.RegionWords];
        for (int i = 0; i < regions.Length; i++)
            regions[i] = PageMapScan.RegionOf(words.Slice(PageMapScan.RegionWords * i, PageMapScan.RegionWords));
        return regions;
    }
}
