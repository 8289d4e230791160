using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Which tables.</summary>
/// <param name="Count">How many.</param>
/// <param name="Passes">Full scans of each.</param>
/// <param name="Seed">Their seed.</param>
/// <param name="IsArmed">userfaultfd has armed the VMAs.</param>
/// <param name="Settings">The settings of all.</param>
internal sealed record CostRequest(int Count, int Passes, ulong Seed, bool IsArmed, ThpSettings Settings)
{
    /// <summary>The tables, without end.</summary>
    public IEnumerable<Scenario> Scenarios() => CostSurvey.Tables(Settings, IsArmed, Seed);
}
