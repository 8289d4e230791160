using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races;
using ModelChecker.Exploration;
using ModelChecker.Guarded;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec explore --shard I/N --out FILE</c>: a share of all combinations, kept in a file, so that many machines can
/// do it.</summary>
internal static class ExploreShards
{
    /// <summary>Does a share of the combinations, and what is left of it if the file says what is done.</summary>
    public static int Run(
        ProtocolSpace space, IReadOnlyList<ImmutableArray<Actor>> combinations, ExplorePlan plan, (int This, int Of) shard,
            OutputFile? kept, Reductions reductions, Bounds bounds)
    {
        var done = new List<ImmutableArray<UnitResult>>();
        if (kept is { Exists: true })
        {
            (var earlier, done) = ExploreFile.Read(kept.Name);
            if (earlier != plan)
                throw new UsageException(
                    $"{kept.Name}: results of other searches ({Text(earlier)}): expected {Text(plan)}, or another file");
        }
        var finished = done.Select(results => results[0].Unit).ToHashSet();
        int[] mine = [.. Enumerable.Range(0, combinations.Count).Where(unit => unit % shard.Of == shard.This - 1)];
        var clock = Stopwatch.StartNew();
        using (var writer = kept?.Begin(path => ExploreFile.Begin(path, plan, done), to => ExploreFile.Begin(to, plan, done)))
            TerminalProgress.Steps("explore", mine.Count(unit => !finished.Contains(unit)), advance =>
            {
                foreach (int unit in mine.Where(unit => !finished.Contains(unit)))
                {
                    ImmutableArray<UnitResult> results =
                        [.. Suite.Search(space, combinations[unit], reductions, bounds).Select(result => UnitResult.Of(unit, result))];
                    // What was interrupted is done again.
                    if (bounds.Cancellation.IsCancellationRequested)
                        break;
                    done.Add(results);
                    if (writer is not null)
                        kept!.Guarded(() => ExploreFile.Append(writer, results));
                    advance();
                }
            });
        var wanted = mine.ToHashSet();
        return Print(plan, [.. done.Where(results => wanted.Contains(results[0].Unit))], mine, shard, clock.Elapsed);
    }

    /// <summary>Joins files.</summary>
    public static int Merge(IReadOnlyList<string> paths, OutputFile? to)
    {
        ExplorePlan? plan = null;
        var units = new SortedDictionary<int, ImmutableArray<UnitResult>>();
        foreach (string path in paths)
        {
            var (its, done) = ExploreFile.Read(path);
            plan ??= its;
            if (its != plan)
                throw new UsageException($"{path}: results of other searches ({Text(its)}): expected {Text(plan)}");
            foreach (var results in done)
                if (!units.TryAdd(results[0].Unit, results) && !Same(units[results[0].Unit], results))
                    throw new UsageException($"{path}: {results[0].Actors} came to something else in an earlier file: expected the same");
        }
        to?.Begin(path => ExploreFile.Begin(path, plan!, units.Values), writer => ExploreFile.Begin(writer, plan!, units.Values)).Dispose();
        return Print(plan!, [.. units.Values], [.. Enumerable.Range(0, plan!.Combinations)], (1, 1), null);
    }

    // Time apart.
    private static bool Same(ImmutableArray<UnitResult> a, ImmutableArray<UnitResult> b) =>
        a.Select(each => each with { Seconds = 0 }).SequenceEqual(b.Select(each => each with { Seconds = 0 }));

    private static string Text(ExplorePlan plan) => string.Create(
        CultureInfo.InvariantCulture, $"{plan.Protocol}, {plan.Entries} entries, beside {plan.Beside}, judged by {plan.Judged}{(plan.Unreduced ? ", nothing left out" : "")}");

    private static int Print(ExplorePlan plan, List<ImmutableArray<UnitResult>> done, int[] wanted, (int This, int Of) shard,
        TimeSpan? time)
    {
        UnitResult[] all = [.. done.SelectMany(results => results)];
        Line($"{Text(plan)}: {done.Count:N0} of {wanted.Length:N0} combinations{(shard.Of > 1 ? $", shard {shard.This} of {shard.Of}" : "")}");
        foreach (var broken in all.Where(each => each.Broken is not null))
            Line($"  {broken.Actors}, table {broken.Table}: {broken.Broken} is broken after {broken.Steps} steps");
        Line($"  {all.Sum(each => each.Generated):N0} states generated, {all.Sum(each => each.Distinct):N0} distinct, {all.Sum(each => each.Left):N0} left on queue, depth {all.Select(each => each.Depth).DefaultIfEmpty().Max()}");
        Line($"  odds of a collision {all.Sum(each => each.CollisionOdds):0.0e+0}; searches took {all.Sum(each => each.Seconds):0.0} s{(time is { } now ? $", {now.TotalSeconds:0.0} s of it now" : "")}");
        string[] open = [.. all.Where(each => each.Ending is not (Ending.Exhausted or Ending.Refuted))
            .Select(each => $"{each.Actors}, table {each.Table} ({ExploreText.Name(each.Ending)})")];
        ExploreText.NameOpen(open);
        int missing = wanted.Length - done.Count;
        Line($"{(all.Any(each => each.Broken is not null) ? "refuted" : missing > 0 ? $"not exhausted: {missing} combinations were not searched" : open.Length > 0 ? "not exhausted" : "exhausted: no property is broken")}");
        return all.Any(each => each.Broken is not null) ? ExitCode.Differ : missing > 0 || open.Length > 0 ? ExitCode.NotExhausted
            : ExitCode.Agree;
    }
}
