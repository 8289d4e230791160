using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Recordings;

/// <summary>What a real kernel did, in the form that invariants judge.</summary>
public static class RecordedHistory
{
    /// <summary>
    /// The passes of a vector, up to where its program did something more. Null if the recording mixes our range with another
    /// process's: the sharing child, where it is eligible too.
    /// </summary>
    /// <param name="vector">The vector.</param>
    /// <param name="model">The version that models the kernel; null for Linux 7.2.</param>
    /// <param name="inCompany">Others were in the passes too, so that the counters are not of this one alone.</param>
    public static History? Of(RecordedVector vector, KhugepagedVersion? model = null, bool inCompany = false)
    {
        var input = vector.Input;
        bool othersAreScanned = !input.Settings.OrdersFor(advised: false).IsEmpty;
        var before = VectorSetup.WithHiddenState(vector.Before, input);
        if (othersAreScanned && before.Cells.Any(cell => cell.Has(CellFlags.Shared)))
            return null;
        var vma = VectorProcess.VmaOf(input, start: 0);
        if (!input.Program.IsEmpty)
        {
            // What a program leaves that no snapshot shows, dirty and accessed bits, is the model's to say.
            var running = new Daemon.RunningScenario(ScenarioOf(vector), model ?? Catalogue.Linux72);
            (vma, before) = (running.Vma, WithHidden(running.Table, before));
        }
        var mm = new AddressSpace(input.Settings.Geometry, 1) { ThpDisable = input.ThpDisable };
        var enabled = Eligibility.PossibleOrders(input.Settings, mm, vma, input.Kind);
        if (model is { IsPmdOnly: true })
            enabled &= OrderSet.Of(input.Settings.Geometry.PmdOrder);
        int passes = vector.ThenAfter > 0 ? vector.ThenAfter : vector.Passes.Length;
        var runs = ImmutableArray.CreateBuilder<CollapseRun>(passes);
        foreach (var pass in vector.Passes.AsSpan()[..passes])
        {
            var after = WithHidden(before, pass.After);
            bool isLast = runs.Count == vector.Passes.Length - 1;
            runs.Add(new CollapseRun
            {
                Machine = input.Machine,
                Settings = input.Settings,
                Kind = input.Kind,
                Vma = vma,
                Enabled = enabled,
                Before = before,
                After = after,
                HadFaults = !input.Faults.IsEmpty,
                Status = OurLine(input, pass)?.Status,
                Attempts = [.. pass.Attempts.Where(attempt => attempt.Offset >= 0 && attempt.Offset < input.Settings.Geometry.Pages)],
                Added = othersAreScanned || inCompany || input.HasWholeNeighbours != default || pass.Counters.Statistics is null ? null
                    : pass.Counters.Modelled(),
                ReadVmstat = pass.Counters.Events is not null,
                FirstContentsLost = isLast ? (vector.WrongPages > 0 ? 0 : -1) : null,
            });
            before = after;
        }
        return new History(runs.MoveToImmutable());
    }

    /// <summary>
    /// The scenario of a vector, for models to run: its table and VMA, alone. A scan goes as far at a time as on a machine that nobody
    /// set up, which is farther than that.
    /// </summary>
    public static Daemon.Scenario ScenarioOf(RecordedVector vector) => new()
    {
        Program = vector.Input.Program,
        Table = VectorSetup.WithHiddenState(vector.Before, vector.Input),
        Machine = vector.Input.Machine,
        Vma = VectorProcess.VmaOf(vector.Input, start: 0),
        Settings = vector.Input.Settings with
        {
            PagesToScan = ThpSettings.Defaults(vector.Input.Settings.Geometry).PagesToScan,
            UseZeroPage = vector.Input.Program.IsEmpty || vector.Input.Settings.UseZeroPage,
        },
        Kind = vector.Input.Kind,
        ThpDisable = vector.Input.ThpDisable,
        Faults = vector.Input.Faults,
        Numa = Daemon.Scenario.NodesOf(vector.Before, vector.Input.Has("far")),
    };

    // Lines of other processes come first; where a pass goes on beyond our range, the neighbours' come before and after ours.
    private static ScanLine? OurLine(VectorInput input, RecordedPass pass)
    {
        int fromEnd = input.HasWholeNeighbours.Above && input.Kind == CollapseKind.Khugepaged ? 2 : 1;
        return pass.Scans.Length >= fromEnd ? pass.Scans[^fromEnd] : null;
    }

    // What a snapshot cannot show of a page that did not change is as it was.
    private static PageTable WithHidden(PageTable before, PageTable after)
    {
        // A table without entries looks like none.
        if (before.Pmd == PmdState.None && after.Cells.All(cell => cell.Kind == PteKind.None))
            return before;
        if (before.Pmd != after.Pmd)
            return after;
        var cells = after.Cells.ToArray();
        for (int i = 0; i < cells.Length; i++)
        {
            var (was, now) = (before.Cells[i], cells[i]);
            const CellFlags seen = CellFlags.Observable & ~CellFlags.New;
            if (!now.Has(CellFlags.New)
                && (was.Kind, was.Order, was.Page, was.Flags & seen) == (now.Kind, now.Order, now.Page, now.Flags & seen))
                cells[i] = was with { Flags = was.Flags & ~CellFlags.New };
        }
        return new PageTable(after.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells), after.Pmd);
    }
}
