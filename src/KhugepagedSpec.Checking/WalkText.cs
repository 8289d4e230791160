using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>One line of a walk in words.</summary>
/// <param name="Text">The line.</param>
/// <param name="Steps">The window that it is about, or those of a run without any page.</param>
/// <param name="Attempt">What was tried; null if nothing was.</param>
public sealed record WalkLine(string Text, ImmutableArray<WalkStep> Steps, Attempt? Attempt)
{
    /// <summary>The window; null where one line stands for several.</summary>
    public WalkStep? Window => Steps.Length == 1 ? Steps[0] : null;

    /// <summary>Why the attempt failed; null if nothing was tried, or it did not.</summary>
    /// <param name="settings">The settings of the run.</param>
    public string? Why(ThpSettings settings) => Window is { Why: { } why } step ? RefusalText.Of(why, settings, step.Order) : null;
}

/// <summary>A walk in words: one line a window, and why it was tried or not.</summary>
public static class WalkText
{
    /// <summary>Every step, disabled orders included.</summary>
    public static IEnumerable<WalkLine> EveryStep(TableRun table)
    {
        int attempt = 0;
        for (int i = 0; i < table.Walk.Count; i++)
        {
            var line = Line(table, i, ref attempt);
            yield return StackAfter(table, i) is { } stack ? line with { Text = $"{line.Text}; stack={stack}" } : line;
        }
    }

    // As the thread draws it, the top last: a walk that stops leaves its stack, else what comes next lay on top.
    private static string? StackAfter(TableRun table, int index)
    {
        if (table.Walk[index].Waiting is not { } left)
            return null;
        bool goesOn = index + 1 < table.Walk.Count;
        var next = goesOn ? table.Walk[index + 1] : table.Walk[index];
        IEnumerable<(int Offset, int Order)> waiting = goesOn
            ? [(next.Offset, next.Order), .. next.Waiting!.Value.Windows()]
            : left.Windows();
        string windows = string.Join(',', waiting.Reverse().Select(window => Invariant($"{{{window.Offset},{window.Order}}}")));
        return windows.Length > 0 ? windows : "{}";
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
                Invariant($"{Invariant($"{first.Offset}..{last.Offset + (1 << last.Order) - 1}"),-9} no {(first.CountsChunks ? "chunk" : "page")}: {end - i} windows skipped"),
                [.. steps[i..end].Select(index => table.Walk[index])], Attempt: null);
            i = end;
        }
    }

    private static bool IsEmpty(WalkStep step) => step is { Reason: WalkReason.TooEmpty, Occupied: 0 };

    private static WalkLine Line(TableRun table, int index, ref int attempts)
    {
        var step = table.Walk[index];
        Attempt? attempt = step.Reason == WalkReason.Tried ? table.Attempts[attempts++] : null;
        string window = Invariant($"{step.Offset}/{step.Order}");
        string text = step.Reason switch
        {
            WalkReason.Disabled => "not enabled",
            WalkReason.TooEmpty => Invariant($"{Found(step)}, {step.Needed} needed: skipped"),
            WalkReason.Unsupported =>
                Invariant($"max_ptes_none {step.Needed} is not supported below the PMD order, where only 0 and the maximum are"),
            WalkReason.OutsideVma => "not in the VMA",
            WalkReason.OutsideTable => "lies outside the range",
            _ => Tried(step, attempt!.Value, table.Text),
        };
        return new WalkLine($"{window,-9} {text}{Verdict(table, index)}", [step], attempt);
    }

    private static string Found(WalkStep step) => step.CountsChunks
        ? Invariant($"{step.Occupied} of {1 << (step.Order - Geometry.MinOrder)} chunks")
        : step.NotPresent > 0 ? Invariant($"{step.Occupied - step.NotPresent} pages and {step.NotPresent} not present")
        : Invariant($"{step.Occupied} pages");

    private static string Tried(WalkStep step, Attempt attempt, TraceText text)
    {
        string found = step.IsUntested ? "not counted"
            : step.Occupied > step.Needed ? Invariant($"{Found(step)}, {step.Needed} needed")
            : Found(step);
        string swapin = attempt.Swapin is { SwappedIn: > 0 } report ? Invariant($", {report.SwappedIn} swapped in") : "";
        string isolate = attempt.Isolate is { } counts && attempt.Status != ScanResult.PteMappedHugepage
            ? Invariant($" ({counts.NoneOrZero} none, {counts.Referenced} referenced)")
            : "";
        return $"{found}: tried{swapin}, {text.KernelNameOf(attempt.Status)}{isolate}";
    }

    // Below the smallest enabled order there is nothing: going lower is going on.
    private static string Verdict(TableRun table, int index)
    {
        var step = table.Walk[index];
        bool staysHere = index + 1 < table.Walk.Count && table.Walk[index + 1].Offset == step.Offset;
        return step.Verdict == WalkVerdict.Stop ? ", stop" : staysHere ? ", lower" : ", on";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
