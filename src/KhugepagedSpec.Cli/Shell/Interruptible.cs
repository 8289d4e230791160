using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>Work of many parts, whose progress a terminal shows and which Ctrl-C ends with what is known.</summary>
internal static class Interruptible
{
    /// <summary>Does each part, one a CPU at once, until the run is interrupted.</summary>
    /// <param name="name">What the progress bar calls it.</param>
    /// <param name="parts">The parts.</param>
    /// <param name="work">One of them; it may end by an exception once the token is cancelled.</param>
    /// <returns>Their results, in order; null for a part that did not come to its end.</returns>
    public static ImmutableArray<TResult?> Each<T, TResult>(string name, IReadOnlyList<T> parts, Func<T, CancellationToken, TResult> work)
        where TResult : class
    {
        var results = new TResult?[parts.Count];
        var stop = Interrupt.OfTheRun;
        TerminalProgress.Steps(name, parts.Count, advance => Parallel.ForEach(
            Partitioner.Create(Enumerable.Range(0, parts.Count), EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i =>
            {
                if (stop.IsCancellationRequested)
                    return;
                try
                {
                    results[i] = work(parts[i], stop);
                    advance();
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                }
            }));
        return [.. results];
    }

    /// <summary>Says how far it came.</summary>
    /// <returns>The exit code: <paramref name="code"/> if that tells of a difference, or nothing is missing.</returns>
    public static int Ended(int done, int all, string what, int code)
    {
        if (done == all)
            return code;
        ExitCode.Say($"interrupted: {done} of {all} {what}");
        return code == ExitCode.Differ ? code : ExitCode.NotExhausted;
    }
}
