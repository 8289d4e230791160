using System.Globalization;
using System.Text;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Where userfaultfd is to be looked at (W. Yang, N. Pache, 2026-05, on v18 patch 11): "no correctness issue, only wasted cycles".
/// The waste is not at the PMD's order alone, and not all that is lost: what isolation refuses at a high order it poisons, by the
/// LRU batch, for the lower ones.
/// </summary>
public sealed class ArmedCostTests
{
    private const int Tables = 500;

    private static readonly (string Where, KhugepagedVersion Version)[] Looks =
    [
        ("at the scan (1), and in isolation", Catalogue.UffdAtScan),
        ("remembered in the walk (2), and in isolation", Catalogue.UffdRemembered),
        ("in isolation only (7.2)", Catalogue.Linux72),
    ];

    [Fact]
    public async Task Where_userfaultfd_is_looked_at_decides_what_is_gained_and_what_is_spent()
    {
        var costs = Looks.AsParallel().AsOrdered().Select(look => ArmedCost.Of(look.Version, seed: 41, Tables)).ToList();
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture,
                $"{Tables} armed random tables, all sizes, max_ptes_none 511, {ArmedCost.Passes} passes\n\n");
        text.Append(CultureInfo.InvariantCulture, $"{"userfaultfd is looked at",-46}{"pages",10}{"attempts",10}{"failed",10}\n");
        foreach (var (look, cost) in Looks.Zip(costs))
            text.Append(CultureInfo.InvariantCulture, $"{look.Where,-46}{cost.Pages,10}{cost.Attempts,10}{cost.Failed,10}\n");
        var (scan, remembered, late) = (costs[0], costs[1], costs[2]);
        Assert.True(remembered.Pages > late.Pages && late.Pages > scan.Pages, text.ToString());
        Assert.True(late.Attempts > 2 * remembered.Attempts && 10 * scan.Attempts < remembered.Attempts, text.ToString());
        await Verifier.Verify(text.ToString());
    }
}
