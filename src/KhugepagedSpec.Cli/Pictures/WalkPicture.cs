using System.Collections.Immutable;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>A run as a sequence of steps over a map of its PTEs.</summary>
/// <param name="Title">Who ran.</param>
/// <param name="Fields">What it ran on: a name and a text each.</param>
/// <param name="PmdOrder">How many PTEs there are, as a power of two.</param>
/// <param name="Tables">The tables that the passes begin with and end with.</param>
/// <param name="Passes">The passes, and what the program did between them.</param>
internal sealed record WalkPicture(
    string Title, ImmutableArray<ImmutableArray<string>> Fields, int PmdOrder, ImmutableArray<CellsPicture> Tables,
        ImmutableArray<PassPicture> Passes)
{
    /// <summary>Pictures a run.</summary>
    /// <param name="explained">The run.</param>
    /// <param name="everyStep">Steps through disabled orders and single empty windows too.</param>
    public static WalkPicture Of(Explained explained, bool everyStep)
    {
        var tables = TablesOf(explained).Distinct().ToList();
        var passes = ImmutableArray.CreateBuilder<PassPicture>();
        var before = explained.Before;
        for (int i = 0; i < explained.Passes.Count; i++)
        {
            var pass = explained.Passes[i];
            passes.Add(new PassPicture(
                ExplainText.PassTitle(explained, i), FormattableString.Invariant($"pass {i + 1}"), Number(before), Number(pass.Run.After),
                StepPicture.Of([.. ExplainStep.Of(explained, i, everyStep)]), ExplainText.Counters(pass),
                [.. pass.Run.Trace.Select(line => line.Line(explained.Version.Trace))]));
            before = pass.Run.After;
            if (pass.Then is not { } then)
                continue;
            passes.Add(new PassPicture(ExplainText.Then(pass), "the program", Number(before), Number(then),
                [new StepPicture("then", pass.ThenText)]));
            before = then;
        }
        return new WalkPicture(
            ExplainText.Title(explained),
                [.. ExplainText.Fields(explained).Select(field => ImmutableArray.Create(field.Label, field.Text))],
            explained.Settings.Geometry.PmdOrder, [.. tables.Select(CellsPicture.Of)], passes.ToImmutable());

        int Number(PageTable table) => tables.IndexOf(table);
    }

    /// <summary>The same without what only a page of its own has room for.</summary>
    public WalkPicture InBrief() => this with { Passes = [.. Passes.Select(pass => pass with { Statistics = null, Trace = null })] };

    /// <summary>Every table of a run.</summary>
    public static IEnumerable<PageTable> TablesOf(Explained explained) =>
        explained.Passes.SelectMany(pass => new[] { pass.Run.After, pass.Then }).OfType<PageTable>().Prepend(explained.Before);
}

/// <summary>One pass.</summary>
/// <param name="Title">Which, and what is to be said of it.</param>
/// <param name="Name">Which.</param>
/// <param name="Before">The table before, by number.</param>
/// <param name="After">The table after.</param>
/// <param name="Steps">Its steps.</param>
/// <param name="Statistics">What counters grew by.</param>
/// <param name="Trace">Its trace lines.</param>
internal sealed record PassPicture(
    string Title, string Name, int Before, int After, ImmutableArray<StepPicture> Steps, string? Statistics = null,
        ImmutableArray<string>? Trace = null);

/// <summary>One step.</summary>
/// <param name="Label">What kind of step; empty if the text says it all.</param>
/// <param name="Text">What happened and why.</param>
/// <param name="Where">The range, if it is another than the picture's.</param>
/// <param name="Outcome">For windows: what became of them.</param>
/// <param name="Windows">The windows, offset and order of each in turn.</param>
/// <param name="Changed">The PTEs that are from here on as after the pass: first and number of each run in turn.</param>
internal sealed record StepPicture(
    string Label, string Text, string? Where = null, string? Outcome = null, ImmutableArray<int>? Windows = null,
        ImmutableArray<int>? Changed = null)
{
    /// <summary>Pictures the steps of a pass.</summary>
    public static ImmutableArray<StepPicture> Of(ImmutableArray<ExplainStep> steps) =>
        [.. steps.Select((step, i) => Of(step, steps.Skip(i + 1)))];

    private static StepPicture Of(ExplainStep step, IEnumerable<ExplainStep> later)
    {
        if (step is not { Line: { } line, Where: null })
            return new StepPicture(step.Label, step.Whole, step.Where, step.Line is { } elsewhere ? OutcomeOf(elsewhere) : null);
        var changed = ChangedBy(line, later);
        return new StepPicture(
            step.Label, step.Whole, null, OutcomeOf(line), [.. line.Steps.SelectMany(window => new[] { window.Offset, window.Order })],
                changed.IsEmpty ? null : changed);
    }

    private static string OutcomeOf(WalkLine line) => line.Attempt is { } attempt
        ? (attempt.Status == ScanResult.Succeed ? "collapsed" : "failed")
        : line.Steps.Length > 1 ? "empty"
        : line.Steps[0].Reason == WalkReason.Disabled ? "off"
        : line.Steps[0].Reason == WalkReason.TooEmpty ? "skipped"
        : "failed";

    // Pages swapped in by an attempt that failed may have been collapsed by a later one: only that one shows the table after.
    private static ImmutableArray<int> ChangedBy(WalkLine line, IEnumerable<ExplainStep> later)
    {
        if (line.Attempt is not { } attempt)
            return [];
        var (from, end) = (attempt.Offset, attempt.Offset + (1 << attempt.Order));
        if (attempt.Status == ScanResult.Succeed)
            return [from, end - from];
        if (attempt.Swapin is not { SwappedIn: > 0 })
            return [];
        var changed = ImmutableArray.CreateBuilder<int>();
        var collapsed = later.Where(step => step is { Where: null, Line.Attempt.Status: ScanResult.Succeed })
            .Select(step => step.Line!.Attempt!.Value);
        foreach (var one in collapsed.OrderBy(one => one.Offset))
        {
            if (one.Offset >= end || one.Offset + (1 << one.Order) <= from)
                continue;
            if (one.Offset > from)
                changed.AddRange(from, one.Offset - from);
            from = one.Offset + (1 << one.Order);
        }
        if (from < end)
            changed.AddRange(from, end - from);
        return changed.ToImmutable();
    }
}
