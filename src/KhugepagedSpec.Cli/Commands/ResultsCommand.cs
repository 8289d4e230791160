using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec results</c>: what the SCAN_ results mean.</summary>
internal static class ResultsCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print the results as JSON." };
        var command = new Verb(
            "results",
            "List the SCAN_ results: what each means, what trace lines print, where it comes from, what the walk does next.",
            """
            Of each result: its meaning in one sentence; what trace lines of each release call it, and its number, which the line
            of swap-in prints; the functions of Linux 7.2's mm/khugepaged.c that give it; and what comes next in 7.2: the scan
            ends, or after an attempt the walk goes lower, goes on after the window, or stops.

            Examples:
              khugepaged-spec results
              khugepaged-spec results --json
            """)
        { json };
        command.SetAction(parsed => parsed.GetValue(json) ? PrintJson() : Print());
        return command;
    }

    private static int Print()
    {
        foreach (var entry in ResultGlossary.Entries)
        {
            Console.WriteLine(entry.Result.KernelName());
            Console.WriteLine($"  {entry.Meaning}");
            foreach (var name in NamesOf(entry.Result))
            {
                string renamed = name.Kernel == entry.Result.KernelName() ? "" : $", as {name.Kernel}";
                Console.WriteLine($"  trace  {name.Trace}, {Numbers(name)}: {Range(name.Versions)}{renamed}");
            }
            if (!entry.Functions.IsEmpty)
                Console.WriteLine($"  from   {string.Join(", ", entry.Functions)}");
            Console.WriteLine($"  next   {Next(entry)}\n");
        }
        return ExitCode.Agree;
    }

    private static int PrintJson()
    {
        ResultJson[] all =
        [
            .. ResultGlossary.Entries.Select(entry => new ResultJson(
                entry.Result.KernelName(), entry.Meaning, NamesOf(entry.Result), entry.Functions, entry.EndsScan,
                    entry.Next?.ToString().ToLowerInvariant())),
        ];
        Console.WriteLine(JsonSerializer.Serialize(all, CliJson.Readable.ResultJsonArray));
        return ExitCode.Agree;
    }

    private static string Next(ResultEntry entry)
    {
        string? walk = entry.Next switch
        {
            WalkVerdict.Advance => "after an attempt the walk goes on after the window",
            WalkVerdict.Lower => "after an attempt the walk tries the next lower order",
            WalkVerdict.Stop => "after an attempt the walk stops",
            _ => null,
        };
        string[] parts = [.. new[] { entry.EndsScan ? "the scan ends, nothing is tried" : null, walk }.OfType<string>()];
        return parts.Length > 0 ? string.Join("; ", parts)
            : entry.Functions.IsEmpty ? "not in 7.2"
            : "no walk: only of a file, or of a whole visit";
    }

    // Runs of releases, oldest first, that name and number it alike.
    private static ImmutableArray<ResultNameJson> NamesOf(ScanResult result)
    {
        var names = new List<ResultNameJson>();
        foreach (var version in Catalogue.Released)
        {
            var text = version.Trace;
            ImmutableArray<int> numbers = [.. Enumerable.Range(0, text.Results.Length).Where(number => text.Results[number] == result)];
            if (numbers.IsEmpty)
                continue;
            var name = new ResultNameJson(text.KernelNameOf(result), text.TraceNameOf(result), numbers, [version.Name]);
            if (names is [.., var last] && last.Kernel == name.Kernel && last.Trace == name.Trace && last.Numbers.SequenceEqual(numbers))
                names[^1] = last with { Versions = last.Versions.Add(version.Name) };
            else
                names.Add(name);
        }
        return [.. names];
    }

    private static string Numbers(ResultNameJson name) =>
        string.Join(" and ", name.Numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private static string Range(ImmutableArray<string> versions) => versions.Length == 1 ? versions[0] : $"{versions[0]} to {versions[^1]}";
}
