using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec replay</c>: the model against recorded kernels.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Recorded vectors, one JSON object a line. Without any: the recordings this program came with.",
        };
        var model = ModelOption.CreateForKernel("run");
        var json = new Option<bool>("--json") { Description = "Print totals and the ids that differ as JSON." };
        var ktap = Ktap.Option();
        var command = new Verb(
            "replay",
            "Run the model on page tables that real kernels were given, and compare.",
            """
            Compares scan results, every attempt, trace lines, the table, statistics and return value, pass by pass.
            Exit code 0: all agree; 1: some differ; 2: bad input.

            Examples:
              khugepaged-spec replay linux-7.2.13.jsonl --json
              khugepaged-spec replay linux-7.2.13.jsonl --with retry.page_lock=done
            """)
        { files, model, json, ktap };
        var with = WithOption.AddTo(command, "the model of each file");
        command.SetAction(parsed =>
        {
            Ktap.RefuseBoth(parsed.GetValue(ktap), parsed.GetValue(json));
            Action<IReadOnlyList<ReplayReport>> print = parsed.GetValue(json) ? PrintJson : parsed.GetValue(ktap) ? ReplayText.PrintKtap
                : ReplayText.Print;
            var named = ModelOption.GetIfGiven(parsed, model);
            var changed = new Dictionary<KhugepagedVersion, KhugepagedVersion>();
            return Run(parsed.GetValue(files)!, Version, print);

            // What is said of a change is said once.
            KhugepagedVersion Version(Func<KhugepagedVersion> recorded)
            {
                var version = named ?? recorded();
                lock (changed)
                    return changed.TryGetValue(version, out var known) ? known : changed[version] = with.Change(parsed, version);
            }
        });
        return command;
    }

    private static int Run(string[] files, Func<Func<KhugepagedVersion>, KhugepagedVersion> version,
        Action<IReadOnlyList<ReplayReport>> print)
    {
        var paths = files.Length > 0 ? [.. files.Select(Recorded.Find)] : Recorded.All();
        var present = paths.Where(path => InputFile.IsStandard(path) || File.Exists(path)).ToList();
        foreach (string missing in paths.Except(present))
            ExitCode.Refuse($"{missing}: {(Directory.Exists(missing) ? "a folder" : "no such file")}: expected {VectorReader.Expected}");
        if (present.Count == 0)
            return ExitCode.BadInput;
        var reports = TerminalProgress.Over(present, (path, advance) => Replay(path, version, advance));
        foreach (var (report, line) in reports.SelectMany(report => report.Unreadable.Select(line => (report, line))))
            ExitCode.Refuse($"{InputFile.NameOf(report.Path)}, line {line.Number}: {line.Error}");
        bool isEmpty = false;
        foreach (var report in reports.Where(report => report.Vectors == 0 && report.Unreadable.Count == 0 && !report.IsInterrupted))
        {
            isEmpty = true;
            ExitCode.Refuse($"{InputFile.NameOf(report.Path)}: no vector: expected at least one");
        }
        if (reports.All(report => report.Vectors == 0 && !report.IsInterrupted))
            return ExitCode.BadInput;
        if (reports.Any(report => report.IsInterrupted))
            ExitCode.Say("interrupted: what was replayed until then is below");
        print(reports);
        return reports.Any(report => report.Differing.Count > 0) ? ExitCode.Differ
            : present.Count < paths.Count || isEmpty || reports.Any(report => report.Unreadable.Count > 0) ? ExitCode.BadInput
            : reports.Any(report => report.IsInterrupted) ? ExitCode.NotExhausted
            : ExitCode.Agree;
    }

    private static ReplayReport Replay(string path, Func<Func<KhugepagedVersion>, KhugepagedVersion> version, Action<int> advance)
    {
        var report = new ReplayReport(path) { Version = version(() => Catalogue.Linux72) };
        foreach (var line in VectorReader.Read(path, Geometry.X86))
        {
            if (line.Vector is { } vector)
                report.Add(vector, Recordings.Replay.Run(vector, report.Version));
            else if (line.Meta is not null)
                (report.Kernel, report.Version) = (line.Meta, version(() => ModelOption.ForRecorded(line.Meta, path)));
            else
                report.Unreadable.Add(line);
            advance(line.Length);
            if (Interrupt.OfTheRun.IsCancellationRequested)
            {
                report.IsInterrupted = true;
                break;
            }
        }
        return report;
    }

    private static void PrintJson(IReadOnlyList<ReplayReport> reports) =>
        Console.WriteLine(JsonSerializer.Serialize(ToJson(reports), CliJson.Readable.ReplayJson));

    private static ReplayJson ToJson(IReadOnlyList<ReplayReport> reports) => new(
        string.Join(", ", reports.Select(report => report.Version.Name).Distinct()),
        [.. reports.Select(report => new ReplayFileJson(
            report.Path, report.Kernel, report.Vectors, report.Passes, report.Attempts, report.Vectors - report.Differing.Count,
            [.. report.Differing.Select(
                pair => new DifferenceJson(pair.Vector.Id, pair.Mismatch.Pass, pair.Mismatch.What, pair.Mismatch.Kernel,
                    pair.Mismatch.Model))],
            [.. report.Unreadable.Select(line => new UnreadableJson(line.Number, line.Error!))]))]);
}
