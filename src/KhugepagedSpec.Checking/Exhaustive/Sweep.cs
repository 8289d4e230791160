using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Checking.Exhaustive;

/// <summary>Does the units of a plan.</summary>
/// <param name="plan">The plan.</param>
/// <param name="version">The version it names.</param>
public sealed class Sweep(SweepPlan plan, KhugepagedVersion version)
{
    private readonly Geometry _geometry = new(plan.PmdOrder);
    private readonly Cell[] _kinds = [.. plan.Kinds.Select(letter => TableNotation.CellOf(letter)!.Value)];
    private readonly ImmutableArray<Invariant> _claimed =
        [.. Contract.Invariants.Where(invariant => invariant.IsClaimedOf(version))];

    /// <summary>Does one unit; the same whoever does it and when.</summary>
    public SweepResult Run(SweepUnit unit) => plan.IsOfTables ? RunTables(unit) : version.Walk.Use(new Walks(plan, unit));

    private SweepResult RunTables(SweepUnit unit)
    {
        long runs = 0, attempts = 0;
        var broken = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        for (long number = unit.From; number < unit.To; number++)
            foreach (bool uffd in (ReadOnlySpan<bool>)[false, true])
            {
                var scenario = ScenarioOf(unit, number, uffd);
                var history = History.Of(scenario, version, Checker.Passes);
                runs++;
                foreach (var run in history.Runs)
                    attempts += run.Attempts.Length;
                foreach (var invariant in _claimed)
                    if (invariant.Check(history) is not null && !broken.ContainsKey(invariant.Name))
                        broken.Add(invariant.Name, scenario.ToString());
            }
        return new SweepResult(unit.Number, runs, attempts, broken.ToImmutable());
    }

    // A table's number has a digit a PTE, the first PTE's last.
    private Scenario ScenarioOf(SweepUnit unit, long number, bool uffd)
    {
        var cells = new Cell[_geometry.Pages];
        for (int i = 0; i < cells.Length; i++, number /= _kinds.Length)
            cells[i] = _kinds[number % _kinds.Length];
        var scenario = Scenario.Of(new PageTable(_geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells)));
        int maximum = _geometry.MaxPtesLimit;
        return scenario with
        {
            Settings = scenario.Settings.WithSizes(unit.Enabled, SizeEnabled.Madvise) with
            {
                MaxPtesNone = unit.FillsHoles ? maximum : 0,
                MaxPtesSwap = maximum,
                MaxPtesShared = maximum,
            },
            Vma = uffd ? scenario.Vma with { Flags = scenario.Vma.Flags | VmaFlags.UffdMissing } : scenario.Vma,
        };
    }

    private sealed record Walks(SweepPlan Plan, SweepUnit Unit) : IWalkerUse<SweepResult>
    {
        public SweepResult With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
            where TWalker : struct, IOrderWalker
        {
            var geometry = new Geometry(Plan.PmdOrder);
            var count = WalkPair.Compare(
                begin(geometry, Unit.Enabled), new StackWalker(geometry, Unit.Enabled), Plan.PmdOrder,
                    new Windows64(Unit.Enabled, Unit.FillsHoles), (ulong)Unit.From, (ulong)Unit.To);
            var broken = ImmutableSortedDictionary<string, string>.Empty;
            if (count.Different > 0)
                broken = broken.Add("walks-agree",
                    $"{count.Different} runs with orders {Unit.Enabled}, occupancies {Unit.From:x} to {Unit.To - 1:x}");
            return new SweepResult(Unit.Number, count.Runs, count.Attempts, broken);
        }
    }
}
