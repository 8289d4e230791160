using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Checking;

/// <summary>One line of a walk in words.</summary>
/// <param name="Text">The line.</param>
/// <param name="Steps">The window that it is about, or those of a run without any page.</param>
/// <param name="Attempt">What was tried; null if nothing was.</param>
public sealed record WalkLine(string Text, ImmutableArray<WalkStep> Steps, Attempt? Attempt)
{
    /// <summary>The window; null where one line stands for several.</summary>
    public WalkStep? Window => Steps.Length == 1 ? Steps[0] : null;
}

/// <summary>A walk in words: one line a window, and why it was tried or not.</summary>
public static class WalkText
{
    /// <summary>Every step, disabled orders included.</summary>
    public static IEnumerable<WalkLine> EveryStep(TableRun table)
    {
        int attempt = 0;
        for (int i = 0; i < table.Walk.Count; i++)
            yield return Line(table, i, ref attempt);
    }

    /// <summary>The windows of enabled orders; runs of windows without any page are one line.</summary>
    public static IEnumerable<WalkLine> Summary(TableRun table)
    {
        int attempt = 0;
        var steps = Enumerable.Range(0, table.Walk.Count).Where(i => table.Walk[i].Reason != WalkReason.Disabled).ToList();
        for (int i = 0; i < steps.Count;)
        {
            int end = i;
            while (end < steps.Count && IsEmpty(table.Walk[steps[end]]))
                end++;
            if (end - i < 3)
            {
                yield return Line(table, steps[i], ref attempt);
                i++;
                continue;
            }
            var (first, last) = (table.Walk[steps[i]], table.Walk[steps[end - 1]]);
            yield return new WalkLine(
                string.Create(CultureInfo.InvariantCulture, $"{first.Offset + ".." + (last.Offset + (1 << last.Order) - 1),-9} no page: {end - i} windows skipped"),
                [.. steps[i..end].Select(index => table.Walk[index])], Attempt: null);
            i = end;
        }
    }

    private static bool IsEmpty(WalkStep step) => step is { Reason: WalkReason.TooEmpty, Occupied: 0 };

    private static WalkLine Line(TableRun table, int index, ref int attempts)
    {
        var step = table.Walk[index];
        Attempt? attempt = step.Reason == WalkReason.Tried ? table.Attempts[attempts++] : null;
        string window = string.Create(CultureInfo.InvariantCulture, $"{step.Offset}/{step.Order}");
        string text = step.Reason switch
        {
            WalkReason.Disabled => "not enabled",
            WalkReason.TooEmpty => string.Create(CultureInfo.InvariantCulture, $"{step.Occupied} pages, {step.Needed} needed: skipped"),
            _ => Tried(step, attempt!.Value, table.Text),
        };
        return new WalkLine($"{window,-9} {text}{Verdict(table, index)}", [step], attempt);
    }

    private static string Tried(WalkStep step, Attempt attempt, TraceText text)
    {
        string found = step.Occupied > step.Needed
            ? string.Create(CultureInfo.InvariantCulture, $"{step.Occupied} pages, {step.Needed} needed")
            : string.Create(CultureInfo.InvariantCulture, $"{step.Occupied} pages");
        string swapin = attempt.Swapin is { SwappedIn: > 0 } report ? string.Create(CultureInfo.InvariantCulture, $", {report.SwappedIn} swapped in") : "";
        string isolate = attempt.Isolate is { } counts && attempt.Status != ScanResult.PteMappedHugepage
            ? string.Create(CultureInfo.InvariantCulture, $" ({counts.NoneOrZero} none, {counts.Referenced} referenced)")
            : "";
        return $"{found}: tried{swapin}, {text.KernelNameOf(attempt.Status)}{isolate}";
    }

    // Below the smallest enabled order there is nothing: going lower is going on.
    private static string Verdict(TableRun table, int index)
    {
        var step = table.Walk[index];
        bool staysHere = index + 1 < table.Walk.Count && table.Walk[index + 1].Offset == step.Offset;
        return step.Reason == WalkReason.Tried && step.Verdict == WalkVerdict.Stop ? ", stop" : staysHere ? ", lower" : ", on";
    }
}
