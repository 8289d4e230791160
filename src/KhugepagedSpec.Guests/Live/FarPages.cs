using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Pages on the second NUMA node: one alone, or some runs, of those that can be moved there.</summary>
internal static class FarPages
{
    private const int MostRuns = 4;

    /// <summary>The scenario with some of its pages there.</summary>
    /// <param name="choices">What is drawn from.</param>
    /// <param name="scenario">Any scenario.</param>
    /// <param name="areFar">The nodes are too far apart for node reclaim.</param>
    public static Scenario Into(Choices choices, Scenario scenario, bool areFar)
    {
        var cells = scenario.Table.Cells.ToArray();
        int pages = cells.Length;
        if (scenario.Program.IsEmpty && scenario.Table.Pmd == PmdState.Table && choices.OneIn(2))
        {
            int runs = choices.Between(0, MostRuns);
            if (runs == 0)
                Move(choices.Below(pages), 1);
            for (int run = 0; run < runs; run++)
                Move(choices.Below(pages), 1 << choices.Below(scenario.Table.Geometry.PmdOrder));
        }
        var table = new PageTable(scenario.Table.Geometry, [.. cells], scenario.Table.Pmd);
        return scenario with { Table = table, Numa = Scenario.NodesOf(table, areFar) };

        // A folio goes as a whole.
        void Move(int first, int count)
        {
            int end = Math.Min(first + count, pages);
            for (int i = first; i < end; i++)
                if (cells[i] == Cell.Plain)
                    cells[i] = cells[i] with { Node = 1 };
            var folios = FolioPlan.Folios(cells).Where(folio => folio.Kept.Any(i => first <= i && i < end));
            foreach (int page in folios.SelectMany(folio => folio.Kept))
                cells[page] = cells[page] with { Node = 1 };
        }
    }
}
