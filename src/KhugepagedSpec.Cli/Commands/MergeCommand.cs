using System.CommandLine;
using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec merge</c>: the shards of a sweep, or of searches, together.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Results of shards, as check --exhaustive --out or explore --out wrote them."
        };
        var output = new Option<string?>("--out") { Description = "Write the joined results there.", HelpName = "FILE" };
        var command = new Verb(
            "merge",
            "Join the results of the shards of an exhaustive check, or of explore.",
            """
            A unit that is in several files counts once. Exit code 1 if something is broken, 3 if units are missing.

            Example:
              khugepaged-spec check --exhaustive --order 4 --shard 1/2 --out 1.jsonl
              khugepaged-spec check --exhaustive --order 4 --shard 2/2 --out 2.jsonl
              khugepaged-spec merge 1.jsonl 2.jsonl
              khugepaged-spec explore --beside 3 --entries 4 --shard 7/64 --out 7.jsonl
            """)
        { files, output };
        command.SetAction(parsed =>
        {
            string[] paths = parsed.GetValue(files)!;
            var to = OutputFile.Journal("--out", parsed.GetValue(output));
            if (paths.Length > 0 && paths.All(ExploreFile.IsOne))
                return ExploreShards.Merge(paths, to);
            SweepPlan? plan = null;
            var units = new SortedDictionary<long, SweepResult>();
            foreach (string path in paths)
            {
                var (its, done) = SweepFile.Read(path);
                plan ??= its;
                if (its != plan)
                    throw new UsageException($"{path}: results of another sweep ({SweepText.Of(its)}): expected {SweepText.Of(plan)}");
                foreach (var result in done)
                    if (!units.TryAdd(result.Unit, result) && !units[result.Unit].Equals(result))
                        throw new UsageException(
                            $"{path}: unit {result.Unit} came to something else in an earlier file: expected the same");
            }
            to?.Begin(path => SweepFile.Begin(path, plan!, units.Values), writer => SweepFile.Begin(writer, plan!, units.Values)).Dispose();
            return SweepText.Print(plan!, [.. units.Values], plan!.UnitCount, (1, 1), null);
        });
        return command;
    }
}
