using System.CommandLine;
using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec approve</c>: what tests received becomes what they expect.</summary>
internal static class ApproveCommand
{
    private const string Received = ".received.", Verified = ".verified.", Snapshots = "regressions";

    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Received files, by name or path; without any: list them."
        };
        var all = new Option<bool>("--all") { Description = "Approve all of them." };
        var command = new Verb(
            "approve",
            "Keep what a failing test left: a counterexample, or a changed snapshot.",
            """
            A failing test leaves NAME.received.json or NAME.received.txt under regressions/; approving renames it to
            NAME.verified.*. Approved counterexamples are replayed before anything new, by every property.

            Examples:
              khugepaged-spec approve
              khugepaged-spec approve uffd-keeps-holes.linux-7.2.9a7ae90f.received.json
            """)
        { files, all };
        command.SetAction(parsed =>
        {
            string[] named = parsed.GetValue(files) ?? [];
            if (parsed.GetValue(all) && named.Length > 0)
                throw new UsageException($"--all contradicts '{named[0]}': expected one of them");
            var received = Find(Directory.GetCurrentDirectory());
            var chosen = parsed.GetValue(all) ? received : [.. named.Select(name => Choose(name, received))];
            foreach (string path in chosen)
                File.Move(path, path.Replace(Received, Verified, StringComparison.Ordinal), overwrite: true);
            foreach (string path in chosen)
                Console.WriteLine($"approved {Path.GetFileName(path).Replace(Received, Verified, StringComparison.Ordinal)}");
            foreach (string path in received.Except(chosen))
                Console.WriteLine($"waiting  {Path.GetFileName(path)}");
            if (received.Count == 0)
                Console.WriteLine("nothing is waiting to be approved");
            return ExitCode.Agree;
        });
        return command;
    }

    private static string Choose(string name, List<string> received) =>
        received.Find(path => path == Path.GetFullPath(name) || Path.GetFileName(path) == name)
        ?? throw new UsageException($"{name}: no such received file: expected {(received.Count == 0 ? "none, as nothing is waiting" : string.Join(", ", received.Select(Path.GetFileName)))}");

    // Below the nearest folder, here or above, that has a folder of snapshots.
    private static List<string> Find(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            string snapshots = Path.Combine(folder.FullName, Snapshots);
            if (Directory.Exists(snapshots))
                return [.. Directory.EnumerateFiles(snapshots, $"*{Received}*", SearchOption.AllDirectories).Where(IsSource)
                    .Order(StringComparer.Ordinal)];
        }
        throw new UsageException($"no folder {Snapshots}/ in {start} or above it: expected to run in a checkout");
    }

    private static bool IsSource(string path) => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj");
}
