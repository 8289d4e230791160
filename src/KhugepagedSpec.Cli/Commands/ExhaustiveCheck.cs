using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec check --exhaustive</c>: every table of a small geometry.</summary>
internal static class ExhaustiveCheck
{
    /// <summary>Does a share of a plan, and what is left of it if a file says what is done.</summary>
    /// <param name="version">The version.</param>
    /// <param name="plan">What to go through.</param>
    /// <param name="shard">Which share, from 1, of how many.</param>
    /// <param name="kept">Where results are kept; null for nowhere.</param>
    /// <param name="minutes">Stop after so many; null for never.</param>
    /// <param name="cancellation">Stops it.</param>
    public static int Run(KhugepagedVersion version, SweepPlan plan, (int This, int Of) shard, OutputFile? kept, double? minutes,
        CancellationToken cancellation)
    {
        var done = new List<SweepResult>();
        if (kept is { Exists: true })
        {
            (var earlier, done) = SweepFile.Read(kept.Name);
            if (earlier != plan)
                throw new UsageException(
                    $"{kept.Name}: results of another sweep ({SweepText.Of(earlier)}): expected {SweepText.Of(plan)}, or another file");
        }
        var finished = done.Select(result => result.Unit).ToHashSet();
        long mine = (plan.UnitCount - shard.This) / shard.Of + 1;
        SweepResult[] earlierOnes = [.. done];
        done.RemoveAll(result => result.Unit % shard.Of != shard.This - 1);
        var sweep = new Sweep(plan, version);
        var clock = Stopwatch.StartNew();
        // Units of other shards that the file holds stay in it.
        using (var writer = kept?.Begin(path => SweepFile.Begin(path, plan, earlierOnes), to => SweepFile.Begin(to, plan, earlierOnes)))
        {
            TerminalProgress.Steps("check", mine - done.Count, advance => Parallel.ForEach(
                Partitioner.Create(Numbers(shard.This - 1, shard.Of, plan.UnitCount).Where(number => !finished.Contains(number)),
                    EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
                (number, state) =>
                {
                    if (cancellation.IsCancellationRequested || (minutes is { } most && clock.Elapsed.TotalMinutes >= most))
                    {
                        state.Stop();
                        return;
                    }
                    var result = sweep.Run(plan.Unit(number));
                    lock (done)
                    {
                        done.Add(result);
                        if (writer is not null)
                            kept!.Guarded(() => SweepFile.Append(writer, result));
                    }
                    advance();
                }));
        }
        return SweepText.Print(plan, done, mine, shard, clock.Elapsed);
    }

    private static IEnumerable<long> Numbers(long from, long step, long end)
    {
        for (long number = from; number < end; number += step)
            yield return number;
    }

    /// <summary>Reads <c>3/16</c>.</summary>
    public static (int This, int Of) Shard(string? text)
    {
        if (text is null)
            return (1, 1);
        var parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int which)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int of) && which >= 1 && which <= of
            ? (which, of)
            : throw new UsageException($"--shard {text}: expected I/N, 1 to N, as in 3/16");
    }

    /// <summary>Checks that a PMD order and kinds can be swept.</summary>
    public static SweepPlan Plan(KhugepagedVersion version, int pmdOrder, string? kinds)
    {
        if (pmdOrder is < Geometry.MinOrder or > SweepPlan.LargestPmdOrder)
            throw new UsageException(
                $"--order {pmdOrder}: expected {Geometry.MinOrder} to {SweepPlan.LargestPmdOrder}; prove decides the larger ones");
        foreach (char letter in kinds ?? "")
            if (TableNotation.CellOf(letter) is null)
                throw new UsageException($"--kinds {kinds}: unknown kind '{letter}': expected some of {string.Concat(TableNotation.Letters.Select(known => known.Letter))}");
        if (kinds is not null && (kinds.Length < 2 || kinds.Distinct().Count() != kinds.Length
            || Math.Pow(kinds.Length, 1 << pmdOrder) > 1e12))
            throw new UsageException(
                $"--kinds {kinds}: expected two kinds or more, each once, and no more than 10^12 tables of {1 << pmdOrder} PTEs");
        return new SweepPlan(version.FullName, pmdOrder, kinds ?? "");
    }
}
