using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What each task was seen to do, a task a column.</summary>
internal static class TraceLanes
{
    private const int Width = 34, MostLines = 40;

    /// <summary>Prints it.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="observed">What to show, as indexes into the trace.</param>
    /// <param name="whole">All of it; else since the attempt began, and of that the end.</param>
    public static void Print(RaceTrace trace, CollapseAttempt attempt, ImmutableArray<int> observed, bool whole)
    {
        int[] shown = whole ? [.. observed] : [.. observed.Where(i => i >= attempt.First).TakeLast(MostLines)];
        var lanes = shown.Select(i => trace.All[i]).Select(one => (one.Pid, one.Task)).Distinct()
            .OrderBy(lane => lane.Pid != attempt.Pid).ThenBy(lane => lane.Pid).ToList();
        if (shown.Length < observed.Length)
            Line($"  {observed.Length - shown.Length:N0} observations before");
        Line($"  {"time",10}  {string.Concat(lanes.Select(lane => $"{lane.Task}-{lane.Pid}".PadRight(Width))).TrimEnd()}");
        foreach (int i in shown)
        {
            var one = trace.All[i];
            int lane = lanes.IndexOf((one.Pid, one.Task));
            Line($"  {one.Time,10}  {new string(' ', lane * Width)}{Said(one)}");
        }
    }

    /// <summary>An event with its values, without the place of the probe.</summary>
    public static string Said(TraceEvent one)
    {
        string values = one.Text;
        if (values.StartsWith('('))
            values = values[(values.IndexOf(')', StringComparison.Ordinal) + 1)..].TrimStart();
        var told = values.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Where(value => !value.StartsWith("mm=", StringComparison.Ordinal) && !value.StartsWith("memcg_id=", StringComparison.Ordinal)
                && !value.StartsWith("scan_pfn=", StringComparison.Ordinal));
        return $"{one.Name} {string.Join(' ', told)}".TrimEnd();
    }
}
