using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>
/// What khugepaged gains and spends on random tables of VMAs that userfaultfd has armed: all sizes enabled, max_ptes_none at its
/// maximum, so that every hole is tempting.
/// </summary>
/// <param name="Pages">Pages in large folios that it made and that are there after the last pass.</param>
/// <param name="Attempts">Attempts of all passes, each with an allocation.</param>
/// <param name="Failed">Those that came to nothing.</param>
public sealed record ArmedCost(long Pages, long Attempts, long Failed)
{
    /// <summary>Passes over each table.</summary>
    public const int Passes = 3;

    /// <summary>Runs a version over tables.</summary>
    /// <param name="version">The version.</param>
    /// <param name="seed">The same seed gives the same tables.</param>
    /// <param name="tables">How many.</param>
    public static ArmedCost Of(KhugepagedVersion version, ulong seed, int tables)
    {
        long pages = 0, attempts = 0, failed = 0;
        var generator = new TableGenerator(new RandomChoices(seed), Geometry.X86);
        for (int i = 0; i < tables; i++)
        {
            var scenario = Scenario.Of(generator.Next());
            var armed = scenario with
            {
                Vma = scenario.Vma with { Flags = scenario.Vma.Flags | VmaFlags.UffdMissing },
                Settings = scenario.Settings.WithSizes(Geometry.X86.AnonOrders, SizeEnabled.Madvise),
            };
            var made = new HashSet<int>();
            foreach (var attempt in armed.Run(version, Passes).SelectMany(run => run.Report.Tables).SelectMany(table => table.Attempts))
            {
                attempts++;
                failed += attempt.Status == ScanResult.Succeed ? 0 : 1;
                if (attempt.Status == ScanResult.Succeed)
                    made.UnionWith(Enumerable.Range(attempt.Offset, 1 << attempt.Order));
            }
            pages += made.Count;
        }
        return new ArmedCost(pages, attempts, failed);
    }
}
