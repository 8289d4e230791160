using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec explain</c>: one page table, step by step.</summary>
internal static class ExplainCommand
{
    public static Command Create() => Create(out _);

    /// <summary>What a command line of it is about, without printing anything.</summary>
    /// <param name="words">What stands behind <c>explain</c>.</param>
    /// <param name="everyStep">It asks for every step.</param>
    public static Explained Explain(IReadOnlyList<string> words, out bool everyStep)
    {
        var command = Create(out var explain);
        (var explained, everyStep) = explain(command.Parse(words));
        return explained;
    }

    private static Verb Create(out Func<ParseResult, (Explained Explained, bool EveryStep)> explain)
    {
        var scenario = new ScenarioOptions();
        var passes = Options.Number("--passes", "Wake-ups of khugepaged, or MADV_COLLAPSE calls (1; all that were recorded for --vector).");
        var vector = new Option<string[]?>("--vector")
        {
            Description = "Explain a recorded vector instead of TABLE.",
            Arity = new ArgumentArity(2, 2),
            AllowMultipleArgumentsPerToken = true,
            HelpName = "ID FILE"
        };
        var captured = new Option<string[]?>(
            "--capture")
        {
            Description = "Explain a PMD range of a captured process instead of TABLE, by any address in it.",
            Arity = new ArgumentArity(2, 2),
            AllowMultipleArgumentsPerToken = true,
            HelpName = "FILE ADDRESS"
        };
        var all = new Option<bool>("--all") { Description = "Print every step of each walk, disabled orders and empty windows too." };
        var model = ModelOption.Create();
        var json = new Option<bool>("--json") { Description = "Print the run as JSON." };
        var html = HtmlOption.Create("the run, to be gone through step by step");
        var c = ReproducerOption.Create("the table");
        var command = new Verb(
            "explain",
            "Show what khugepaged does with one page table, step by step.",
            """
            Shows the scan, each window of the walk as offset/order and why it was tried, skipped or descended from, each
            attempt, the table before and after, statistics and trace lines. The notation: khugepaged-spec notation.

            Examples:
              khugepaged-spec explain 'x*16 .*4 x*100 .*392' --enabled 16k,64k --max-ptes-none 0
              khugepaged-spec explain 'x*300 .*212' --enabled 2,3,4 --uffd --passes 2
              khugepaged-spec explain 'x*512' --fail alloc-fails@9
              khugepaged-spec explain --program 'mmap, madvise, touch' --enabled 64k
              khugepaged-spec explain 'x*300 .*212' --enabled 64k --max-ptes-none 200 --with none-limit=scaled
              khugepaged-spec explain 'x*300 .*212' --enabled 2,3,4 --html walk.html
              khugepaged-spec explain 'x*300 .*212' --enabled 64k --max-ptes-none 0 --c test.c
              khugepaged-spec explain --vector f_3827 linux-7.2.13.jsonl
              khugepaged-spec explain --capture redis.jsonl 7f3c51a00000 --always 64k,2M
            """);
        scenario.AddTo(command);
        foreach (var option in new Option[] { passes, vector, captured, model, all, json, html, c })
            command.Add(option);
        var with = WithOption.AddTo(command);
        Func<ParseResult, Explained> run = parsed =>
        {
            var named = ModelOption.Get(parsed, model);
            if (parsed.GetValue(passes) is < 1 or > 1000)
                throw new UsageException($"--passes {parsed.GetValue(passes)}: expected 1 to 1000");
            return parsed.GetValue(vector) is { Length: > 0 } which
                ? OfVector(parsed, scenario, (which[0], which[1]), parsed.GetValue(passes), recorded =>
                    with.Change(parsed, parsed.GetResult(model) is { Implicit: false } ? named : recorded()))
                : parsed.GetValue(captured) is { Length: > 0 } place
                ? OfCapture(parsed, scenario, place[0], place[1], parsed.GetValue(passes) ?? 1, with.Change(parsed, named))
                : Explained.Of(scenario.Scenario(parsed), with.Change(parsed, named), parsed.GetValue(passes) ?? 1);
        };
        command.SetAction(parsed =>
        {
            var page = HtmlOption.Get(parsed, html);
            var program = OutputFile.Of(c.Name, parsed.GetValue(c));
            var explained = run(parsed);
            if (program is not null)
                program.Write(ReproducerOption.Text(explained, CommandText.Of(parsed, c)));
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(ToJson(explained), CliJson.Readable.ExplainJson));
            else
                ExplainText.Print(explained, everyStep: parsed.GetValue(all));
            if (page is not null)
                page.Write(WalkPage.Of(explained, parsed.GetValue(all), CommandText.Of(parsed, html)).ToString());
            return explained.IsPartial ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        explain = parsed => (run(parsed), parsed.GetValue(all));
        return command;
    }

    private static Explained OfVector(ParseResult parsed, ScenarioOptions scenario, (string Id, string Path) which, int? passes,
        Func<Func<KhugepagedVersion>, KhugepagedVersion> versionOf)
    {
        var (id, path) = which;
        if (scenario.TableText(parsed) is { } table)
            throw new UsageException($"--vector contradicts TABLE '{table}': expected one of them");
        if (scenario.FirstGiven(parsed) is { } option)
            throw new UsageException($"--vector contradicts {option}: expected neither settings nor a VMA, which a recorded vector has");
        var (vector, recordedBy) = Find(id, path);
        var version = versionOf(() => ModelOption.ForRecorded(recordedBy, path));
        if (passes > vector.Passes.Length)
            throw new UsageException($"--passes {passes}: expected 1 to {vector.Passes.Length}, as {id} has");
        var runs = new List<ExplainedPass>();
        var guest = new VectorMachine([vector], version, traced: true);
        var process = guest.Processes[0];
        var before = process.Table;
        foreach (var recorded in vector.Passes.Take(passes ?? vector.Passes.Length))
        {
            guest.Machine.Trace!.Clear();
            var did = guest.Pass();
            var mismatch = Replay.Compare(guest, [recorded], did, runs.Count + 1);
            var run = new PassRun(did[0].Report, did[0].Madvise, process.Table, [.. guest.Machine.Trace!]);
            PageTable? then = null;
            if (runs.Count + 1 == vector.ThenAfter)
            {
                process.RunThen();
                then = process.Table;
            }
            runs.Add(new ExplainedPass(run, mismatch is null ? "agrees" : $"differs at {mismatch.What}: {mismatch.Kernel}", then,
                vector.Input.ThenText)
            {
                WhyNotScanned = run.Report.Tables.Count > 0 ? null
                    : NotScanned.Why(guest.Machine, process.Process, process.Base, vector.Input.Kind),
            });
        }
        return new Explained($"{id} of {Path.GetFileName(path)}: ", version, vector.Input.Kind, vector.Input.Settings, process.Vma, before,
            process.Base, runs);
    }

    private static Explained OfCapture(ParseResult parsed, ScenarioOptions scenario, string path, string address, int passes,
        KhugepagedVersion version)
    {
        if ((scenario.TableText(parsed) ?? scenario.FirstGivenBesidesSettings(parsed)) is { } stray)
            throw new UsageException(
                $"--capture contradicts {stray}: expected settings only, as a captured range has its table and its VMA");
        var capture = Captured(path, ref address);
        var head = capture.Head;
        long page = CaptureCommand.Address(address) is { } at ? (long)(at / (ulong)head.PageBytes)
            : throw new UsageException($"--capture {address}: expected an address, as in 7f3c51a00000");
        long start = head.Geometry.RangeStart(page);
        var range = capture.RangeAt(page) ?? throw new UsageException($"--capture {address}: it lies in no PMD range that was captured");
        var vma = capture.VmaAt(page).Vma;
        var whole = vma with { Start = vma.Start - start, End = vma.End - start };
        var made = new Scenario
        {
            Table = range.Table,
            // No more of the VMA than is known here: of the ranges beside this one the run would be made up.
            Vma = whole with { Start = Math.Max(whole.Start, 0), End = Math.Min(whole.End, head.Geometry.Pages) },
            Settings = scenario.Settings(parsed, head.Settings, head.PageBytes / 1024),
            ThpDisable = head.ThpDisable,
        };
        var explained = Explained.Of(made, version, passes);
        return explained with
        {
            Title = $"{head.Command} ({head.Pid}) at {head.Address(start)}{(range.Changed ? ", which changed while it was read" : "")}{(capture.IsPartial ? ", of a capture that was cut short" : "")}: ",
            Vma = whole,
            IsPartial = capture.IsPartial,
            // How far a wake-up came through the process is not known.
            Passes = [.. explained.Passes.Select(pass =>
                pass with { Run = pass.Run with { Trace = pass.Run.Trace.RemoveAll(line => line is TraceEvent.KhugepagedScan) } })],
        };
    }

    // Of several processes ADDRESS says whose: 4711:7f3c51a00000, of the last capture of the file.
    private static ProcessCapture Captured(string path, ref string address)
    {
        var processes = CaptureFile.ReadAll(path)[^1].Processes;
        if (processes is [var one] && !address.Contains(':', StringComparison.Ordinal))
            return one;
        string[] parts = address.Split(':', 2);
        string place = address;
        address = parts[^1];
        return (parts.Length == 2 ? processes.FirstOrDefault(process => $"{process.Head.Pid}" == parts[0]) : null)
            ?? throw new UsageException($"--capture {place}: expected {processes[0].Head.Pid}:ADDRESS or that of another process, "
                + $"of {processes.Length} in {path}");
    }

    private static (RecordedVector Vector, string? Kernel) Find(string id, string path)
    {
        string found = Recorded.Find(path);
        string? kernel = null;
        string unreadable = "";
        foreach (var line in VectorReader.Read(found, Geometry.X86))
        {
            kernel = line.Meta ?? kernel;
            if (line.Vector is { } vector && vector.Id == id)
                return (vector, kernel);
            if (line.Error is not null && unreadable.Length == 0)
                unreadable = $", nor can line {line.Number} be read ({line.Error})";
        }
        throw new UsageException($"{InputFile.NameOf(path)}: no vector is called '{id}'{unreadable}: expected one that is");
    }

    private static ExplainJson ToJson(Explained explained) => new(
        explained.Version.Name, explained.Before.ToString(), explained.Kind.ToString().ToLowerInvariant(),
        explained.Settings.OrdersFor(explained.Vma.IsAdvised).ToString(),
        explained.Settings.MaxPtesNone, explained.Settings.MaxPtesSwap, explained.Settings.MaxPtesShared,
        [.. explained.Passes.Select(pass => ToJson(pass, explained.Settings, explained.Base, explained.Version.Trace))]);

    private static PassJson ToJson(ExplainedPass pass, ThpSettings settings, long origin, TraceText text) =>
        ToJson(pass.Run, settings, origin, text) with { NotScanned = pass.WhyNotScanned };

    private static PassJson ToJson(PassRun run, ThpSettings settings, long origin, TraceText text) => new(
        [.. run.Report.Tables.Select(table => ToJson(table, settings, origin))],
        run.After.ToString(),
        run.Report.Added.Sizes().ToDictionary(entry => $"{entry.Name}.{entry.Order}", entry => entry.Value),
        run.Report.Added.PagesCollapsed, run.Madvise?.Return, (int?)run.Madvise?.Errno,
        [.. run.Trace.Select(line => line.Line(text))]);

    private static RangeJson ToJson(TableRun table, ThpSettings settings, long origin) => new(
        table.Start - origin, table.Text.KernelNameOf(table.Scan.Result), table.Text.KernelNameOf(table.Status),
        table.Scan.Referenced, table.Scan.NoneOrZero, table.Scan.Unmapped, table.Scan.Shared,
        [.. table.Attempts.Zip(table.Walk.Where(step => step.Reason == WalkReason.Tried), (attempt, step) => new AttemptJson(
            attempt.Offset, attempt.Order, table.Text.KernelNameOf(attempt.Status), attempt.Isolate?.NoneOrZero,
                attempt.Isolate?.Referenced,
            attempt.Swapin?.SwappedIn, ToJson(step.Why, settings, attempt.Order)))],
        ToJson(table.Scan.Why, settings, settings.Geometry.PmdOrder));

    private static RefusalJson? ToJson(Refusal? refusal, ThpSettings settings, int order) => refusal is not { } why ? null
        : new(why.Step.ToString(), why.Cause.ToString(), why.Pte < 0 ? null : why.Pte, why.Found, why.Limit,
            RefusalText.Of(why, settings, order));
}
