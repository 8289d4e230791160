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
        var file = new Argument<string?>("FILE")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "What capture wrote; - for standard input."
        };
        var pid = PidOption.Create();
        var versions = ModelOption.CreateForSeveral(
            "The khugepaged to run (linux-7.2); several are compared. khugepaged-spec versions lists them.", oneAfterTheOther: true);
        var settings = new SettingsOptions("as on the machine");
        var json = new Option<bool>("--json") { Description = "Print all of it as JSON." };
        var html = HtmlOption.Create("all of it as charts");
        var command = new Verb(
            "whatif",
            "Say what khugepaged would make of a captured process, and what that would cost.",
            """
            Runs the model over the capture, full scan after full scan until one makes nothing: under the machine's settings as
            they were, under each size alone and all of them (set to always), with max_ptes_none 0 and as high as can be, and
            under the settings given here, which stand upon the machine's. Sorted by what large folios map in the end.
            Ranges that changed while they were read are left out.
            Exit code 0; 2 for bad input; 3 if the capture is a part only.

            Examples:
              khugepaged-spec whatif redis.jsonl
              khugepaged-spec whatif --pid 4711 --always 64k,2M --max-ptes-none 0
              khugepaged-spec whatif redis.jsonl --model linux-7.1 linux-7.2 --html redis.html
              khugepaged-spec whatif redis.jsonl --model linux-7.2 linux-7.2 --with none-limit=scaled
            """)
        { file, pid, versions };
        foreach (var option in settings.All)
            command.Add(option);
        command.Add(json);
        command.Add(html);
        var with = WithOption.AddTo(command, "the last model");
        command.SetAction(parsed =>
        {
            var interrupted = Interrupt.OfTheRun;
            var page = HtmlOption.Get(parsed, html);
            var models = with.ChangeLast(parsed, parsed.GetValue(versions) is { Length: > 0 } names
                ? [.. names.Select(name => ModelOption.Find(name, "--model: "))] : [Catalogue.Linux72]);
            var capture = Capture(parsed.GetValue(file), parsed.GetValue(pid), interrupted);
            var (head, pageKb) = (capture.Head, capture.Head.PageBytes / 1024);
            var asked = settings.AnyGiven(parsed) ? settings.Settings(parsed, head.Settings, pageKb) : null;
            var cases = models.SelectMany(model => Cases(model, head, asked, pageKb)).ToImmutableArray();
            var answer = new WhatIfAnswer(capture, Run(capture, cases, interrupted), IsAsked: asked is not null);
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(WhatIfText.ToJson(answer), CliJson.Readable.WhatIfJson));
            else
                WhatIfText.Print(answer);
            if (page is not null)
                page.Write(WhatIfPage.Of(WhatIfText.ToJson(answer)).ToString());
            return capture.IsPartial ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }

    private static ProcessCapture Capture(string? file, int? pid, CancellationToken cancellation)
    {
        if ((file is null) == (pid is null))
            throw new UsageException(file is null ? "nothing to ask of: expected FILE or --pid N"
                : $"FILE {file} contradicts --pid {pid}: expected one of them");
        if (file is not null)
            return Read(file);
        var capture = new CaptureBuilder();
        CaptureCommand.Capture(pid!.Value, CaptureCommand.Everything, () => capture, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return capture.Capture!;
    }

    /// <summary>What was captured.</summary>
    /// <exception cref="CaptureException">There is no such file, or it is no capture.</exception>
    public static ProcessCapture Read(string file) =>
        CaptureFile.Read(file);

    private static IEnumerable<WhatIfCase> Cases(KhugepagedVersion model, CaptureHead head, Settings.ThpSettings? asked, int pageKb)
    {
        yield return new WhatIfCase("present", model, head.Settings);
        if (asked is not null)
            yield return new WhatIfCase("as asked", model, asked);
        foreach (var usual in WhatIfCase.Usual(model, head.Settings, order => Sizes.Name(order, pageKb)))
            yield return usual;
    }

    // Each case rebuilds the process: no more at once than memory has room for.
    private static ImmutableArray<WhatIfReport> Run(ProcessCapture capture, ImmutableArray<WhatIfCase> cases,
        CancellationToken cancellation)
    {
        // Measured on 20 GB of small pages, collapsed.
        const long bytesAPage = 600;
        long room = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2 / Math.Max(1,
            (capture.Pages.Anonymous + capture.Pages.Swap) * bytesAPage);
        var reports = new WhatIfReport[cases.Length];
        TerminalProgress.Steps("what if", cases.Length, advance => Parallel.For(
            0, cases.Length, new ParallelOptions
            {
                MaxDegreeOfParallelism = (int)Math.Clamp(room, 1, Environment.ProcessorCount),
                CancellationToken = cancellation
            }, i =>
            {
                reports[i] = WhatIfReport.Of(capture, cases[i]);
                advance();
            }));
        return [.. reports];
    }
}
