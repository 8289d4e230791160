using KhugepagedSpec.Processes;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What became of processes between captures, and what of the predictions came true.</summary>
internal static class OverTimeText
{
    /// <summary>Prints it.</summary>
    public static void Print(IReadOnlyCollection<Interval> intervals)
    {
        if (intervals.Count == 0)
            return;
        Line($"\nover time: PMD ranges with a page, of processes that are in both captures");
        Line($"  {"until (UTC)",-20}{"processes",12}{"stayed",12}{"larger",12}{"smaller",12}{"grew",12}{"shrank",12}{"other",12}{"came",12}"
            + $"{"gone",12}{"unsure",12}");
        foreach (var one in intervals)
        {
            var (all, processes) = (one.Changes, Said($"{one.Same} +{one.ProcessesCame} -{one.ProcessesGone}"));
            string sizes = Said($"{all.Stayed,12:N0}{all.Larger,12:N0}{all.Smaller,12:N0}{all.Grew,12:N0}{all.Shrank,12:N0}");
            Line($"  {one.To.Head.At,-20:yyyy-MM-dd HH:mm:ss}{processes,12}{sizes}"
                + $"{all.Otherwise,12:N0}{all.Came,12:N0}{all.Gone,12:N0}{all.Unsure,12:N0}");
        }
        Line($"larger, smaller: more or fewer of its pages are in large folios; other: as many pages, swapped, shared or written to since");
        PrintPredictions(intervals);
    }

    private static void PrintPredictions(IReadOnlyCollection<Interval> intervals)
    {
        Line($"\npredictions, under the settings that were in force at both ends, as if khugepaged began with the first process");
        Line($"  {"until (UTC)",-20}{"by",-14}{"time for",12}{"needs",12}{"to change",12}{"came true",12}{"as before",12}{"otherwise",12}"
            + $"{"unpredicted",14}");
        foreach (var one in intervals)
        {
            string until = Said($"{one.To.Head.At,-20:yyyy-MM-dd HH:mm:ss}");
            if (one.Prediction is not { } check)
            {
                Line($"  {until}the settings changed in between: nothing to hold against each other");
                continue;
            }
            string fit = check.Fit is { } wakeUps ? Said($"{wakeUps:N0}") : "any";
            Line($"  {until}{check.Version,-14}{fit,12}{check.Needed,12:N0}{check.Predicted,12:N0}{check.CameTrue,12:N0}"
                + $"{check.AsBefore,12:N0}{check.Otherwise,12:N0}{check.Unpredicted,14:N0}");
        }
        Line($"time for, needs: wake-ups; as before: khugepaged did not come there, does not know the process, or could not;");
        Line($"otherwise: the process worked on them; unpredicted: larger folios by faults, MADV_COLLAPSE, or khugepaged later");
    }
}
