using System.Collections.Immutable;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Races;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using ModelChecker.Exploration;

namespace KhugepagedSpec.Regressions;

/// <summary>A kind of file that the program reads: a good one, and what reads it. What reads it throws for a bad one.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Good">One that is read.</param>
/// <param name="Read">Reads the file at a path, and does something with it.</param>
/// <param name="Command">The command that reads it; null for none of its own.</param>
internal sealed record FileFormat(string Name, string Good, Action<string> Read, string? Command = null)
{
    private static readonly LivePlan Plan = new("7.2.13 #1", "linux-7.2", 5);

    public static ImmutableArray<FileFormat> All { get; } =
    [
        new("capture", Capture(), ReadCapture, "whatif"),
        new("vectors", File.ReadAllText(Path.Combine(Recordings.Folder, "linux-7.2.13.jsonl")).Split('\n') is var lines
            ? $"{lines[0]}\n{lines[2]}\n" : "", ReadVectors, "replay"),
        new("scenario", KeptScenario(),
            path => Corpus.Parse(InputFile.All(path, "a scenario"), "scenario").Scenario.Run(Catalogue.Linux72, 1)),
        new("sweep", Written(to =>
            SweepFile.Begin(to, new("linux-7.2", 3, ""),
                [new(0, 4, 5, ImmutableSortedDictionary<string, string>.Empty),
                new(3, 4, 5, ImmutableSortedDictionary<string, string>.Empty.Add("a", "b"))])), path => SweepFile.Read(path), "merge"),
        new("explore", Written(to =>
            ExploreFile.Begin(to, new("none", 4, 1, "all", false, 9),
                [[new(0, "fault", "xxxx", Ending.Exhausted, 5, 4, 0, 3, 0.25, null, 0)],
                [new(7, "reclaim", "x...", Ending.Refuted, 5, 4, 0, 3, 0.5, "no-lock-left", 2)]])), path => ExploreFile.Read(path),
                "merge"),
        new("compare", Written(to =>
            LiveJournal.Begin(to, Plan,
                [new() { Number = 0, Scenarios = 16, Passes = 48 }, new() { Number = 1, Scenarios = 16 },
                new() { Number = 2, Scenarios = 15, Unbuilt = ["no memory"] }])), path => LiveJournal.Read(path, Plan)),
        new("version", """
            {
              "base": "linux-7.2",
              "name": "mine",
              "source": "a mail",
              "with": {
                "none-limit": "scaled",
                "retry.page_lock": "done"
              },
              "claims": "v19",
              "exceptions": { "no-none-creep": "why" }
            }
            """, path => VersionFile.Read(path), "policies --model"),
        new("table", "x*16 .*4 f3[2+3] s[84+4] # words\n.*8 h2 L m3 f4 .*450\n",
            path => Scenario.Of(PageTable.Parse(InputFile.All(path, "a table").Replace("# words", "", StringComparison.Ordinal),
            Geometry.X86)).Run(Catalogue.Linux72, 1), "explain"),
    ];

    public static FileFormat Named(string name) => All.First(format => format.Name == name);

    private static string Written(Action<TextWriter> write)
    {
        var writer = new StringWriter { NewLine = "\n" };
        write(writer);
        return writer.ToString();
    }

    private static string KeptScenario()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*2 h .*5", new Geometry(3))) with { Faults = [FaultInjection.Parse("alloc-fails@3")] };
        return Corpus.Text(new Counterexample(Contract.Invariants[0], scenario, new Violation(1, null, "why"), 1), Catalogue.Linux72,
            "explain");
    }

    private static string Capture() => Written(to =>
    {
        var writer = new CaptureFile(to);
        writer.Add(new CaptureHead(17, "sleep", "7.2.13", DateTimeOffset.UnixEpoch, 4096, ThpSettings.Defaults(Geometry.X86),
            ThpDisable.No));
        var counts = new PageCounts(3, 0, 0, 0);
        foreach (long start in new[] { 1024L, 4096 })
        {
            writer.Add(new CapturedRange(start, 2, PageTable.Parse("x*3 .*509", Geometry.X86), false));
            writer.Add(new CapturedVma(new Vma(start, start + 1024, VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.HugePage, true), "rw-p",
                "", [], counts, default, counts, UsedPages.All, false));
        }
        writer.Add(new CaptureEnd(CaptureEnding.Complete, 2, 2, []));
    });

    private static void ReadCapture(string path)
    {
        var capture = CaptureFile.Read(path);
        if (capture.Ranges < 64)
            WhatIfReport.Of(capture, new WhatIfCase("present", Catalogue.Linux72, capture.Head.Settings));
    }

    private static void ReadVectors(string path)
    {
        foreach (var line in VectorReader.Read(path, Geometry.X86))
        {
            if (line.Error is { } error)
                throw new FormatException($"{path}, line {line.Number}: {error}");
            if (line.Vector is { } vector)
                Replay.Run(vector, Catalogue.Linux72);
        }
    }
}
