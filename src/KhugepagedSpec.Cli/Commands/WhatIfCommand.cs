using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec whatif</c>: what khugepaged would make of a live process.</summary>
internal static class WhatIfCommand
{
    public static Command Create()
    {
        var file = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "What capture wrote; - for standard input. Of several captures the last, and what changed up to it."
        };
        var processes = new ProcessOptions();
        var versions = ModelOption.CreateForSeveral(
            "The khugepaged to run (linux-7.2); several are compared. khugepaged-spec versions lists them.", oneAfterTheOther: true);
        var settings = new SettingsOptions("as on the machine");
        var machineType = MachineOption.Create(
            "The machine that it would be, with pages of the same size: who shares accessed bits (x86-64).");
        var cost = new Option<bool>("--cost")
        {
            Description = "Also print what each case takes: scans, attempts, write locks, flushes, pages copied and cleared.",
        };
        var json = new Option<bool>("--json") { Description = "Print all of it as JSON." };
        var html = HtmlOption.Create("all of it as charts");
        var aims = new AimOptions("Also say what to set");
        var command = new Verb(
            "whatif",
            "Say what khugepaged would make of captured processes, and what that would cost.",
            """
            Runs the model over the capture, full scan after full scan until one makes nothing: under the machine's settings as
            they were, under each size alone and all of them (set to always), with max_ptes_none 0 and as high as can be, and
            under the settings given here, which stand upon the machine's. Sorted by what large folios map in the end.
            --cost is counted as khugepaged-spec cost does, once over the scans that made something, and once for each that follows.
            Several processes share khugepaged: it goes from one to the next, the oldest first, by pages_to_scan at each wake-up.
            Of several captures the last is judged, and between each two it is said what stayed, what changed, and what of the
            prediction came true.
            Ranges that changed while they were read are left out. Beside khugepaged's stands what page faults would add, in a process
            that begins anew and touches what it has now. --aim chooses, and prints the lines for sysfs. --html also tries each
            value of max_ptes_none that makes a difference, for 2M and for all sizes.
            Exit code 0; 2 for bad input; 3 if the capture is a part only, or a process of several could not be read.

            Examples:
              khugepaged-spec whatif redis.jsonl
              khugepaged-spec whatif --pid 4711 --always 64k,2M --max-ptes-none 0
              khugepaged-spec whatif --unit redis --aim balanced --max-added 2%
              khugepaged-spec whatif redis.jsonl --model linux-7.1 linux-7.2 --cost
              khugepaged-spec whatif --cgroup /system.slice --json
              khugepaged-spec whatif --all --html machine.html
              khugepaged-spec whatif monday.jsonl tuesday.jsonl
              khugepaged-spec whatif redis.jsonl --model linux-7.1 linux-7.2 --html redis.html
              khugepaged-spec whatif redis.jsonl --model linux-7.2 linux-7.2 --with none-limit=scaled
            """)
        { file };
        processes.AddTo(command);
        command.Options.Add(versions);
        foreach (var option in settings.All)
            command.Add(option);
        command.Add(machineType);
        aims.AddTo(command);
        foreach (var option in new Option[] { cost, json, html })
            command.Add(option);
        var with = WithOption.AddTo(command, "the last model");
        command.SetAction(parsed =>
        {
            var interrupted = Interrupt.OfTheRun;
            var page = HtmlOption.Get(parsed, html);
            var (aim, percent) = aims.Get(parsed);
            var models = with.ChangeLast(parsed, parsed.GetValue(versions) is { Length: > 0 } names
                ? [.. names.Select(name => ModelOption.Find(name, "--model: "))] : [Catalogue.Linux72]);
            var (captures, from) = Captures(parsed.GetValue(file) ?? [], processes.Get(parsed), interrupted);
            var machine = captures[^1];
            var head = machine.Processes[0].Head;
            int pageKb = head.PageBytes / 1024;
            var asked = settings.AnyGiven(parsed) ? settings.Settings(parsed, head.Settings, pageKb) : null;
            var type = MachineOption.Get(parsed, machineType);
            if (type is not null && type.PageKilobytes != pageKb)
                throw new UsageException($"--machine {type}: the process has pages of {pageKb}k: expected a machine that has them, too");
            ImmutableArray<WhatIfCase> cases = [.. models.SelectMany(model => WhatIfCases.Of(model, head, asked, type))];
            var answer = new WhatIfAnswer(
                machine, WhatIfCases.Run(machine, cases, interrupted), IsAsked: asked is not null, aim, percent, from)
            {
                ShowsCost = parsed.GetValue(cost),
                OverTime = OverTime(captures, parsed.GetValue(versions) is { Length: > 0 } ? models[0] : null),
                Sweep = page is null ? [] : WhatIfCases.Run(machine, Sweep(machine, models[0], type, pageKb), interrupted),
            };
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(WhatIfJsonOf.Answer(answer), CliJson.Readable.WhatIfJson));
            else
                WhatIfText.Print(answer);
            if (page is not null)
                page.Write(WhatIfPage.Of(answer).ToString());
            return machine.IsPartial ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }

    // What there is, in time, and what stands behind whatif to have it again.
    private static (ImmutableArray<MachineCapture> Captures, string From) Captures(string[] files, ProcessChoice choice,
        CancellationToken cancellation)
    {
        if ((files.Length == 0) == choice.IsNone)
            throw new UsageException(files.Length == 0 ? "nothing to ask of: expected FILE or --pid N, --cgroup, --unit or --all"
                : $"FILE {files[0]} contradicts {choice}: expected one of them");
        if (files.Length > 0)
            return (CaptureFile.ReadAll(files), string.Join(' ', files.Select(ShellWord.Quoted)));
        var capture = new MachineBuilder();
        LiveCapture.Read(choice, LiveCapture.Everything, () =>
        {
            LiveCapture.SayPriority();
            return capture;
        }, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return (capture.Captures, string.Join(' ', choice.ToString().Split(' ').Select(ShellWord.Quoted)));
    }

    // Without --model by what models the kernel that they ran on.
    private static ImmutableArray<Interval> OverTime(ImmutableArray<MachineCapture> captures, KhugepagedVersion? model) =>
        [.. captures.Zip(captures.Skip(1)).Select(pair => Interval.Of(pair.First, pair.Second,
            model ?? Catalogue.ForRelease(pair.First.Head.Kernel) ?? Catalogue.Linux72))];

    private static ImmutableArray<WhatIfCase> Sweep(MachineCapture machine, KhugepagedVersion model, PageTables.MachineType? type,
        int pageKb) =>
        [
            .. NoneSweep.Cases(machine, model, order => Sizes.Name(order, pageKb))
                .Select(one => one with { Machine = type ?? one.Machine }),
        ];
}
