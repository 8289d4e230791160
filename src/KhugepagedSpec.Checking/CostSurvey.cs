using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>What a khugepaged gains and spends on tables.</summary>
/// <param name="Pages">Pages in large folios that it made, each counted once.</param>
/// <param name="Cost">What all its visits cost.</param>
public readonly record struct CostSurvey(long Pages, CollapseCost Cost)
{
    /// <summary>Both together.</summary>
    public static CostSurvey operator +(CostSurvey a, CostSurvey b) => new(a.Pages + b.Pages, a.Cost + b.Cost);

    /// <summary>Random tables at the real size, without end.</summary>
    /// <param name="settings">The settings of them all.</param>
    /// <param name="isArmed">userfaultfd has armed the VMAs for missing pages.</param>
    /// <param name="seed">The same seed gives the same tables.</param>
    public static IEnumerable<Scenario> Tables(ThpSettings settings, bool isArmed, ulong seed)
    {
        var generator = new TableGenerator(new RandomChoices(seed), Geometry.X86);
        while (true)
        {
            var scenario = Scenario.Of(generator.Next()) with { Settings = settings };
            yield return isArmed
                ? scenario with { Vma = scenario.Vma with { Flags = scenario.Vma.Flags | VmaFlags.UffdMissing } }
                : scenario;
        }
    }

    /// <summary>A version on one table.</summary>
    /// <param name="version">The version.</param>
    /// <param name="scenario">The table.</param>
    /// <param name="passes">Full scans.</param>
    public static CostSurvey Of(KhugepagedVersion version, Scenario scenario, int passes) =>
        Of([.. scenario.Run(version, passes).SelectMany(run => run.Report.Tables)]);

    /// <summary>Visits of one range.</summary>
    public static CostSurvey Of(IReadOnlyCollection<TableRun> visits) =>
        new(MadeOf(visits.SelectMany(visit => visit.Attempts)), CollapseCost.Of(visits));

    /// <summary>Pages of one range in the folios that attempts made, each counted once.</summary>
    public static long MadeOf(IEnumerable<Attempt> attempts) =>
        attempts.Where(attempt => attempt.Status == ScanResult.Succeed)
            .SelectMany(attempt => Enumerable.Range(attempt.Offset, 1 << attempt.Order)).Distinct().LongCount();
}
