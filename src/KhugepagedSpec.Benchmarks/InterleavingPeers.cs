using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Races;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Benchmarks;

/// <summary>
/// The same model, nothing left out on either side: this explorer on one core and on all, and SPIN's pan. The best of some rounds;
/// both must come to the same number of states.
/// </summary>
internal static partial class InterleavingPeers
{
    private const int Rounds = 3;

    private static readonly string[][] Models = [["migrate", "gup-fast"], ["reclaim", "migrate"], ["fault", "fork", "reclaim"]];

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;
        try
        {
            Console.WriteLine("linux-7.2 on a table of 4, all interleavings, million states a second");
            string cores = $"{Environment.ProcessorCount} cores";
            Console.WriteLine($"  {"beside",-28}{"states",12}{"one core",10}{cores,10}{"pan -O2",10}  ratios");
            foreach (string[] names in Models)
                Compare(names, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Compare(string[] names, string folder)
    {
        var space = new ProtocolSpace(Protocols.Linux72, Shape.Four);
        var actors = names.Select(name => Actor.All.Single(actor => actor.Name == name)).ToList();
        var model = space.Beside(actors, Reductions.None);
        File.WriteAllText(Path.Combine(folder, "m.pml"), PromelaText.Of(model, string.Join(", ", names)));
        var (states, one) = Best(() => Explore(model, 1));
        var (_, all) = Best(() => Explore(model, Environment.ProcessorCount));
        bool built = PeerTool.Run("spin", "-o1 -o2 -o3 -a m.pml", folder) is not null
            && PeerTool.Run("cc", "-O2 -DSAFETY -DNOREDUCE -o pan pan.c", folder) is not null;
        var (stored, peer) = built ? Best(() => Pan(folder)) : (states, 0);
        if (stored != states)
            throw new InvalidOperationException($"{states} states here, {stored} by SPIN");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  {string.Join(", ", names),-28}{states,12:N0}{one / 1e6,10:0.00}{all / 1e6,10:0.00}{(built ? string.Create(CultureInfo.InvariantCulture, $"{peer / 1e6,10:0.00}  {one / peer:0.00}, {all / peer:0.00}") : "  not here")}"));
    }

    private static (long States, double Rate) Best(Func<(long States, double Seconds)> run)
    {
        var runs = Enumerable.Range(0, Rounds).Select(_ => run()).ToList();
        return (runs[0].States, runs.Max(one => one.States / one.Seconds));
    }

    private static (long States, double Seconds) Explore(GuardedModel model, int workers)
    {
        var found = new Explorer<GuardedModel, PackedState, Move>(model, new Bounds { Workers = workers }).Run();
        return found.Ending == Ending.Exhausted ? (found.Extent.Distinct, found.Time.TotalSeconds)
            : throw new InvalidOperationException("not exhausted");
    }

    // pan's own clock has too few digits for small models, so the whole process is timed; its table is as large as it needs.
    private static (long States, double Seconds) Pan(string folder)
    {
        var clock = Stopwatch.StartNew();
        string printed = PeerTool.Run(Path.Combine(folder, "pan"), "-m1000000 -w24", folder) ?? throw new InvalidOperationException(
            "pan failed");
        return (long.Parse(Stored().Match(printed).Groups[1].Value, CultureInfo.InvariantCulture), clock.Elapsed.TotalSeconds);
    }

    [GeneratedRegex(@"(\d+) states, stored")]
    private static partial Regex Stored();
}
