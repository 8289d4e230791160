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
    public static Command Create()
    {
        var pid = PidOption.Create();
        var range = new Option<string?>("--range")
        {
            Description = "Only PMD ranges that overlap these addresses, hexadecimal as in maps.",
            HelpName = "A-B"
        };
        var output = new Option<string?>("--output",
            "-o")
        { Description = "Keep it there, for whatif; without, only the summary is printed.", HelpName = "FILE" };
        var command = new Verb(
            "capture",
            "Read the page tables of a live process, one scenario a PMD range.",
            """
            Reads smaps (maps with sizes), pagemap, kpageflags and kpagecount; writes nothing and does not stop the process. Needs
            root, and Linux 6.7 or later. A range that changes each time it is read is marked. Not to be seen from outside: pins (GUP), pages that
            wait in a CPU's LRU batch, and which pages of a VMA were referenced if only some were: those all count as used.
            Exit code 0: all was read, and what stood still agrees with smaps to the page; 1: it does not; 2: bad input;
            3: the process ended, or Ctrl-C: what was read is kept, and marked as a part.

            Examples:
              khugepaged-spec capture --pid 4711 -o redis.jsonl
              khugepaged-spec capture --pid 4711 --range 7f3c00000000-7f3c40000000 -o part.jsonl
              khugepaged-spec whatif redis.jsonl
            """)
        { pid, range, output };
        command.SetAction(parsed =>
        {
            var addresses = Addresses(parsed.GetValue(range));
            int process = parsed.GetValue(pid) ?? throw new UsageException("no process: expected --pid N");
            return Run(process, addresses, OutputFile.Of("--output", parsed.GetValue(output)));
        });
        return command;
    }

    /// <summary>Captures a process, with progress, into a file or memory.</summary>
    /// <exception cref="CaptureException">It cannot be.</exception>
    public static CaptureEnd Capture(int pid, (ulong Start, ulong End) range, Func<ICaptureSink> into, CancellationToken cancellation)
    {
        using var process = new LocalCapture(pid);
        var end = new CaptureEnd(CaptureEnding.Interrupted, 0, 0, []);
        TerminalProgress.Amounts($"capture {process.Head.Command}", process.Extent(range),
            advance => end = process.Read(range, into(), advance, cancellation));
        return end;
    }

    /// <summary>All of a process.</summary>
    public static (ulong Start, ulong End) Everything => (0, ulong.MaxValue);

    private static int Run(int pid, (ulong Start, ulong End) range, OutputFile? to)
    {
        var clock = Stopwatch.StartNew();
        var built = new CaptureBuilder();
        CaptureFile? file = null;
        try
        {
            Capture(pid, range, () => to is null ? built : new CaptureTee(built, file = new CaptureFile(to.Open())), Interrupt.OfTheRun);
        }
        finally
        {
            if (file is not null)
                to!.Guarded(file.Dispose);
        }
        var capture = built.Capture!;
        CaptureText.Print(capture, clock.Elapsed);
        return capture.Disagreeing.Any() ? ExitCode.Differ : capture.IsPartial ? ExitCode.NotExhausted : ExitCode.Agree;
    }

    private static (ulong Start, ulong End) Addresses(string? text)
    {
        if (text is null)
            return Everything;
        string[] ends = text.Split('-');
        return ends.Length == 2 && Address(ends[0]) is { } start && Address(ends[1]) is { } end && start < end
            ? (start, end)
            : throw new UsageException($"--range {text}: expected two addresses, the lower first, as in 7f3c00000000-7f3c40000000");
    }

    /// <summary>A hexadecimal address; null if it is none.</summary>
    public static ulong? Address(string text) =>
        ulong.TryParse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..]
            : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) ? address : null;

    private sealed record CaptureTee(ICaptureSink One, ICaptureSink Other) : ICaptureSink
    {
        public void Add(CaptureHead head)
        {
            One.Add(head);
            Other.Add(head);
        }

        public void Add(CapturedRange range)
        {
            One.Add(range);
            Other.Add(range);
        }

        public void Add(CapturedVma vma)
        {
            One.Add(vma);
            Other.Add(vma);
        }

        public void Add(CaptureEnd end)
        {
            One.Add(end);
            Other.Add(end);
        }
    }
}

/// <summary><c>--pid N</c>.</summary>
internal static class PidOption
{
    public static Option<int?> Create() => Options.Number("--pid", "The process.");
}
