using System.Globalization;
using System.Text;

namespace KhugepagedSpec.Guests.Live;

/// <summary>How long khugepaged runs.</summary>
internal sealed partial class LiveKernel
{
    private readonly List<TimeSpan> _ran = [];

    /// <summary>How long khugepaged ran in each pass since the last time, from its wake-up to its sleep, if the kernel is timed.</summary>
    public TimeSpan[] TakeTimes()
    {
        TimeSpan[] times = [.. _ran];
        _ran.Clear();
        return times;
    }

    // The first figure of its schedstat: nanoseconds on a CPU.
    private TimeSpan DaemonRan()
    {
        string pid = _guest.Greeting.Split('\n').First(line => line.StartsWith("khugepaged ", StringComparison.Ordinal))[11..];
        string text = Encoding.ASCII.GetString(_guest.Take(0, $"file /proc/{pid}/schedstat\n").Single(part => part.Kind == 'f').Data);
        return new TimeSpan(long.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture) / TimeSpan.NanosecondsPerTick);
    }
}
