using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What a visit comes to when nobody else runs, in the words of the sequential model.</summary>
/// <param name="Status">How the visit ended.</param>
/// <param name="Attempts">Window and result of each attempt: <c>offset/order:result</c>.</param>
/// <param name="Table">The PMD entry, and each entry behind the visit: what it holds, of which order, and whether that is all zero.</param>
public sealed record AloneRun(ScanResult Status, ImmutableArray<string> Attempts, string Table)
{
    /// <summary>Runs khugepaged's protocol on a scenario of the shape's size.</summary>
    /// <exception cref="InvalidOperationException">It stops before its end, or could go on in two ways.</exception>
    public static AloneRun Of(ProtocolSpace space, Scenario scenario)
    {
        var s = space.State;
        var model = space.Alone(InitialState.Of(s, scenario));
        var attempts = ImmutableArray.CreateBuilder<string>();
        var state = model.Initial;
        while (true)
        {
            var only = default(Only);
            model.Expand(state, ref only);
            if (only.Count > 1)
                throw new InvalidOperationException($"{model.StepOf(only.Move).Function} goes two ways");
            if (only.Count == 0)
                break;
            if (KhugepagedProgram.TriedWindow(model.StepOf(only.Move)) is { } window)
                attempts.Add($"{window}:{((ScanResult)s.Layout.Get(state, s.Khugepaged.Result)).KernelName()}");
            state = only.Next;
        }
        // Others' locks, pins and entries are in the scenario though they are not under way, so only its own end is asked for.
        if (!model.HasEnded(state) || model.Judge(state) >= 0)
            throw new InvalidOperationException("khugepaged alone does not end, or breaks a property");
        bool collapsed = s.Layout.Get(state, s.Khugepaged.Collapsed) != 0;
        return new AloneRun(collapsed ? ScanResult.Succeed
            : (ScanResult)s.Layout.Get(state, s.Khugepaged.Last), attempts.ToImmutable(), Text(s, state, scenario.Table));
    }

    /// <summary>The same of a pass of the sequential model over one range.</summary>
    public static AloneRun Of(TableRun run, PageTable after) => new(
        run.Status, [.. run.Attempts.Select(attempt => $"{attempt.Offset}/{attempt.Order}:{attempt.Status.KernelName()}")],
        after.Pmd == PmdState.Huge ? Show("huge", after.Cells) : Show("table", after.Cells));

    /// <inheritdoc/>
    public override string ToString() => $"{Status.KernelName()} [{string.Join(' ', Attempts)}] {Table}";

    private static string Text(SharedState s, PackedState state, PageTable before)
    {
        bool huge = s.Layout.Get(state, s.Pmd) == PmdHolds.Huge;
        return Show(huge ? "huge" : "table", before.Cells.Select((cell, i) =>
        {
            var entry = s[i];
            int holds = s.Layout.Get(state, entry.Pte);
            var flags = s.Layout.Get(state, entry.UffdWp) != 0 ? CellFlags.UffdWp : CellFlags.None;
            return huge || holds == Holds.New ? Page(entry.New, huge ? s.Shape.PmdOrder : s.Shape.SmallOrder)
                : holds == Holds.Source ? Page(entry.Source, cell.Order)
                : holds == Holds.Fresh ? Page(entry.Fresh, 0)
                : holds == Holds.Zero ? new Cell(PteKind.ZeroPage, flags)
                : cell;

            Cell Page(Variable contents, int order) =>
                new(PteKind.Page, flags | (s.Layout.Get(state, contents) == Contents.Zero ? CellFlags.ZeroFilled : CellFlags.None),
                    (byte)order);
        }));
    }

    private static string Show(string pmd, IEnumerable<Cell> cells) => $"{pmd}: {string.Join(' ', cells.Select(cell =>
        $"{cell.Kind}{(cell.Kind == PteKind.Page ? cell.Order : "")}{(cell.Has(CellFlags.UffdWp) ? ",uffd-wp" : "")}{(cell.Has(CellFlags.ZeroFilled) ? ",zero" : "")}"))}";

    private struct Only : ISuccessors<PackedState, Move>
    {
        public int Count;
        public Move Move;
        public PackedState Next;

        public void Add(Move action, in PackedState next) => (Count, Move, Next) = (Count + 1, action, next);
    }
}
