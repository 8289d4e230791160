using KhugepagedSpec.Collapse;

namespace KhugepagedSpec.Checking;

/// <summary>
/// What measured times come to by what was done in them: a time for each range scanned, each attempt, and each page copied or cleared, none
/// of them negative, by least squares. With so few figures it says what counts explain, and not what a step takes.
/// </summary>
/// <param name="Scan">Milliseconds a range scanned.</param>
/// <param name="Attempt">Milliseconds an attempt.</param>
/// <param name="Page">Milliseconds a page copied or cleared.</param>
public readonly record struct TimeFit(double Scan, double Attempt, double Page)
{
    /// <summary>The time that a cost comes to, in milliseconds.</summary>
    public double Of(CollapseCost cost) =>
        Scan * cost.Scans + Attempt * cost.Attempts + Page * (cost.PagesCopied + cost.PagesCleared);

    /// <summary>Fits measured times.</summary>
    /// <param name="measured">What was done, and how long it took, in milliseconds.</param>
    public static TimeFit To(IReadOnlyCollection<(CollapseCost Cost, double Milliseconds)> measured)
    {
        var (best, least) = (default(TimeFit), double.PositiveInfinity);
        // Each set of terms by itself, as one that would be negative is none.
        for (int terms = 1; terms < 8; terms++)
            if (Solve(measured, terms) is { Scan: >= 0, Attempt: >= 0, Page: >= 0 } fit
                && measured.Sum(one => Math.Pow(fit.Of(one.Cost) - one.Milliseconds, 2)) is var wrong && wrong < least)
                (best, least) = (fit, wrong);
        return best;
    }

    private static TimeFit? Solve(IReadOnlyCollection<(CollapseCost Cost, double Milliseconds)> measured, int terms)
    {
        int[] used = [.. Enumerable.Range(0, 3).Where(term => (terms >> term & 1) != 0)];
        double[,] rows = new double[used.Length, used.Length + 1];
        foreach (var (cost, time) in measured)
        {
            double[] counts = [cost.Scans, cost.Attempts, cost.PagesCopied + cost.PagesCleared, time];
            for (int i = 0; i < used.Length; i++)
                for (int j = 0; j <= used.Length; j++)
                    rows[i, j] += counts[used[i]] * (j < used.Length ? counts[used[j]] : counts[3]);
        }
        for (int i = 0; i < used.Length; i++)
        {
            if (rows[i, i] <= 1e-9)
                return null;
            for (int other = 0; other < used.Length; other++)
                for (double factor = other == i ? 0 : rows[other, i] / rows[i, i], j = used.Length; j >= i; j--)
                    rows[other, (int)j] -= factor * rows[i, (int)j];
        }
        double[] found = new double[3];
        for (int i = 0; i < used.Length; i++)
            found[used[i]] = rows[i, used.Length] / rows[i, i];
        return new TimeFit(found[0], found[1], found[2]);
    }
}
