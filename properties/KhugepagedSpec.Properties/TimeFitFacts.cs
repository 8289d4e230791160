using KhugepagedSpec.Checking;
using KhugepagedSpec.Collapse;

namespace KhugepagedSpec.Properties;

/// <summary>What measured times come to by counts.</summary>
public sealed class TimeFitFacts
{
    private static readonly CollapseCost[] Costs =
        [Cost(100, 4, 2000), Cost(100, 0, 0), Cost(100, 900, 8000), Cost(100, 700, 10), Cost(100, 650, 0)];

    [Fact]
    public void Times_that_are_made_of_counts_are_taken_apart_again()
    {
        var made = new TimeFit(0.01, 0.2, 0.0005);
        var fit = TimeFit.To([.. Costs.Select(cost => (cost, made.Of(cost)))]);
        Assert.Equal(made.Scan, fit.Scan, 1e-9);
        Assert.Equal(made.Attempt, fit.Attempt, 1e-9);
        Assert.Equal(made.Page, fit.Page, 1e-9);
    }

    // Attempts that seem to save time are taken for none.
    [Fact]
    public void Nothing_takes_less_than_no_time()
    {
        var fit = TimeFit.To([.. Costs.Select(cost => (cost, 5 + 0.001 * cost.PagesCopied - 0.001 * cost.Attempts))]);
        Assert.True(fit is { Scan: >= 0, Attempt: 0, Page: > 0 }, $"{fit}");
        Assert.Equal(default, TimeFit.To([(default, 1.0)]));
    }

    private static CollapseCost Cost(long scans, long attempts, long copied) => new(scans, attempts, 0, 0, 0, copied, 0, copied);
}
