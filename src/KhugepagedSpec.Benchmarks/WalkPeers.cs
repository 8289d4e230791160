using System.Diagnostics;
using System.Globalization;
using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Benchmarks;

/// <summary>
/// The walks side by side, one core each, the best of some rounds: the stack walk against the offset walk over all 16-PTE tables,
/// by the C# steppers, by the same in C, and by SPIN; then the three evaluators at the real size.
/// </summary>
internal static class WalkPeers
{
    internal const int Rounds = 3;

    private const int PmdOrder = 4;

    internal static readonly bool[] Limits = [false, true];

    // SPIN takes one set of orders and one limit.
    private const long SpinComparisons = 1L << 23;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;
        try
        {
            Pairs(folder);
            EvaluatorPeers.Run(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Pairs(string folder)
    {
        Console.WriteLine("stack walk against offset walk, 16 PTEs, every occupancy, set of orders, limit and script");
        string source = Path.Combine(AppContext.BaseDirectory, "Peers");
        double? c = PeerTool.Run("cc", $"-O3 -march=native -o walk {Path.Combine(source, "walk.c")}", folder) is null ? null
            : Enumerable.Range(0, Rounds).Max(_ =>
        {
            string[] words = PeerTool.Run(Path.Combine(folder, "walk"), $"{PmdOrder}", folder)!.Split(' ');
            return long.Parse(words[0], CultureInfo.InvariantCulture) / double.Parse(words[3], CultureInfo.InvariantCulture);
        });
        Row("C, cc -O3 -march=native", c, null);
        Sweep();
        Row("C# steppers", Enumerable.Range(0, Rounds).Max(_ => Rate(Sweep)), c);
        double? spin = null;
        if (PeerTool.Run("spin", $"-a {Path.Combine(source, "walk.pml")}", folder) is not null
            && PeerTool.Run("cc", "-O2 -DSAFETY -o pan pan.c", folder) is not null)
        {
            var clock = Stopwatch.StartNew();
            string? printed = PeerTool.Run(Path.Combine(folder, "pan"), "-m100000 -w26", folder);
            spin = printed?.Contains("errors: 0", StringComparison.Ordinal) == true ? SpinComparisons / clock.Elapsed.TotalSeconds : null;
        }
        Row("SPIN, d_step, pan -O2", spin, c);
    }

    private static long Sweep()
    {
        var geometry = new Geometry(PmdOrder);
        var total = default(PairCount);
        for (uint bits = 0; bits < 2u << PmdOrder; bits += 1u << Geometry.MinOrder)
            foreach (bool fillsHoles in Limits)
                total += WalkPair.Compare(
                    new OffsetWalker(geometry, new OrderSet(bits)), new StackWalker(geometry, new OrderSet(bits)), PmdOrder,
                        new Windows64(new OrderSet(bits), fillsHoles), 0,
                    1ul << geometry.Pages);
        return total.Different == 0 ? total.Runs : throw new InvalidOperationException("the walks differ");
    }

    internal static double Rate(Func<long> run)
    {
        var clock = Stopwatch.StartNew();
        return run() / clock.Elapsed.TotalSeconds;
    }

    private static void Row(string name, double? rate, double? peer) => Console.WriteLine(rate is { } known
        ? string.Create(CultureInfo.InvariantCulture, $"  {name,-28}{known / 1e6,10:N2} million a second{(peer is { } its ? string.Create(CultureInfo.InvariantCulture, $", {known / its:0.00} of C") : "")}")
        : $"  {name,-28}not measured: it is not installed, or does not build here");
}
