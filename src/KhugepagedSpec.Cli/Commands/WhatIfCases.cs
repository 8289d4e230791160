using System.Collections.Immutable;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>What could be of a captured machine, and what would come of it.</summary>
internal static class WhatIfCases
{
    /// <summary>The machine's own settings, those that were asked for, and what one may want to know of every machine.</summary>
    /// <param name="model">The khugepaged.</param>
    /// <param name="head">A process of the machine.</param>
    /// <param name="asked">Settings that were asked for; null for none.</param>
    /// <param name="type">The machine that it would be; null for the usual one.</param>
    public static IEnumerable<WhatIfCase> Of(KhugepagedVersion model, CaptureHead head, ThpSettings? asked, MachineType? type)
    {
        int pageKb = head.PageBytes / 1024;
        IEnumerable<WhatIfCase> cases = [
            new("present", model, head.Settings),
            .. asked is null ? Array.Empty<WhatIfCase>() : [new("as asked", model, asked)],
            .. WhatIfCase.Usual(model, head.Settings, order => Sizes.Name(order, pageKb)),
        ];
        return cases.Select(one => one with { Machine = type ?? one.Machine });
    }

    /// <summary>Runs them. What a case holds grows with the ranges: of a large machine one after the other.</summary>
    public static ImmutableArray<WhatIfReport> Run(MachineCapture machine, ImmutableArray<WhatIfCase> cases,
        CancellationToken cancellation)
    {
        const int manyRanges = 10_000;
        var reports = new WhatIfReport[cases.Length];
        TerminalProgress.Steps("what if", cases.Length, advance => Parallel.For(
            0, cases.Length, new ParallelOptions
            {
                MaxDegreeOfParallelism = machine.Ranges > manyRanges ? 1 : Environment.ProcessorCount,
                CancellationToken = cancellation,
            }, i =>
            {
                reports[i] = WhatIfReport.Of(machine, cases[i]);
                advance();
            }));
        return [.. reports];
    }
}
