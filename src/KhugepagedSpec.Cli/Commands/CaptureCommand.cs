using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec capture</c>: the memory of a live process as scenarios.</summary>
internal static class CaptureCommand
{
    private const int MostCaptures = 10_000;

    public static Command Create()
    {
        var processes = new ProcessOptions();
        var range = new Option<string?>("--range")
        {
            Description = "Of one process, only PMD ranges that overlap these addresses, hexadecimal as in maps.",
            HelpName = "A-B"
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "Keep it there, for whatif; without, only the summary is printed.",
            HelpName = "FILE",
        };
        var every = TimeOption.Create("--every", "With --count: capture again and again, so much time from one to the next.");
        var count = Options.Number("--count", "With --every: how many captures, all into one file.");
        var command = new Verb(
            "capture",
            "Read the page tables of live processes, one scenario a PMD range.",
            """
            Reads smaps (maps with sizes), pagemap, kpageflags and kpagecount, memory.stat and buddyinfo; writes nothing and does not
            stop a process. Needs root, and Linux 6.7 or later. Several processes are read one after the other, the oldest first,
            into one file. A range that changes each time it is read is marked. Not to be seen from outside: pins (GUP), pages that
            wait in a CPU's LRU batch, and which pages of a VMA were referenced if only some were: those all count as used.
            --every takes several captures, of the processes that are there each time; whatif says what changed between them.
            Exit code 0: all was read, and what stood still agrees with smaps to the page; 1: it does not; 2: bad input;
            3: a process ended or cannot be read, or Ctrl-C: what was read is kept, and marked as a part.

            Examples:
              khugepaged-spec capture --pid 4711 -o redis.jsonl
              khugepaged-spec capture --pid 4711 --range 7f3c00000000-7f3c40000000 -o part.jsonl
              khugepaged-spec capture --unit redis -o redis.jsonl
              khugepaged-spec capture --cgroup /system.slice -o services.jsonl
              khugepaged-spec capture --all -o machine.jsonl
              khugepaged-spec capture --unit redis --every 10m --count 6 -o hour.jsonl
              khugepaged-spec whatif redis.jsonl
            """);
        processes.AddTo(command);
        command.Options.Add(range);
        foreach (var option in new Option[] { every, count, output })
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var addresses = Addresses(parsed.GetValue(range));
            var choice = processes.Get(parsed);
            if (choice.IsNone)
                throw new UsageException("no process: expected --pid N, --cgroup, --unit or --all");
            if (parsed.GetValue(range) is { } only && choice is not { Pids.Length: 1, Cgroups: [], Units: [], IsAll: false })
                throw new UsageException($"--range {only}: expected it with one --pid");
            if (Series(choice, parsed.GetValue(every), parsed.GetValue(count), parsed.GetValue(range)) is { } series)
                return series.Run(OutputFile.Of("--output", parsed.GetValue(output)), Interrupt.OfTheRun);
            return Run(choice, addresses, OutputFile.Of("--output", parsed.GetValue(output)));
        });
        return command;
    }

    private static CaptureSeries? Series(ProcessChoice choice, TimeSpan? every, int? count, string? range) => (every, count) switch
    {
        (null, null) => null,
        (null, _) => throw new UsageException($"--count {count}: expected --every TIME with it"),
        (_, null) => throw new UsageException("--every: expected --count N with it"),
        (_, < 1 or > MostCaptures) => throw new UsageException($"--count {count}: expected 1 to {MostCaptures}"),
        _ when range is not null => throw new UsageException($"--range {range} contradicts --every: expected one of them"),
        _ => new CaptureSeries(choice, every.Value, count.Value),
    };

    private static int Run(ProcessChoice choice, (ulong Start, ulong End) range, OutputFile? to)
    {
        var clock = Stopwatch.StartNew();
        var summary = new MachineBuilder(isSummary: true);
        CaptureFile? file = null;
        try
        {
            LiveCapture.Read(choice, range, () =>
            {
                LiveCapture.SayPriority();
                return to is null ? summary : new MachineTee(summary, file = new CaptureFile(to.Open()));
            }, Interrupt.OfTheRun);
        }
        finally
        {
            if (file is not null)
                to!.Guarded(file.Dispose);
        }
        if (summary.Captures is not [var machine, ..])
            throw new OperationCanceledException();
        MachineText.PrintCapture(machine, clock.Elapsed);
        return machine.Processes.Any(process => process.Disagreeing.Any() || process.RollupDiffers) ? ExitCode.Differ
            : machine.IsPartial ? ExitCode.NotExhausted : ExitCode.Agree;
    }

    private static (ulong Start, ulong End) Addresses(string? text)
    {
        if (text is null)
            return LiveCapture.Everything;
        string[] ends = text.Split('-');
        return ends.Length == 2 && Address(ends[0]) is { } start && Address(ends[1]) is { } end && start < end
            ? (start, end)
            : throw new UsageException($"--range {text}: expected two addresses, the lower first, as in 7f3c00000000-7f3c40000000");
    }

    /// <summary>A hexadecimal address; null if it is none.</summary>
    public static ulong? Address(string text) =>
        ulong.TryParse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..]
            : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) ? address : null;
}
