using System.Collections.Immutable;

namespace KhugepagedSpec.Checking;

/// <summary>Two runs side by side: what both have at one place shares a row, what one alone has stands alone.</summary>
internal static class RunRows
{
    // Lines that say the same are kept together before those that only stand at the same place.
    private const int SamePlace = 1, SameText = 2;

    /// <summary>The rows, each run's lines in its order.</summary>
    public static ImmutableArray<(RunLine? First, RunLine? Second)> Of(ImmutableArray<RunLine> first, ImmutableArray<RunLine> second)
    {
        int same = first.Zip(second).TakeWhile(pair => Worth(pair.First, pair.Second) == SameText).Count();
        var best = Best(first, second, same);
        var rows = ImmutableArray.CreateBuilder<(RunLine?, RunLine?)>();
        rows.AddRange(first.Take(same).Zip(second, (a, b) => ((RunLine?)a, (RunLine?)b)));
        for (var (i, j) = (same, same); i < first.Length || j < second.Length;)
        {
            bool isBoth = i < first.Length && j < second.Length && Worth(first[i], second[j]) is var worth and > 0
                && best[i, j] == best[i + 1, j + 1] + worth;
            bool isFirst = isBoth || (i < first.Length && (j == second.Length || best[i, j] == best[i + 1, j]));
            rows.Add((isFirst ? first[i++] : null, isBoth || !isFirst ? second[j++] : null));
        }
        return rows.ToImmutable();
    }

    // The most that the lines from i and j on can be worth: the longest common subsequence, by weight.
    private static int[,] Best(ImmutableArray<RunLine> first, ImmutableArray<RunLine> second, int from)
    {
        int[,] best = new int[first.Length + 1, second.Length + 1];
        for (int i = first.Length - 1; i >= from; i--)
            for (int j = second.Length - 1; j >= from; j--)
            {
                int worth = Worth(first[i], second[j]);
                best[i, j] = Math.Max(Math.Max(best[i + 1, j], best[i, j + 1]), worth > 0 ? best[i + 1, j + 1] + worth : 0);
            }
        return best;
    }

    private static int Worth(RunLine a, RunLine b) => a.Place != b.Place ? 0 : a.Text == b.Text ? SameText : SamePlace;
}
