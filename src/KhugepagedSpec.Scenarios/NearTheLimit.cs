using System.Runtime.InteropServices;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Scenarios in which one limit decides and nothing else is in the way: plain pages, a few PTEs of the kind that the limit counts,
/// and as many allowed, or one fewer; or empty PTEs in a VMA that is armed by userfaultfd while khugepaged is at it. Something is
/// tried in nearly all of them, so that what goes wrong meets an attempt.
/// </summary>
/// <param name="choices">Where its choices come from.</param>
/// <param name="geometry">The geometry of the tables.</param>
/// <param name="kinds">The letters of the notation that may occur; null for all.</param>
internal sealed class NearTheLimit(Choices choices, Geometry geometry, string? kinds)
{
    private readonly char[] _counted = [.. ".zsshh".Where(letter => kinds is null || kinds.Contains(letter))];

    /// <summary>A scenario; its orders are still those of a fresh boot.</summary>
    public Scenario Next()
    {
        bool isArmed = choices.OneIn(3);
        char counted = isArmed ? '.' : choices.Of<char>(_counted);
        var cells = new Cell[geometry.Pages];
        Array.Fill(cells, Cell.Plain);
        int count = 0;
        for (int odd = choices.Between(1, Math.Min(6, geometry.Pages / 2)); odd > 0; odd--)
        {
            ref var cell = ref cells[choices.Below(cells.Length)];
            count += cell == Cell.Plain ? 1 : 0;
            cell = TableNotation.CellOf(counted)!.Value;
        }
        var scenario = Scenario.Of(new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells)));
        int maximum = geometry.MaxPtesLimit, limit = Math.Min(maximum, count - (choices.OneIn(2) ? 1 : 0));
        return scenario with
        {
            Settings = scenario.Settings with
            {
                MaxPtesNone = isArmed ? maximum : counted is '.' or 'z' ? limit : choices.OneIn(2) ? 0 : maximum,
                MaxPtesSwap = counted == 's' ? limit : maximum,
                MaxPtesShared = counted == 'h' ? limit : maximum,
            },
            Faults = isArmed ? [new FaultInjection(InjectedFault.UffdRegistered, choices.OneIn(2) ? Gap.BeforeRead : Gap.BeforeWrite)]
                : choices.OneIn(2) ? []
                : [AFault(counted)],
        };
    }

    // What swap-in runs into where there is something to swap in; else anything.
    private FaultInjection AFault(char counted)
    {
        if (counted == 's' && !choices.OneIn(3))
            return new FaultInjection(choices.OneIn(2) ? InjectedFault.SwapinFails : InjectedFault.SwapinRetries, Times: 1);
        var (what, when) = choices.Of<(InjectedFault, Gap)>(ScenarioGenerator.AllFaults);
        return new FaultInjection(what, when, Times: choices.Between(1, 3));
    }
}
